# C1  The gradient as a column (denominator layout): dz/dx = (dy/dx)(dz/dy). Example z = cᵀ y, y = M x.
#     dy/dx = Mᵀ,   dz/dy = c,   dz/dx = Mᵀ c
param x[n]
input M[m, n], c[m]
y = M@x
z = c@y
