# A two-layer classifier.
input X[N, D], y[N]: int
param W1[D, H], W2[H, C], b1[H], b2[C]
Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = softmax_ce(S, y, reduction="mean")
