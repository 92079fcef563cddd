# A classifier of nine layers.
input X[N, D], y[N]: int
param W_{1:9}[D, D], W_9[D, C], b_{1:9}[D], b_9[C]
h_0 = X
for k in 0:8 { h_{k+1} = relu(h_{k} @ W_{k+1} + b_{k+1}) }
S = h_8 @ W_9 + b_9
L = softmax_ce(S, y, reduction="mean")
