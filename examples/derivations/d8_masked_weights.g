# D8  A weight matrix with absent entries, drawn as [[w1, w2, w3], [w4, −, −], [−, −, w6]]: Y = X (W ⊙ M).
#     Absent weights stay absent: dW = (Xᵀ dY) ⊙ M is 0 there, so the training step W ← W − η dW leaves them.
input X[N, 3], T[N, 3]
param W[3, 3]
const M = [[1, 1, 1], [1, 0, 0], [0, 0, 1]]
const eta = 0.1
Y = X@(W * M)
L = sum((Y - T)**2)
W <- W - eta * grad(L, W)
