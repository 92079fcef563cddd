# Convolution, relu, max-pool, fully connected.
input X[N, 3, 32, 32], y[N]: int
param Wc[16, 3, 3, 3], bc[16], Wf[4096, K], bf[K]
C = relu(conv2d(X, Wc, bc, padding=1))
P = max_pool2d(C, 2)
S = reshape(P, (N, 4096)) @ Wf + bf
L = softmax_ce(S, y, reduction="mean")
