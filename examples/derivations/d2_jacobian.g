# D2  The full Jacobian ∂y1/∂z of the worked example (d1_worked_example.g) has the shape (3×2)×(3×2).
#     ∂y1_ij/∂z_kl = 1 where i = k and j = l, 0 elsewhere: the identity tensor
param x[3, 2], y[2, 2], z[3, 2]
y1 = x@y + z
J = jacobian(y1, z)
output y1, J
