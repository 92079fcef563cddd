# B7  Row scaling: row i of Z is s_i times row i of X.
#     dX = dZ scaled by s per row,   ds_i = Σ_j dZ_ij X_ij
param X[m, n], s[m]
Z = s[:, None] * X
