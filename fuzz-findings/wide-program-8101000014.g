def halves(a) { h = a / 2; return h, a - h**2 }
param X[N, D]
param T[H, N, D]
param r[1, D]
param q[N, 2, D, C]
param w_D[D]
input k_2[3]: int
param w_C_N[C, N]
input i_H[3]: int
z1 = batch_norm(X, w_D, w_D, eps=0.1)
z2 = tile(X, (2, 1))
z3 = bilinear(z1, X, ones((3, shape(z1)[1], shape(z1)[1])) / 9)
z4 = one_hot(k_2, 6)
z5, z6 = halves((z4 - z4))
z7 = (z4 @ w_C_N) @ (z4 @ w_C_N).T / 9
z8 = logsumexp(w_C_N)
z9 = take(T, i_H, axis=0)
z10 = kl_div(z7, sigmoid((z7 + 1)), reduction="none")
h1_0 = (z1 * 0.5)
for k in 0:1 { h1_{k+1} = sin(h1_{k}) - w_D * h1_{k} }
output z1, z2, z3, z4, z5, z6, z7, z8, z9, z10, h1_0, h1_1
