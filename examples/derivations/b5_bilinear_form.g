# B5  The bilinear form z = xᵀ A y; the incoming dz scales each gradient.
#     dx = dz A y,   dy = dz Aᵀ x,   dA = dz x yᵀ
param x[m], A[m, n], y[n]
z = x @ A @ y
output z
