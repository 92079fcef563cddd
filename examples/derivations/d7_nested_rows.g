# D7  Two linear layers one after the other, samples as rows: y = (x W_0 + b_0) W_1 + b_1.
#     dx = dy W_1ᵀ W_0ᵀ,   dW_1 = (x W_0 + b_0)ᵀ dy,   dW_0 = xᵀ dy W_1ᵀ,   db_1 = 1ᵀ dy,   db_0 = 1ᵀ dy W_1ᵀ
param x[N, n], W_0[n, h], b_0[h], W_1[h, m], b_1[m]
y = (x@W_0 + b_0)@W_1 + b_1
