# Self-attention of one head.
input X[B, T, D]
param Wq[D, D], Wk[D, D], Wv[D, D], Wo[D, D]
Y = attention(X@Wq, X@Wk, X@Wv) @ Wo
L = 0.5 * sum(Y * Y) / (B * T)
