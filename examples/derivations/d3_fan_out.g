# D3  Fan-out: ỹ = (x@y + z) ⊙ M + z uses z twice, with M = [[1, 0], [2, 1], [0, 1]]. The two uses add up.
#     d(Σ ỹ)/dz = M + ones(3, 2),   d(Σ ỹ)/dx = M yᵀ,   d(Σ ỹ)/dy = xᵀ M
param x[3, 2], y[2, 2], z[3, 2]
const M = [[1, 0], [2, 1], [0, 1]]
ỹ = (x@y + z) * M + z
o = sum(ỹ)
