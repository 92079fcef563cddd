# D6  A training step by gradient descent on the squared error of one layer with σ:
#     W ← W − η dW,   b ← b − η db
#     dZ = 2 (Y − T) ⊙ Y ⊙ (1 − Y),   dW = Xᵀ dZ,   db = 1ᵀ dZ
input X[N, D], T[N, C]
param W[D, C], b[C]
const eta = 0.1
Y = sigmoid(X@W + b)
L = sum((Y - T)**2)
W <- W - eta * grad(L, W)
b <- b - eta * grad(L, b)
