"""Closed forms of the rows B, written from the page in NumPy, without anything of graphc.

Each takes the arguments `a` and the incoming cotangents `d`, by name, and gives the outputs and the gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.derivation_cases import Arrays, case, row_count

# ---------------------------------------------------------------- B

@case("b1_reshape", "dX = reshape(dY, shape of X)", "X[N,2*K]", "Y[N*K,2]")
def _b1(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    return {"Y": np.array(a.X.ravel().tolist()).reshape(-1, 2)}, {"X": d.Y.reshape(a.X.shape)}


@case("b2_column_layout", "dY = dZ, dX = Wᵀ dZ, dW = dZ Xᵀ, db = Σ_j dZ_j", "W[m,n] X[n,N] b[m]", "Z[m,N]")
def _b2(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    B = np.stack([a.b] * a.X.shape[1], axis=1)
    return {"Z": a.W @ a.X + B}, {"W": d.Z @ a.X.T, "X": a.W.T @ d.Z, "b": sum(d.Z[:, j] for j in range(d.Z.shape[1]))}


def _b3(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    one = np.ones(row_count(a.X))
    return {"Y": a.X @ a.A.T + np.outer(one, a.b)}, {"X": d.Y @ a.A, "A": d.Y.T @ a.X, "b": d.Y.T @ one}


case("b3_linear_layer", "dX = dY A, dA = dYᵀ X, db = dYᵀ 1", "X[N,n] A[m,n] b[m]", "Y[N,m]")(_b3)
case("b3_linear_layer_written_out", "the same, with `@` and `+`", "X[N,n] A[m,n] b[m]", "Y[N,m]")(_b3)


@case("b3_one_sample", "dx = Aᵀ dy, dA = dy xᵀ, db = dy", "x[n] A[m,n] b[m]", "y[m]")
def _b3_one(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    return {"y": a.A @ a.x + a.b}, {"x": a.A.T @ d.y, "A": d.y[:, None] @ a.x[None], "b": d.y}


@case("b4_matrix_vector", "dx = Aᵀ dy, dA = dy xᵀ", "x[n] A[m,n]", "z[m]")
def _b4(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    y = a.A @ a.x
    dy = d.z / np.cosh(y) ** 2
    return {"z": np.tanh(y)}, {"x": a.A.T @ dy, "A": dy[:, None] @ a.x[None]}


@case("b5_bilinear_form", "dx = A y, dy = Aᵀ x, dA = x yᵀ", "x[m] A[m,n] y[n]", "z[]")
def _b5(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    z = sum(a.x[i] * a.A[i, j] * a.y[j] for i in range(len(a.x)) for j in range(len(a.y)))
    return {"z": z}, {"x": d.z * (a.A @ a.y), "y": d.z * (a.A.T @ a.x), "A": d.z * (a.x[:, None] @ a.y[None])}


@case("b6_elementwise_product", "dx = dz ⊙ y, dy = dz ⊙ x", "x[m,n] y[m,n]", "z[m,n]")
def _b6(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    return {"z": a.x * a.y}, {"x": d.z * a.y, "y": d.z * a.x}


@case("b6_elementwise_product_broadcast", "dy = 1ᵀ (dz ⊙ x)", "x[m,n] y[n]", "z[m,n]")
def _b6_broadcast(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    y = np.stack([a.y] * row_count(a.x))
    return {"z": a.x * y}, {"x": d.z * y, "y": np.ones(row_count(a.x)) @ (d.z * a.x)}


@case("b7_column_dot", "dX = Y scaled by dz per column", "X[m,n] Y[m,n]", "z[1,n]")
def _b7_columns(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    scale = np.diag(d.z[0])
    return {"z": np.array([[a.X[:, j] @ a.Y[:, j] for j in range(a.X.shape[1])]])}, {"X": a.Y @ scale, "Y": a.X @ scale}


@case("b7_row_dot", "dX = Y scaled by dz per row", "X[m,n] Y[m,n]", "z[m,1]")
def _b7_rows(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    scale = np.diag(d.z[:, 0])
    return {"z": np.array([[x @ y] for x, y in zip(a.X, a.Y, strict=True)])}, {"X": scale @ a.Y, "Y": scale @ a.X}


@case("b7_column_scaling", "dX = dZ scaled by s per column, ds_j = x_jᵀ dz_j", "X[m,n] s[n]", "Z[m,n]")
def _b7_column_scaling(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    return {"Z": a.X @ np.diag(a.s)}, {"X": d.Z @ np.diag(a.s), "s": np.diag(a.X.T @ d.Z)}


@case("b7_row_scaling", "dX = dZ scaled by s per row, ds_i = Σ_j dZ_ij X_ij", "X[m,n] s[m]", "Z[m,n]")
def _b7_row_scaling(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    return {"Z": np.diag(a.s) @ a.X}, {"X": np.diag(a.s) @ d.Z, "s": np.diag(d.Z @ a.X.T)}


@case("b7_weighted_sum", "dx_i = Σ_jk dZ_jk Y_ijk, dY_i = x_i dZ", "x[l] Y[l,m,n]", "Z[m,n]")
def _b7_weighted(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    Z = sum(x * Y for x, Y in zip(a.x, a.Y, strict=True))
    return {"Z": Z}, {"x": np.array([(d.Z * Y).sum() for Y in a.Y]), "Y": np.stack([x * d.Z for x in a.x])}


def _b8(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    pairs = range(a.X.shape[1])
    Z = np.array([a.X[:, j] @ a.A @ a.Y[:, j] for j in pairs])
    scale = np.diag(d.Z)
    dA = sum(d.Z[j] * np.outer(a.X[:, j], a.Y[:, j]) for j in pairs)
    return {"Z": Z}, {"X": a.A @ a.Y @ scale, "Y": a.A.T @ a.X @ scale, "A": dA}


case("b8_many_pairs", "dX = (A Y) scaled by dZ, dY = (Aᵀ X) scaled, dA = (X scaled) Yᵀ",
      "X[m,N] A[m,n] Y[n,N]", "Z[N]")(_b8)  # fmt: skip
case("b8_many_pairs_by_diagonal", "the same as the diagonal of Xᵀ A Y", "X[m,N] A[m,n] Y[n,N]", "Z[N]")(_b8)


@case("b9_stack_of_matrices", "dx = Σ_i dz_i A_i y, dy = Σ_i dz_i A_iᵀ x, dA_i = dz_i x yᵀ",
       "x[m] A[l,m,n] y[n]", "z[l]")  # fmt: skip
def _b9(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    z = np.array([a.x @ Ai @ a.y for Ai in a.A])
    dx = sum(dz * Ai @ a.y for dz, Ai in zip(d.z, a.A, strict=True))
    dy = sum(dz * Ai.T @ a.x for dz, Ai in zip(d.z, a.A, strict=True))
    return {"z": z}, {"x": dx, "y": dy, "A": np.stack([dz * np.outer(a.x, a.y) for dz in d.z])}


def _b10(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    """Per slice i and sample j: Z_ij = x_jᵀ A_i y_j."""
    Z = np.zeros(d.Z.shape)
    dX, dA, dY = np.zeros(a.X.shape), np.zeros(a.A.shape), np.zeros(a.Y.shape)
    for i, j in np.ndindex(*Z.shape):
        x, A, y = a.X[:, j], a.A[i], a.Y[:, j]
        Z[i, j] = x @ A @ y
        dX[:, j] += d.Z[i, j] * (A @ y)
        dY[:, j] += d.Z[i, j] * (A.T @ x)
        dA[i] += d.Z[i, j] * np.outer(x, y)
    return {"Z": Z}, {"X": dX, "A": dA, "Y": dY}


case("b10_stack_and_many_pairs", "dX = Σ_i (A_i Y) scaled by dZ_i, …, dA_i = (X scaled by dZ_i) Yᵀ",
      "X[m,N] A[l,m,n] Y[n,N]", "Z[l,N]")(_b10)  # fmt: skip
case("b11_by_slices", "the first way: per slice i, as B8", "X[m,N] A[3,m,n] Y[n,N]", "Z[3,N]")(_b10)
case("b11_by_samples", "the second way: per sample j, as B9", "X[m,4] A[l,m,n] Y[n,4]", "Z[l,4]")(_b10)
case("b11_contraction", "as one contraction", "X[m,N] A[l,m,n] Y[n,N]", "Z[l,N]")(_b10)


def _b12(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    one = np.ones(row_count(a.X))
    Z = np.stack([((a.X @ A) * a.Y) @ np.ones(a.Y.shape[1]) + b for A, b in zip(a.A, a.b, strict=True)], axis=1)
    dZ = [d.Z[:, i : i + 1] for i in range(len(a.b))]
    dX = sum(dz * (a.Y @ A.T) for dz, A in zip(dZ, a.A, strict=True))
    dY = sum(dz * (a.X @ A) for dz, A in zip(dZ, a.A, strict=True))
    return {"Z": Z}, {"X": dX, "Y": dY, "A": np.stack([(dz * a.X).T @ a.Y for dz in dZ]), "b": d.Z.T @ one}


case("b12_bilinear", "dX = Σ_i dZ_i ⊙ (Y A_iᵀ), dY = Σ_i dZ_i ⊙ (X A_i), dA_i = (dZ_i ⊙ X)ᵀ Y, db = dZᵀ 1",
      "X[N,m] Y[N,n] A[l,m,n] b[l]", "Z[N,l]")(_b12)  # fmt: skip
case("b12_bilinear_by_slices", "the same, slice by slice", "X[N,m] Y[N,n] A[3,m,n] b[3]", "Z[N,3]")(_b12)
