# A0  Affine by entries: Y = X W, one entry at a time Y_nh = Σ_d X_nd W_dh.
#     ∂Y_nh/∂X_nd = W_dh, and 0 for another row, so ∂L/∂X_nd = Σ_h ∂L/∂Y_nh W_dh, together
#     dX = dY Wᵀ        (and dW = Xᵀ dY)
param X[N, D], W[D, H]
Y = X@W
