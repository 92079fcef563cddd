# B7  The column-wise dot of X = (x_1 … x_n) and Y = (y_1 … y_n): X·Y = (x_1ᵀ y_1, …, x_nᵀ y_n).
#     dX = Y scaled by dz per column,   dY = X scaled by dz per column
param X[m, n], Y[m, n]
z = sum(X * Y, axis=0, keepdims=true)
