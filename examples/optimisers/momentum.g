# Gradient descent with momentum (Polyak 1964): V ← μ V + ∂L/∂W, W ← W − η V with the new V.
#
# The velocities are state: arguments of the step and among its results, zeros at first.
#
#     new = net.step(X, y, W1, W2, V1, V2, eta)  new["W1"], new["W2"], new["V1"], new["V2"]

input X[N, D], y[N]: int
param W1[D, H], W2[H, C]
input V1[D, H], V2[H, C], eta[]
const mu = 0.9

Z = tanh(X @ W1)
L = softmax_ce(Z @ W2, y, reduction="mean")
output L

# Every update reads the values from before the step, so the new velocity has a name of its own.
velocity1 = mu * V1 + grad(L, W1)
velocity2 = mu * V2 + grad(L, W2)
V1 <- velocity1
V2 <- velocity2
W1 <- W1 - eta * velocity1
W2 <- W2 - eta * velocity2
