# D7  Two linear layers one after the other, samples as columns: y = W_1 (W_0 x + b_0) + b_1.
#     d7_collapsed.g is the one layer that they are.
#     dx = W_0ᵀ W_1ᵀ dy,   dW_1 = dy (W_0 x + b_0)ᵀ,   dW_0 = W_1ᵀ dy xᵀ,   db_1 = dy 1,   db_0 = W_1ᵀ dy 1
param x[n, N], W_0[h, n], b_0[h, 1], W_1[m, h], b_1[m, 1]
y = W_1@(W_0@x + b_0) + b_1
