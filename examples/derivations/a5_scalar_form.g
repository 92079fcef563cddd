# A5  The two-layer network in scalar form: one sample of class 1, two inputs, two hidden units, two classes; every
#     entry is a number of its own, and the chain rule is followed entry by entry. a5_matrix_form.g collects the entries.
#     ∂L/∂s_1 = P_1 − 1,   ∂L/∂s_2 = P_2
#     ∂L/∂u_jk = ∂L/∂s_k h_j,   ∂L/∂c_k = ∂L/∂s_k,   ∂L/∂h_j = Σ_k ∂L/∂s_k u_jk
#     ∂L/∂z_j = ∂L/∂h_j if z_j > 0 else 0
#     ∂L/∂w_ij = ∂L/∂z_j x_i,   ∂L/∂b_j = ∂L/∂z_j
input x_1[], x_2[]
param w_11[], w_12[], w_21[], w_22[], b_1[], b_2[]
param u_11[], u_12[], u_21[], u_22[], c_1[], c_2[]
z_1 = x_1*w_11 + x_2*w_21 + b_1
z_2 = x_1*w_12 + x_2*w_22 + b_2
h_1 = relu(z_1)
h_2 = relu(z_2)
s_1 = h_1*u_11 + h_2*u_21 + c_1
s_2 = h_1*u_12 + h_2*u_22 + c_2
P_1 = exp(s_1) / (exp(s_1) + exp(s_2))
L = -log(P_1)
