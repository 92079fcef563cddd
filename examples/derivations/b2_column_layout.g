# B2  A layer with samples as columns: Y = W X, Z = Y + B, B = (b, b, …, b), b repeated over the columns.
#     dY = dZ,   dX = Wᵀ dZ,   dW = dZ Xᵀ,   db = sum of dZ over the column axis
param W[m, n], X[n, N], b[m]
Y = W@X
B = broadcast_to(b[:, None], (m, N))
Z = Y + B
