# C4  y = σ(z) by entries: its Jacobian is diagonal.
#     dy_i/dz_i = σ(z_i)(1 − σ(z_i)),   dz = dy ⊙ y ⊙ (1 − y)
param z[n]
y = sigmoid(z)
