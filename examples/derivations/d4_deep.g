# D4  A deep network by recursion: z_1 = f_0(x W_0 + b_0), z_{k+1} = f_k(z_k W_k + b_k), y the last; here k = 3 and
#     f_0 = tanh, f_1 = σ, f_2 = relu, f_3 = tanh in turn with da_k = dz_{k+1} ⊙ f_k′:
#     dz_k = da_k W_kᵀ,   dW_k = z_kᵀ da_k,   db_k = 1ᵀ da_k
input z_0[N, d]
param W_{0:4}[d, d], b_{0:4}[d]
z_1 = tanh(z_0@W_0 + b_0)
z_2 = sigmoid(z_1@W_1 + b_1)
z_3 = relu(z_2@W_2 + b_2)
y = tanh(z_3@W_3 + b_3)
