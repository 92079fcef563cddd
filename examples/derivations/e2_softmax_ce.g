# E2  Softmax and −log of the right class together.
#     dS_ij = Z_ij − 1{j = y_i}
param S[N, C]
input y[N]: int
L = softmax_ce(S, y)
