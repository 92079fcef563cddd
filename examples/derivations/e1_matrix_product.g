# E1  Y = X W with X ∈ R^{2×2}, W ∈ R^{2×3}, the entries of e1_by_entries.g collected:
#     dX = dY Wᵀ,   dW = Xᵀ dY
param X[2, 2], W[2, 3]
Y = X@W
