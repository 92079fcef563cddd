# The classifier of net.g with the multiclass SVM loss: every wrong score should stay a margin below the right one.
input X[N, D], y[N]: int
param W1[D, H], b1[H], W2[H, C], b2[C]
const eta = 0.2

Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = svm_loss(S, y, margin=1, reduction="mean")

output S, L
loss L

W1 <- W1 - eta * grad(L, W1)
b1 <- b1 - eta * grad(L, b1)
W2 <- W2 - eta * grad(L, W2)
b2 <- b2 - eta * grad(L, b2)
