# Gradient descent on batches, W ← W − η ∂L/∂W (derivations D6, with the sign of descent).
#
#     new = net.step(X, y, W1, W2, eta)          new["W1"], new["W2"]

input X[N, D], y[N]: int
param W1[D, H], W2[H, C]
input eta[]

Z = tanh(X @ W1)
L = softmax_ce(Z @ W2, y, reduction="mean")
output L

W1 <- W1 - eta * grad(L, W1)
W2 <- W2 - eta * grad(L, W2)
