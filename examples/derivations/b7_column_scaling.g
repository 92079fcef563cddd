# B7  Column scaling: Z = (x_1 s_1, …, x_n s_n).
#     dX = dZ scaled by s per column,   ds_j = x_jᵀ dz_j
param X[m, n], s[n]
Z = X * s
