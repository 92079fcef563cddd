# B4  z = f(y) behind y = A x; here f = tanh by entries, dy = dz ⊙ (1 − z²).
#     dx = Aᵀ dy,   dA = dy xᵀ (the outer product)
param x[n], A[m, n]
y = A@x
z = tanh(y)
