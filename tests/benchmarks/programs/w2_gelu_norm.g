# gelu, layer norm, residual.
param X[N, D], g[D], b[D]
A = gelu(X, approximate="tanh")
Y = X + layer_norm(A, g, b)
L = 0.5 * sum(Y * Y)
