"""Closed forms of the rows C and D, written from the page in NumPy, without anything of graphc.

Each takes the arguments `a` and the incoming cotangents `d`, by name, and gives the outputs and the gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from examples.derivation_cases import Arrays, case, row_count, sigma

# ---------------------------------------------------------------- C

@case("c1_denominator_layout", "dz/dx = Mᵀ c", "x[n] M[m,n] c[m]", "z[]")
def _c1(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    return {"z": np.vdot(a.c, a.M @ a.x)}, {"x": d.z * (a.M.T @ a.c)}


@case("c2_numerator_layout", "dz/dx = cᵀ M, a row", "x[1,n] M[m,n] c[1,m]", "z[]")
def _c2(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    return {"z": np.vdot(a.c, a.M @ a.x[0])}, {"x": d.z * (a.c @ a.M)}


@case("c1_layouts", "J = M, D = Mᵀ, dz/dx = D c = (c J)ᵀ", "x[n] M[m,n] c[m]", "column[n] row[n]")
def _c1_layouts(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    both = d.column + d.row
    return {"column": a.M.T @ a.c, "row": a.c @ a.M}, {"M": np.outer(a.c, both), "c": a.M @ both}


@case("c3_rows_of_dW", "row i of dW is (dL/dz_i) xᵀ", "W[m,n] x[n] b[m]", "z[m]")
def _c3(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    z = np.array([w @ a.x + b for w, b in zip(a.W, a.b, strict=True)])
    return {"z": z}, {"W": np.stack([dz * a.x for dz in d.z]), "x": sum(dz * w for dz, w in zip(d.z, a.W, strict=True)),
                      "b": d.z}  # fmt: skip


@case("c4_sigmoid", "J = diag(σ(z)(1 − σ(z)))", "z[n]", "y[n]")
def _c4(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    y = sigma(a.z)
    return {"y": y}, {"z": np.diag(y * (1 - y)) @ d.y}


@case("c4_sigmoid_jacobian", "J = diag(σ(z)(1 − σ(z))), whole", "z[n]", "J[n,n]")
def _c4_jacobian(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    y = sigma(a.z)
    return {"J": np.diag(y * (1 - y))}, {"z": np.diag(d.J) * y * (1 - y) * (1 - 2 * y)}


@case("c5_relu", "J = diag(1{z > 0})", "z[n]", "y[n]")
def _c5(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    J = np.diag((a.z > 0).astype(float))
    return {"y": J @ a.z}, {"z": J @ d.y}


@case("c5_relu_jacobian", "J = diag(1{z > 0}), whole", "z[n]", "y[n] J[n,n]")
def _c5_jacobian(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    J = np.diag((a.z > 0).astype(float))
    return {"y": J @ a.z, "J": J}, {"z": J @ d.y}


# ---------------------------------------------------------------- D

@case("d1_worked_example", "do/dx = 1 yᵀ, do/dy = xᵀ 1, do/dz = 1", "x[3,2] y[2,2] z[3,2]", "y1[3,2] o[]")
def _d1(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    y1, one = a.x @ a.y + a.z, np.ones((3, 2))
    return {"y1": y1, "o": y1.sum()}, {"x": d.o * one @ a.y.T, "y": d.o * a.x.T @ one, "z": d.o * one}


@case("d2_jacobian", "∂y1/∂z is the identity tensor", "x[3,2] y[2,2] z[3,2]", "y1[3,2] J[3,2,3,2]")
def _d2(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    J = np.zeros((3, 2, 3, 2))
    for i, j in np.ndindex(3, 2):
        J[i, j, i, j] = 1
    return {"y1": a.x @ a.y + a.z, "J": J}, {"x": d.y1 @ a.y.T, "y": a.x.T @ d.y1, "z": d.y1}


@case("d3_fan_out", "d(Σ ỹ)/dz = M + 1", "x[3,2] y[2,2] z[3,2]", "o[]")
def _d3(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    M = np.array([[1, 0], [2, 1], [0, 1]])
    o = ((a.x @ a.y + a.z) * M + a.z).sum()
    return {"o": o}, {"x": d.o * M @ a.y.T, "y": d.o * a.x.T @ M, "z": d.o * (M + np.ones((3, 2)))}


def _deep(a: Any, d: Any, x: Any, slopes: list[tuple[Callable[[Any], Any], Callable[[Any], Any]]]) -> Any:
    """Layers f(z W + b) one after the other; the slope of f in terms of its input."""
    zs, inputs = [x], []
    for k, (f, _) in enumerate(slopes):
        inputs.append(zs[-1] @ getattr(a, f"W_{k}") + getattr(a, f"b_{k}"))
        zs.append(f(inputs[-1]))
    gradients, dz = {}, d.y
    for k in reversed(range(len(slopes))):
        da = dz * slopes[k][1](inputs[k])
        gradients[f"W_{k}"], gradients[f"b_{k}"] = zs[k].T @ da, np.ones(row_count(da)) @ da
        dz = da @ getattr(a, f"W_{k}").T
    return {"y": zs[-1]}, gradients


TANH = (np.tanh, lambda u: 1 / np.cosh(u) ** 2)
SIGMOID = (sigma, lambda u: sigma(u) * sigma(-u))
RELU = (lambda u: np.where(u > 0, u, 0), lambda u: (u > 0).astype(float))


@case("d4_deep", "da_k = dz_{k+1} ⊙ f_k′, dW_k = z_kᵀ da_k, dz_k = da_k W_kᵀ",
       "z_0[N,d] W_0[d,d] W_1[d,d] W_2[d,d] W_3[d,d] b_0[d] b_1[d] b_2[d] b_3[d]", "y[N,d]")  # fmt: skip
def _d4(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    result: tuple[Arrays, Arrays] = _deep(a, d, a.z_0, [TANH, SIGMOID, RELU, TANH])
    return result


@case("d4_deep_by_loop", "the same by a loop, f = tanh",
       "x[N,d] W_0[d,d] W_1[d,d] W_2[d,d] W_3[d,d] b_0[d] b_1[d] b_2[d] b_3[d]", "y[N,d]")  # fmt: skip
def _d4_loop(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    result: tuple[Arrays, Arrays] = _deep(a, d, a.x, [TANH] * 4)
    return result


@case("d5_inner_weight", "∂y/∂w_1 = σ′(z) w_5 ∂z_1/∂w_1", "x_1[] x_2[] w_1[] w_2[] w_5[]", "y[]")
def _d5(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    u = a.x_1 * a.w_1 + a.x_2 * a.w_2
    z_1 = sigma(u)
    z = z_1 * a.w_5
    slope, inner = d.y * sigma(z) * sigma(-z), sigma(u) * sigma(-u)
    return {"y": sigma(z)}, {"w_1": slope * a.w_5 * inner * a.x_1, "w_2": slope * a.w_5 * inner * a.x_2,
                              "w_5": slope * z_1}  # fmt: skip


@case("d6_training_step", "W ← W − η dW, dZ = 2 (Y − T) ⊙ Y ⊙ (1 − Y), dW = Xᵀ dZ",
       "X[N,D] T[N,C] W[D,C] b[C]", "L[]")  # fmt: skip
def _d6(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    Y = sigma(a.X @ a.W + a.b)
    dZ = d.L * 2 * (Y - a.T) * Y * (1 - Y)
    return {"L": np.sum((Y - a.T) ** 2)}, {"W": a.X.T @ dZ, "b": np.ones(row_count(dZ)) @ dZ}


def _d7(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    one = np.ones((1, a.x.shape[1]))
    inner = a.W_0 @ a.x + a.b_0 @ one
    back = a.W_1.T @ d.y
    return {"y": a.W_1 @ inner + a.b_1 @ one}, {
        "x": a.W_0.T @ back, "W_0": back @ a.x.T, "b_0": back @ one.T, "W_1": d.y @ inner.T, "b_1": d.y @ one.T,
    }  # fmt: skip


case("d7_nested", "dW_0 = W_1ᵀ dy xᵀ, dW_1 = dy (W_0 x + b_0)ᵀ, …",
      "x[n,N] W_0[h,n] b_0[h,1] W_1[m,h] b_1[m,1]", "y[m,N]")(_d7)  # fmt: skip
case("d7_collapsed", "y = (W_1 W_0) x + (W_1 b_0 + b_1)",
      "x[n,N] W_0[h,n] b_0[h,1] W_1[m,h] b_1[m,1]", "y[m,N]")(_d7)  # fmt: skip


def _d7_rows(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    one = np.ones(row_count(a.x))
    inner = a.x @ a.W_0 + np.outer(one, a.b_0)
    back = d.y @ a.W_1.T
    return {"y": inner @ a.W_1 + np.outer(one, a.b_1)}, {
        "x": back @ a.W_0.T, "W_0": a.x.T @ back, "b_0": one @ back, "W_1": inner.T @ d.y, "b_1": one @ d.y,
    }  # fmt: skip


case("d7_nested_rows", "dW_0 = xᵀ dy W_1ᵀ, dW_1 = (x W_0 + b_0)ᵀ dy, …",
      "x[N,n] W_0[n,h] b_0[h] W_1[h,m] b_1[m]", "y[N,m]")(_d7_rows)  # fmt: skip
case("d7_collapsed_rows", "y = x (W_0 W_1) + (b_0 W_1 + b_1)",
      "x[N,n] W_0[n,h] b_0[h] W_1[h,m] b_1[m]", "y[N,m]")(_d7_rows)  # fmt: skip

# Where the drawn matrix has weights.
MASK = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 1]])


@case("d8_masked_weights", "dW = (Xᵀ dY) ⊙ M", "X[N,3] T[N,3] W[3,3]", "L[]")
def _d8(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    dY = 2 * d.L * (a.X @ (a.W * MASK) - a.T)
    return {"L": np.sum((a.X @ (a.W * MASK) - a.T) ** 2)}, {"W": (a.X.T @ dY) * MASK}


@case("d8_six_weights", "dw_k is the entry of Xᵀ dY at the place of w_k", "X[N,3] T[N,3] w[5]", "L[]")
def _d8_six(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    W = np.zeros((3, 3))
    W[MASK == 1] = a.w
    error = a.X @ W - a.T
    return {"L": np.sum(error**2)}, {"w": (a.X.T @ (2 * d.L * error))[MASK == 1]}
