# B6  The product by entries with broadcasting: z = x ⊙ y, the row y standing beside every row of x.
#     dx = dz ⊙ y,   dy = 1ᵀ (dz ⊙ x), summed over the rows that y was repeated for
param x[m, n], y[n]
z = x * y
