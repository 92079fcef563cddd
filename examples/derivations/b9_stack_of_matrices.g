# B9  A stack of matrices and one pair: z_i = xᵀ A_i y, A ∈ R^{l×m×n}.
#     dx = Σ_i dz_i A_i y,   dy = Σ_i dz_i A_iᵀ x,   dA_i = dz_i x yᵀ
param x[m], A[l, m, n], y[n]
z = bilinear(x, y, A)
