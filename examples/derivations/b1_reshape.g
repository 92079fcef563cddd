# B1  The gradient of a scalar has its variable's own shape. Reshape: Y = reshape(X), here rows of pairs.
#     dX = reshape(dY, shape of X)
param X[N, 2*K]
Y = reshape(X, (N*K, 2))
