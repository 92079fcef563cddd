# NumPy makes float64 of plain numbers that have a shape, and they have no `astype`.
input x[3], i[3]: int, v[D]
y = expand_dims(2.5, 0) * x + sum(expand_dims(2, 0), axis=0)
z = stack([D / 2, 2, 1]) * stop_gradient(2)
w = solve([[2, 0, 1], [0, 1, 0], [0, 0, 1]], i) * x
output y, z, w
