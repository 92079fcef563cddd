# E3  The multiclass SVM: L = Σ_i Σ_{j≠y_i} max(0, S_ij − S_{i,y_i} + 1) (a sum, margin 1).
#     dS_ij = 1{S_ij − S_{i,y_i} + 1 > 0}  for j ≠ y_i,   dS_{i,y_i} = −Σ_{j≠y_i} 1{S_ij − S_{i,y_i} + 1 > 0}
param S[N, C]
input y[N]: int
L = svm_loss(S, y)
