# C4  The whole Jacobian of y = σ(z).
#     J = diag(σ(z)(1 − σ(z)));   with dJ coming in, dz_i = dJ_ii y_i (1 − y_i)(1 − 2 y_i)
param z[n]
y = sigmoid(z)
J = jacobian(y, z)
output J
