# A4  The two-layer network, the biases given as vectors: b1 ∈ R^H, b2 ∈ R^C. Their gradients are vectors, too.
#     dW2 = Hᵀ dS,   db2 = 1ᵀ dS,   dH = dS W2ᵀ,   dZ = dH ⊙ 1{Z > 0}
#     dW1 = Xᵀ dZ,   db1 = 1ᵀ dZ,   dX = dZ W1ᵀ
param X[N, D], W1[D, H], b1[H], W2[H, C], b2[C]
input y[N]: int
Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = softmax_ce(S, y)
