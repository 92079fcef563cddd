# C3  z = W x + b, one output at a time: dL/dW = Σ_i (dz_i/dW)(dL/dz_i).
#     Row i of dW is (dL/dz_i) xᵀ, so dW = dz xᵀ;   dx = Wᵀ dz,   db = dz
param W[m, n], x[n], b[m]
z = W@x + b
