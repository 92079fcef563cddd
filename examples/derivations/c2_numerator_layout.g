# C2  The gradient as a row (numerator layout): dz/dx = (dz/dy)(dy/dx). The example of C1 with rows; cᵀ is the row c.
#     dy/dx = M,   dz/dy = c,   dz/dx = c M
param x[1, n]
input M[m, n], c[1, m]
y = x@M.T
z = sum(c * y)
