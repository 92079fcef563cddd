# The reference for the assignment: a two-layer classifier with weight decay.
input X[N, D], y[N]: int
param W1[D, H], b1[H], W2[H, C], b2[C]
const decay = 0.01

Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = softmax_ce(S, y, reduction="mean") + decay*(sum(W1**2) + sum(W2**2))
loss L
