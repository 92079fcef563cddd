# B11 B10 as one contraction: Z_ij = Σ_ab X_aj A_iab Y_bj.
#     dX_aj = Σ_ib dZ_ij A_iab Y_bj,   dY_bj = Σ_ia dZ_ij A_iab X_aj,   dA_iab = Σ_j dZ_ij X_aj Y_bj
param X[m, N], A[l, m, n], Y[n, N]
Z = einsum("aj,iab,bj->ij", X, A, Y)
