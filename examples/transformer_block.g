# A block of a transformer that reads from left to right (Vaswani et al. 2017, in the order of GPT-2): causal attention
# with two heads, then a network of two layers at each of the T places. Both see their input normalised and add to it.
input X[N, T, D]
param gamma1[D], beta1[D], Wq[D, D], Wk[D, D], Wv[D, D], Wo[D, D]
param gamma2[D], beta2[D], W1[D, F], b1[F], W2[F, D], b2[D]
const heads = 2

def heads_of(x) = swapaxes(reshape(x, (N, T, heads, D//heads)), 1, 2)     # (N, heads, T, D//heads)

U = layer_norm(X, gamma1, beta1)
Q = heads_of(U@Wq)
K = heads_of(U@Wk)
V = heads_of(U@Wv)
A = attention(Q, K, V, causal=true)
R = X + reshape(swapaxes(A, 1, 2), (N, T, D))@Wo

M = layer_norm(R, gamma2, beta2)
Z = M@W1 + b1
H = gelu(Z, approximate="tanh")
Y = R + H@W2 + b2
output Y
