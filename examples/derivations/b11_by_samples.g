# B11 The second way to B10: per sample j, as B9 with the pair (x_j, y_j); here four samples.
#     dx_j = Σ_i dz_ij A_i y_j,   dy_j = Σ_i dz_ij A_iᵀ x_j,   dA_i = Σ_j dz_ij x_j y_jᵀ
param X[m, 4], A[l, m, n], Y[n, 4]
for j in 0:4 { z_{j} = bilinear(X[:, j], Y[:, j], A) }
Z = stack([z_0, z_1, z_2, z_3], axis=1)
