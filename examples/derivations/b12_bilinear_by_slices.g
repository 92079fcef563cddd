# B12 The bilinear layer slice by slice: Z_i = [(X A_i) ⊙ Y] 1 + b_i; here three slices.
#     dX = Σ_i dZ_i ⊙ (Y A_iᵀ),   dY = Σ_i dZ_i ⊙ (X A_i),   dA_i = (dZ_i ⊙ X)ᵀ Y,   db = dZᵀ 1_N
param X[N, m], Y[N, n], A[3, m, n], b[3]
for i in 0:3 {
    XA_{i} = X @ A[i]
    z_{i} = sum(XA_{i} * Y, axis=1)
}
Z = stack([z_0, z_1, z_2], axis=1) + b
