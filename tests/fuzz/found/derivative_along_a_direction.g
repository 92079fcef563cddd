# What the transposition of the transpose leaves behind is dead.
op cube(x) = x * x * x
rule cube(x) -> y { dx = 3 * dy * x**2 }
input x[N]
param W[N, N]
v = tanh(W @ x)
g = jvp(cube(v), x, x)
L = sum(g**2)
output L
