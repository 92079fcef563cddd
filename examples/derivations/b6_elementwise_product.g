# B6  The product by entries: z = x ⊙ y.
#     dx = dz ⊙ y,   dy = dz ⊙ x
param x[m, n], y[m, n]
z = x * y
