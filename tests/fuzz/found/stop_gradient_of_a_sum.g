# What lets the value through keeps the brackets round it.
input i[N]: int
param x[N]
y = stop_gradient(x + 1) * x
z = stop_gradient(-x)**2 + stop_gradient(i - 2) * x
w = (stop_gradient(x - i)[:, None] * x)[0]
output y, z, w
