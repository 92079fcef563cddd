# D5  The gradient of an inner weight through an outer one: y = σ(z), z = z_1 w_5, and z_1 = σ(x_1 w_1 + x_2 w_2).
#     ∂y/∂z_1 = σ′(z) w_5,   so  ∂y/∂w_1 = σ′(z) w_5 ∂z_1/∂w_1,   ∂z_1/∂w_1 = z_1 (1 − z_1) x_1;   ∂y/∂w_5 = σ′(z) z_1
input x_1[], x_2[]
param w_1[], w_2[], w_5[]
z_1 = sigmoid(x_1*w_1 + x_2*w_2)
z = z_1 * w_5
y = sigmoid(z)
