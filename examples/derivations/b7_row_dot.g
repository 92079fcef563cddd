# B7  The row-wise dot of X and Y, one number per row: z_i = Σ_j X_ij Y_ij.
#     dX = Y scaled by dz per row,   dY = X scaled by dz per row
param X[m, n], Y[m, n]
z = sum(X * Y, axis=1, keepdims=true)
