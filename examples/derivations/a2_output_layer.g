# A2  The output layer: S = H W2 + b2, b2 ∈ R^{1×C}.
#     dW2 = Hᵀ dS,   db2 = 1ᵀ dS,   dH = dS W2ᵀ
param H[N, H], W2[H, C], b2[1, C]
S = H@W2 + b2
