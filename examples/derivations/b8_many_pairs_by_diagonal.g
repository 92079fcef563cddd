# B8  The same numbers as the diagonal of Xᵀ A Y, which computes N² entries to keep N.
#     With dZ on the diagonal, D = diag(dZ): dX = A Y Dᵀ,   dY = Aᵀ X D,   dA = X D Yᵀ
param X[m, N], A[m, n], Y[n, N]
Z = diag(X.T @ A @ Y)
