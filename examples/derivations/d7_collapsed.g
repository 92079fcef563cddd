# D7  The layers of d7_nested.g as one: y = (W_1 W_0) x + (W_1 b_0 + b_1). The numbers and gradients are the same.
#     With W = W_1 W_0, b = W_1 b_0 + b_1:   dW = dy xᵀ,   db = dy 1,   dx = Wᵀ dy
#     dW_1 = dW W_0ᵀ + db b_0ᵀ,   dW_0 = W_1ᵀ dW,   db_0 = W_1ᵀ db,   db_1 = db
param x[n, N], W_0[h, n], b_0[h, 1], W_1[m, h], b_1[m, 1]
W = W_1@W_0
b = W_1@b_0 + b_1
y = W@x + b
