# D4  The deep network of depth k by a loop, here k = 3, f = tanh: z_1 = f(x W_0 + b_0), z_{j+1} = f(z_j W_j + b_j).
#     With da = dz_{j+1} ⊙ (1 − z_{j+1}²):   dz_j = da W_jᵀ,   dW_j = z_jᵀ da,   db_j = 1ᵀ da
const k = 3
input x[N, d]
param W_{0:k+1}[d, d], b_{0:k+1}[d]
z_1 = tanh(x@W_0 + b_0)
for j in 1:k { z_{j+1} = tanh(z_{j} @ W_{j} + b_{j}) }
y = tanh(z_{k} @ W_{k} + b_{k})
