# A small convolutional network for 8x8 images; train_convnet.py trains it on the digits of examples/digits.
input X[N, 1, 8, 8], y[N]: int
param W1[C1, 1, 3, 3], b1[C1], W2[C2, C1, 3, 3], b2[C2], W3[4*C2, K], b3[K]

Z1 = conv2d(X, W1, b1, padding=1)              # (N, C1, 8, 8)
A1 = relu(Z1)
H1 = max_pool2d(A1, 2)                         # (N, C1, 4, 4)
Z2 = conv2d(H1, W2, b2, padding=1)             # (N, C2, 4, 4)
A2 = relu(Z2)
H2 = max_pool2d(A2, 2)                         # (N, C2, 2, 2)
S = flatten(H2, 1)@W3 + b3                     # scores, one row per image
L = softmax_ce(S, y, reduction="mean")

output S, L
loss L
