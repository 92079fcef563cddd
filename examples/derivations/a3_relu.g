# A3  H = relu(Z), entry by entry.
#     dZ_ij = dH_ij  if Z_ij > 0,  0 otherwise (at Z_ij = 0 too)
param Z[N, H]
H = relu(Z)
