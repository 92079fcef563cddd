# A1  Softmax and cross-entropy, scalar form: one sample s with the class y, L = −log P_y, P = softmax(s).
#     ∂L/∂s_j = P_j − 1  for j = y,  P_j  for the others
param s[C]
input y[]: int
P = softmax(s)
L = -log(P[y])
output L
