# B8  One matrix and many pairs, samples as columns: z_j = x_jᵀ A y_j, Z = X·(A Y).
#     dX = (A Y) scaled by dZ per column
#     dY = (Aᵀ X) scaled by dZ per column
#     dA = (X scaled by dZ) Yᵀ = Σ_j dz_j x_j y_jᵀ
param X[m, N], A[m, n], Y[n, N]
AY = A@Y
Z = sum(X * AY, axis=0)
