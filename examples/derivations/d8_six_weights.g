# D8  The same matrix from the weights that are there, so that no absent one exists: w = (w1, w2, w3, w4, w6) at their
#     places in [[w1, w2, w3], [w4, −, −], [−, −, w6]].
#     dw_k is the entry of Xᵀ dY at the place of w_k.
input X[N, 3], T[N, 3]
param w[5]
const eta = 0.1
W = reshape(scatter_add(zeros(9), [0, 1, 2, 3, 8], w), (3, 3))
Y = X@W
L = sum((Y - T)**2)
w <- w - eta * grad(L, w)
