# A4  The two-layer network, b1 ∈ R^{1×H}, b2 ∈ R^{1×C}.
#     dS = P − onehot(y)
#     dW2 = Hᵀ dS,   db2 = 1ᵀ dS,   dH = dS W2ᵀ
#     dZ = dH ⊙ 1{Z > 0}
#     dW1 = Xᵀ dZ,   db1 = 1ᵀ dZ,   dX = dZ W1ᵀ
param X[N, D], W1[D, H], b1[1, H], W2[H, C], b2[1, C]
input y[N]: int
Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = softmax_ce(S, y)
