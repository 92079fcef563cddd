# B12 The bilinear layer: X ∈ R^{N×m}, Y ∈ R^{N×n}, A ∈ R^{l×m×n}, b ∈ R^l, Z_i = [(X A_i) ⊙ Y] 1 + b_i.
#     dX = Σ_i dZ_i ⊙ (Y A_iᵀ),   dY = Σ_i dZ_i ⊙ (X A_i)      (dZ_i scales rows)
#     dA_i = (dZ_i ⊙ X)ᵀ Y,   db = dZᵀ 1_N
param X[N, m], Y[N, n], A[l, m, n], b[l]
Z = bilinear(X, Y, A, b)
