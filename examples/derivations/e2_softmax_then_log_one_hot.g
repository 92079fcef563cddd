# E2  As e2_softmax_then_log.g, the right class chosen by a row of zeros and a one: L = −Σ_ij onehot(y)_ij log Z_ij.
#     dS = Z − onehot(y)
param S[N, C]
input y[N]: int
Z = softmax(S)
L = -sum(one_hot(y, C) * log(Z))
