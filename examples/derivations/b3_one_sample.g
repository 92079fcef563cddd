# B3  The linear layer on one sample: y = A x + b, A ∈ R^{m×n}.
#     dx = Aᵀ dy,   dA = dy xᵀ,   db = dy
param x[n], A[m, n], b[m]
y = A@x + b
