# B3  The linear layer y = A x + b on a batch of rows, A ∈ R^{m×n}: Y = X Aᵀ + bᵀ.
#     dX = dY A,   dA = dYᵀ X,   db = dYᵀ 1_N
param X[N, n], A[m, n], b[m]
Y = linear(X, A, b)
