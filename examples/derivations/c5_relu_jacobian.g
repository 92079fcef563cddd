# C5  The whole Jacobian of y = relu(z).
#     J = diag(1{z > 0}), whose own derivative is 0
param z[n]
y = relu(z)
J = jacobian(y, z)
output y, J
