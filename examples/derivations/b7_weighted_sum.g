# B7  The weighted sum of matrices: Z = x·Y = Σ_i x_i Y_i, x ∈ R^l, Y ∈ R^{l×m×n}, Z ∈ R^{m×n}.
#     dx_i = Σ_jk dZ_jk Y_ijk,   dY_i = x_i dZ
param x[l], Y[l, m, n]
Z = tensordot(x, Y, axes=1)
