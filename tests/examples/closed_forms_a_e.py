"""Closed forms of the rows A and E, written from the page in NumPy, without anything of graphc.

Each takes the arguments `a` and the incoming cotangents `d`, by name, and gives the outputs and the gradients.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from examples.derivation_cases import Arrays, case, onehot, row_count, softmax

# ---------------------------------------------------------------- A

@case("a0_affine", "dX = dY Wᵀ", "X[N,D] W[D,H]", "Y[N,H]")
def _a0(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    N, D, H = *a.X.shape, a.W.shape[1]
    Y, dX, dW = np.zeros((N, H)), np.zeros((N, D)), np.zeros((D, H))
    for n in range(N):
        for j in range(D):
            for h in range(H):
                Y[n, h] += a.X[n, j] * a.W[j, h]
                dX[n, j] += d.Y[n, h] * a.W[j, h]
                dW[j, h] += a.X[n, j] * d.Y[n, h]
    return {"Y": Y}, {"X": dX, "W": dW}


@case("a1_softmax_ce", "dS_ij = P_ij − 1{j = y_i}", "S[N,C] y[N]<C", "L[]")
def _a1(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    P = softmax(a.S)
    L = sum(-np.log(P[i, a.y[i]]) for i in range(row_count(a.S)))
    return {"L": L}, {"S": d.L * (P - onehot(a.y, a.S.shape[1]))}


@case("a1_one_sample", "ds_j = P_j − 1 if j = y else P_j", "s[C] y[]<C", "L[]")
def _a1_one(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    P = softmax(a.s)
    ds = np.array([P[j] - 1 if j == a.y else P[j] for j in range(len(P))])
    return {"L": -np.log(P[a.y])}, {"s": d.L * ds}


@case("a2_output_layer", "dW2 = Hᵀ dS, db2 = 1ᵀ dS, dH = dS W2ᵀ", "H[N,H] W2[H,C] b2[1,C]", "S[N,C]")
def _a2(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    one = np.ones((row_count(a.H), 1))
    return {"S": a.H @ a.W2 + one @ a.b2}, {"W2": a.H.T @ d.S, "b2": one.T @ d.S, "H": d.S @ a.W2.T}


@case("a3_relu", "dZ_ij = dH_ij if Z_ij > 0 else 0", "Z[N,H]", "H[N,H]")
def _a3(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    return {"H": np.where(a.Z > 0, a.Z, 0)}, {"Z": np.where(a.Z > 0, d.H, 0)}


def _two_layer(a: Any, d: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> tuple[Any, dict[str, Any]]:
    """The two-layer network, biases as rows."""
    one = np.ones((row_count(a.X), 1))
    Z = a.X @ W1 + one @ b1
    H = np.where(Z > 0, Z, 0)
    P = softmax(H @ W2 + one @ b2)
    rows = onehot(a.y, P.shape[1])
    dS = d.L * (P - rows)
    dZ = np.where(Z > 0, dS @ W2.T, 0)
    gradients = {
        "X": dZ @ W1.T, "W1": a.X.T @ dZ, "b1": one.T @ dZ, "W2": H.T @ dS, "b2": one.T @ dS,
    }  # fmt: skip
    return -np.sum(rows * np.log(P)), gradients


@case("a4_two_layer", "dW1 = Xᵀ dZ, db1 = 1ᵀ dZ, dX = dZ W1ᵀ, …",
       "X[N,D] W1[D,H] b1[1,H] W2[H,C] b2[1,C] y[N]<C", "L[]")  # fmt: skip
def _a4(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    L, gradients = _two_layer(a, d, a.W1, a.b1, a.W2, a.b2)
    return {"L": L}, gradients


@case("a4_two_layer_flat_bias", "the same with b1 ∈ R^H, db1 ∈ R^H",
       "X[N,D] W1[D,H] b1[H] W2[H,C] b2[C] y[N]<C", "L[]")  # fmt: skip
def _a4_flat(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    L, gradients = _two_layer(a, d, a.W1, a.b1[None], a.W2, a.b2[None])
    return {"L": L}, {**gradients, "b1": gradients["b1"][0], "b2": gradients["b2"][0]}


@case("a5_matrix_form", "dU = Hᵀ dS, dc = 1ᵀ dS, dW = Xᵀ dZ, db = 1ᵀ dZ",
       "X[N,D] y[N]<C W[D,H] b[H] U[H,C] c[C]", "L[]")  # fmt: skip
def _a5_matrix(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    L, g = _two_layer(a, d, a.W, a.b[None], a.U, a.c[None])
    return {"L": L}, {"W": g["W1"], "b": g["b1"][0], "U": g["W2"], "c": g["b2"][0]}


@case("a5_scalar_form", "∂L/∂u_jk = ∂L/∂s_k h_j, ∂L/∂h_j = Σ_k ∂L/∂s_k u_jk, …",
       "x_1[] x_2[] w_11[] w_12[] w_21[] w_22[] b_1[] b_2[] u_11[] u_12[] u_21[] u_22[] c_1[] c_2[]",
       "L[]")  # fmt: skip
def _a5_scalar(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    X = np.array([[a.x_1, a.x_2]])
    W, b = np.array([[a.w_11, a.w_12], [a.w_21, a.w_22]]), np.array([[a.b_1, a.b_2]])
    U, c = np.array([[a.u_11, a.u_12], [a.u_21, a.u_22]]), np.array([[a.c_1, a.c_2]])
    L, g = _two_layer(SimpleNamespace(X=X, y=np.array([0])), d, W, b, U, c)
    gradients = {f"w_{i + 1}{j + 1}": g["W1"][i, j] for i in range(2) for j in range(2)}
    gradients |= {f"u_{i + 1}{j + 1}": g["W2"][i, j] for i in range(2) for j in range(2)}
    gradients |= {f"b_{j + 1}": g["b1"][0, j] for j in range(2)}
    return {"L": L}, {**gradients, **{f"c_{j + 1}": g["b2"][0, j] for j in range(2)}}


# ---------------------------------------------------------------- E

@case("e1_matrix_product", "dX = dY Wᵀ, dW = Xᵀ dY", "X[2,2] W[2,3]", "Y[2,3]")
def _e1(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    return {"Y": a.X @ a.W}, {"X": d.Y @ a.W.T, "W": a.X.T @ d.Y}


@case("e1_by_entries", "∂L/∂x_11 = ∂L/∂y_11 w_11 + ∂L/∂y_12 w_12 + ∂L/∂y_13 w_13, …",
       "x_11[] x_12[] x_21[] x_22[] w_11[] w_12[] w_13[] w_21[] w_22[] w_23[]",
       "y_11[] y_12[] y_13[] y_21[] y_22[] y_23[]")  # fmt: skip
def _e1_entries(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    X = np.array([[a.x_11, a.x_12], [a.x_21, a.x_22]])
    W = np.array([[a.w_11, a.w_12, a.w_13], [a.w_21, a.w_22, a.w_23]])
    dY = np.array([[d.y_11, d.y_12, d.y_13], [d.y_21, d.y_22, d.y_23]])

    def entries(name: str, matrix: Any) -> Arrays:
        return {f"{name}_{i + 1}{j + 1}": matrix[i, j] for i, j in np.ndindex(*matrix.shape)}

    return entries("y", X @ W), {**entries("x", dY @ W.T), **entries("w", X.T @ dY)}


def _e2(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    """Through the softmax: ∂z_k/∂s_j = z_k (1{j = k} − z_j)."""
    Z = softmax(a.S)
    dS = np.zeros(Z.shape)
    for i, y in enumerate(a.y):
        J = np.diag(Z[i]) - np.outer(Z[i], Z[i])
        dz = np.zeros(Z.shape[1])
        dz[y] = -1 / Z[i, y]
        dS[i] = J.T @ dz
    return {"L": -np.log(Z[np.arange(len(a.y)), a.y]).sum()}, {"S": d.L * dS}


for _program, _formula in (
    ("e2_softmax_then_log", "dS_ij = Z_ij − 1{j = y_i}, through dz/ds"),
    ("e2_softmax_then_log_one_hot", "the same, the class chosen by onehot(y)"),
    ("e2_softmax_ce", "the same, both together"),
):
    case(_program, _formula, "S[N,C] y[N]<C", "L[]")(_e2)


def _e3(a: Any, d: Any) -> tuple[Arrays, Arrays]:
    L, dS = 0.0, np.zeros(a.S.shape)
    for i, y in enumerate(a.y):
        for j in range(a.S.shape[1]):
            margin = a.S[i, j] - a.S[i, y] + 1
            if j != y and margin > 0:
                L += margin
                dS[i, j] += 1
                dS[i, y] -= 1
    return {"L": L}, {"S": d.L * dS}


case("e3_multiclass_svm", "dS_ij = 1{S_ij − S_{i,y_i} + 1 > 0}, dS_{i,y_i} = −Σ_{j≠y_i} of them",
      "S[N,C] y[N]<C", "L[]")(_e3)  # fmt: skip
case("e3_multiclass_svm_written_out", "the same, with relu", "S[N,C] y[N]<C", "L[]")(_e3)
