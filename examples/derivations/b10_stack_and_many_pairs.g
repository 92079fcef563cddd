# B10 A stack of matrices and many pairs, samples as columns: Z_ij = x_jᵀ A_i y_j, X ∈ R^{m×N}, Y ∈ R^{n×N}, Z ∈ R^{l×N}.
#     dX = Σ_i (A_i Y) scaled by dZ_i per column
#     dY = Σ_i (A_iᵀ X) scaled by dZ_i per column
#     dA_i = (X scaled by dZ_i) Yᵀ
param X[m, N], A[l, m, n], Y[n, N]
AY = A@Y
Z = sum(X * AY, axis=1)
