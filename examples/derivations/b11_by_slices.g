# B11 The first way to B10: per slice i, as B8 with the matrix A_i; here three slices.
#     dX = Σ_i (A_i Y) scaled by dZ_i,   dY = Σ_i (A_iᵀ X) scaled by dZ_i,   dA_i = (X scaled by dZ_i) Yᵀ
param X[m, N], A[3, m, n], Y[n, N]
for i in 0:3 {
    AY_{i} = A[i] @ Y
    z_{i} = sum(X * AY_{i}, axis=0)
}
Z = stack([z_0, z_1, z_2], axis=0)
