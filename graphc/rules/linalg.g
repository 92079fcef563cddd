# The rules of products of matrices. `mT` exchanges the last two axes, so every rule holds for a batch as well;
# vectors have become rows and columns before a rule sees them.

# derivations A0, B2, B3, E1
rule matmul(A, B) -> Y { dA = dY @ mT(B);  dB = mT(A) @ dY }
rule mT(x) -> y        { dx = mT(dy) }
# derivations B4
rule outer(x, y) -> Z  { dx = dZ @ y;  dy = mT(dZ) @ x }

# The bilinear form of two vectors; dx = A y, dy = Aᵀ x, dA = x yᵀ follow from the products.
# math: {x}ᵀ {A} {y}
# source: derivations B5
# hidden: true
op quadratic_form(x, A, y) { Ay = A @ y; return x @ Ay }

# The bilinear form of the rows of two matrices, one number per row.
# math: [({x} {A}) ⊙ {y}] 1
# source: derivations B8
# hidden: true
op quadratic_rows(x, A, y) { xA = x @ A; return sum(xA * y, axis=1) }

# One pair of vectors and a stack of matrices: two products of a matrix and a vector.
# math: {x}ᵀ {A}ᵢ {y}
# source: derivations B9
# hidden: true
op bilinear_pair(x, y, A) {
    Ay = reshape(A, (shape(A)[0] * shape(A)[1], shape(A)[2])) @ y
    return reshape(Ay, (shape(A)[0], shape(A)[1])) @ x
}

# The bilinear layer. The stack of matrices, seen as one tall matrix, is one product with Y: row i of `AY` for a sample
# is A_i y; then each sample multiplies its own x. No axis moves, so every reshape is free, in the gradient too.
# math: [({X} {A}ᵢ) ⊙ {Y}] 1
# source: derivations B10, B12
# hidden: true
op bilinear_rows(X, Y, A) {
    tall = reshape(A, (shape(A)[0] * shape(A)[1], shape(A)[2]))
    AY = reshape(Y @ mT(tall), (shape(X)[0], shape(A)[0], shape(A)[1]))
    return squeeze(AY @ expand_dims(X, axis=-1), axis=-1)
}

# ---------------------------------------------------------------- parts of matrices

rule trace(x, *, k) -> t               { dx = dt * eye(shape(x)[0], shape(x)[1], k) }
rule diagonal(x, *, k, count) -> y     { dx = from_diagonal(dy, k=k, shape=shape(x)) }
rule from_diagonal(x, *, k, shape) -> y { dx = diagonal(dy, k=k, count=shape(x)[-1]) }
rule triu(x, *, k) -> y                { dx = triu(dy, k=k) }
rule tril(x, *, k) -> y                { dx = tril(dy, k=k) }

# ---------------------------------------------------------------- inverses and determinants
# M. Giles, Collected matrix derivative results for forward and reverse mode algorithmic differentiation, 2008.

rule inv(A) -> Y      { dA = -mT(Y) @ dY @ mT(Y) }
rule solve(A, B) -> X { dB = solve(mT(A), dX);  dA = -dB @ mT(X) }
rule solve_vector(A, b) -> x { db = solve(mT(A), dx);  dA = -outer(db, x) }
rule det(A) -> d      { dA = expand_dims(dd * d, axis=(-2, -1)) * mT(inv(A)) }
rule logdet(A) -> l   { dA = expand_dims(dl, axis=(-2, -1)) * mT(inv(A)) }
rule det_sign(A) -> s { dA = none }

# A = L Lᵀ. With Φ the lower triangle, its diagonal halved, the gradient is S = L⁻ᵀ Φ(Lᵀ dL) L⁻¹. NumPy reads
# the lower triangle of A alone, so that is where the gradient lies: the entry below the diagonal stands for both.
# I. Murray, Differentiation of the Cholesky decomposition, 2016.
rule cholesky(A) -> L {
    P = mT(L) @ dL
    F = (tril(P) + tril(P, k=-1)) / 2
    T = solve(mT(L), mT(F))
    S = solve(mT(L), mT(T))
    dA = tril(S) + tril(mT(S), k=-1)
}

# G. Golub and V. Pereyra, The differentiation of pseudo-inverses, 1973; for matrices whose rank stays the same.
rule pinv(A) -> Y {
    U = mT(dY) @ (Y @ mT(Y))
    V = (mT(Y) @ Y) @ mT(dY)
    dA = U - A @ (Y @ U) + V - (V @ Y) @ A - mT(Y) @ dY @ mT(Y)
}

# Sums of products of entries: of all, and of those of each row.
rule vdot(x, y) -> s   { dx = ds * y;  dy = ds * x }
rule subtract_at_labels(P, y, s) -> z { dP = dz;  dy = none;  ds = -pick(dz, y) }
rule vecdot(x, y) -> s { dx = expand_dims(ds, axis=-1) * y;  dy = expand_dims(ds, axis=-1) * x }
