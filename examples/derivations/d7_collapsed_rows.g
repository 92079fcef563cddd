# D7  The layers of d7_nested_rows.g as one: y = x (W_0 W_1) + (b_0 W_1 + b_1). The numbers and gradients are the same.
#     With W = W_0 W_1, b = b_0 W_1 + b_1:   dW = xᵀ dy,   db = 1ᵀ dy,   dx = dy Wᵀ
#     dW_0 = dW W_1ᵀ,   dW_1 = W_0ᵀ dW + b_0ᵀ db,   db_0 = db W_1ᵀ,   db_1 = db
param x[N, n], W_0[n, h], b_0[h], W_1[h, m], b_1[m]
W = W_0@W_1
b = b_0@W_1 + b_1
y = x@W + b
