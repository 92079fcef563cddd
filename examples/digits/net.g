# Two-layer classifier on 8x8 digits: softmax and cross-entropy, plain gradient descent.
input X[N, D], y[N]: int
param W1[D, H], b1[H], W2[H, C], b2[C]
const eta = 0.5                                # the step; the loss is a mean, so it does not depend on N

Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2                                  # scores, one row per image
L = softmax_ce(S, y, reduction="mean")

output S, L
loss L

W1 <- W1 - eta * grad(L, W1)
b1 <- b1 - eta * grad(L, b1)
W2 <- W2 - eta * grad(L, W2)
b2 <- b2 - eta * grad(L, b2)
