# A1  Softmax and cross-entropy, matrix form: P = softmax of each row of S, L = −Σ_i log P_{i,y_i}
#     (a sum over samples, no 1/N).
#     dS_ij = P_ij − 1{j = y_i}
param S[N, C]
input y[N]: int
L = softmax_ce(S, y)
