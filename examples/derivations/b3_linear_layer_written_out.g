# B3  The linear layer on a batch of rows without the operation `linear`: Y = X Aᵀ + bᵀ.
#     dX = dY A,   dA = dYᵀ X,   db = dYᵀ 1_N
param X[N, n], A[m, n], b[m]
Y = X@A.T + b
