# D1  The worked example: x = ones(3, 2), y = 0.5 ones(2, 2), z = 0.25 ones(3, 2), y1 = x@y + z, o = Σ y1.
#     every entry of y1 is 1.25, o = 7.5
#     do/dy1 = ones(3, 2),   do/dz = ones(3, 2),   do/dx = ones(3, 2) (each 0.5 + 0.5),   do/dy = 3 ones(2, 2)
param x[3, 2], y[2, 2], z[3, 2]
y1 = x@y + z
o = sum(y1)
output y1, o
loss o
