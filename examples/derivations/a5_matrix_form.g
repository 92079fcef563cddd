# A5  The two-layer network of a5_scalar_form.g in matrix form: order and transposes are fixed by the shapes.
#     dS = P − onehot(y),   dU = Hᵀ dS,   dc = 1ᵀ dS,   dH = dS Uᵀ,   dZ = dH ⊙ 1{Z > 0},   dW = Xᵀ dZ,   db = 1ᵀ dZ
input X[N, D], y[N]: int
param W[D, H], b[H], U[H, C], c[C]
Z = X@W + b
H = relu(Z)
S = H@U + c
L = softmax_ce(S, y)
