# C5  y = relu(z) by entries: its Jacobian is diagonal.
#     dy_i/dz_i = 1{z_i > 0},   dz = dy ⊙ 1{z > 0}
param z[n]
y = relu(z)
