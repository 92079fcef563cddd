# E3  The multiclass SVM without the operation `svm_loss`. The label's own term is max(0, 0 + 1) = 1, a constant per
#     sample, which is taken off.
#     dS_ij = 1{S_ij − S_{i,y_i} + 1 > 0}  for j ≠ y_i,   dS_{i,y_i} = −Σ_{j≠y_i} 1{S_ij − S_{i,y_i} + 1 > 0}
param S[N, C]
input y[N]: int
s = S[arange(N), y]
M = relu(S - s[:, None] + 1)
L = sum(M) - N
