"""Eight programs, a right hand-written backward for each, and the classical mistakes planted in it.

A mistake is what stands in the file, what comes in its place, and how it may be called: `graphc.grade.kinds.KINDS`
has the names. Two names stand where one change is two mistakes, such as `dZ.T` for a matrix that is multiplied next.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CASES", "Case", "Planted"]


@dataclass(frozen=True)
class Planted:
    old: str
    new: str
    kinds: frozenset[str]


@dataclass(frozen=True)
class Case:
    name: str
    program: str
    student: str
    mistakes: tuple[Planted, ...]

    def wrong(self, planted: Planted) -> str:
        assert self.student.count(planted.old) == 1, f"{self.name}: {planted.old!r} does not stand there once"
        return self.student.replace(planted.old, planted.new)


def planted(*rows: tuple[str, str, str]) -> tuple[Planted, ...]:
    return tuple(Planted(old, new, frozenset(kinds.split("|"))) for old, new, kinds in rows)


TWO_LAYER = Case(
    "two_layer",
    """\
input X[N, D], y[N]: int
param W1[D, H], b1[H], W2[H, C], b2[C]
const lam = 0.3
Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = softmax_ce(S, y, reduction="mean") + lam*(sum(W1**2) + sum(W2**2))
loss L
""",
    """\
import numpy as np

def forward(X, y, W1, b1, W2, b2):
    Z = X @ W1 + b1
    H = np.maximum(Z, 0)
    S = H @ W2 + b2
    P = np.exp(S - S.max(axis=1, keepdims=True))
    P = P / P.sum(axis=1, keepdims=True)
    L = -np.log(P[np.arange(len(y)), y]).mean() + 0.3 * ((W1**2).sum() + (W2**2).sum())
    return L, (X, y, W1, W2, Z, H, S, P)

def backward(cache):
    X, y, W1, W2, Z, H, S, P = cache
    N = len(y)
    dS = P.copy()
    dS[np.arange(N), y] -= 1
    dS /= N
    dW2 = H.T @ dS + 0.6 * W2
    db2 = dS.sum(axis=0)
    dH = dS @ W2.T
    dZ = dH * (Z > 0)
    dW1 = X.T @ dZ + 0.6 * W1
    db1 = dZ.sum(axis=0)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
""",
    planted(
        ("dS /= N", "pass", "1/N"),
        ("dS /= N", "dS /= N * N", "1/N"),
        ("dS /= N", "dS /= dS.size", "1/N"),
        ("dS[np.arange(N), y] -= 1", "pass", "label"),
        ("dS[np.arange(N), y] -= 1", "dS[np.arange(N), y] += 1", "label"),
        ("dS[np.arange(N), y] -= 1", "dS[:, y] -= 1", "label"),
        ("dS = P.copy()", "dS = -P.copy(); dS[np.arange(N), y] += 2", "sign"),
        ("H.T @ dS +", "Z.T @ dS +", "operand"),
        ("0.6 * W2", "0.3 * W2", "factor 2"),
        (" + 0.6 * W2", "", "regularisation"),
        (" + 0.6 * W1", "", "regularisation"),
        ("0.6 * W1", "2 * W1", "constant"),
        ("0.6 * W1", "1.2 * W1", "factor 2"),
        ("+ 0.6 * W1", "- 0.6 * W1", "sign"),
        ("db2 = dS.sum(axis=0)", "db2 = dS", "sum"),
        ("db2 = dS.sum(axis=0)", "db2 = dS.sum(axis=1)", "axis"),
        ("db2 = dS.sum(axis=0)", "db2 = dS.sum()", "axis"),
        ("db2 = dS.sum(axis=0)", "db2 = dS.mean(axis=0)", "1/N"),
        ("db1 = dZ.sum(axis=0)", "db1 = dZ.sum(axis=0, keepdims=True)", "shape"),
        ("db1 = dZ.sum(axis=0)", "db1 = dZ[-1]", "samples"),
        ("db1 = dZ.sum(axis=0)", "db1 = dH.sum(axis=0)", "mask|chain"),
        ("dH * (Z > 0)", "dH", "mask"),
        ("(Z > 0)", "(Z < 0)", "mask"),
        ("(Z > 0)", "(dH > 0)", "mask"),
        ("dH * (Z > 0)", "dH * H", "mask"),
        ("dH * (Z > 0)", "dH * Z", "mask"),
        ("X.T @ dZ +", "X.T @ dH +", "mask|chain"),
        ("X.T @ dZ +", "X @ dZ +", "transpose"),
        ("dS @ W2.T", "dS @ W2", "transpose"),
        ("dS @ W2.T", "W2 @ dS", "transpose"),
        ('"W1": dW1', '"W1": -dW1', "sign"),
        ('"W1": dW1', '"W1": dW1.T', "transpose"),
        ('"b1": db1, ', "", "zero"),
        ('"b1": db1', '"b1": 0 * db1', "zero"),
        ('"b1": db1', '"b1": db1 * np.nan', "nan"),
        ('"b1": db1', '"b1": 2 * db1', "factor 2"),
    ),
)
RIDGE = Case(
    "ridge",
    """\
input X[N, D], t[N]
param w[D], b[]
const lam = 0.05
r = X@w + b - t
L = 0.5*mean(r**2) + 0.5*lam*sum(w**2)
loss L
""",
    """\
import numpy as np

def value_and_grad(X, t, w, b):
    N = X.shape[0]
    r = X @ w + b - t
    loss = 0.5 * (r**2).mean() + 0.5 * 0.05 * (w**2).sum()
    dr = r / N
    dw = X.T @ dr + 0.05 * w
    db = dr.sum()
    return loss, dw, db
""",
    planted(
        ("dr = r / N", "dr = r", "1/N"),
        ("dr = r / N", "dr = r / N / N", "1/N"),
        ("dr = r / N", "dr = 2 * r / N", "factor 2"),
        ("dr = r / N", "dr = -r / N", "sign"),
        ("dr = r / N", "dr = r / X.shape[1]", "1/N"),
        ("dr = r / N", "dr = r**2 / N", "power"),
        ("dr = r / N", "dr = np.ones(N) / N", "chain"),
        ("dr = r / N", "dr = t / N", "operand"),
        (" + 0.05 * w\n", "\n", "regularisation"),
        ("0.05 * w\n", "w\n", "constant"),
        ("0.05 * w\n", "0.1 * w\n", "factor 2"),
        ("0.05 * w\n", "0.025 * w\n", "factor 2"),
        ("+ 0.05 * w\n", "- 0.05 * w\n", "sign"),
        ("+ 0.05 * w\n", "+ 0.05 * w / N\n", "1/N"),
        ("X.T @ dr +", "X @ dr +", "transpose"),
        ("X.T @ dr +", "X.T @ r +", "1/N"),
        ("X.T @ dr +", "X[-1] * dr[-1] +", "samples"),
        ("db = dr.sum()", "db = dr", "sum"),
        ("db = dr.sum()", "db = dr.mean()", "1/N"),
        ("db = dr.sum()", "db = r.sum()", "1/N"),
        ("db = dr.sum()", "db = dr[0]", "samples"),
        ("db = dr.sum()", "db = -dr.sum()", "sign"),
        ("db = dr.sum()", "db = dr.sum(keepdims=True)", "shape"),
        ("return loss, dw, db", "return loss, -dw, db", "sign"),
        ("return loss, dw, db", "return loss, 2 * dw, db", "factor 2"),
        ("return loss, dw, db", "return loss, dw, 0 * db", "zero"),
    ),
)

LOGISTIC = Case(
    "logistic",
    """\
input X[N, D], t[N, K]
param W[D, K], b[1, K]
Z = X@W + b
Y = sigmoid(Z)
L = mse(Y, t, reduction="sum")/N
loss L
""",
    """\
import numpy as np

def forward(X, t, W, b):
    z = X @ W + b
    p = 1 / (1 + np.exp(-z))
    return ((p - t) ** 2).sum() / len(X), {"X": X, "t": t, "z": z, "p": p}

def backward(cache):
    X, t, z, p = cache["X"], cache["t"], cache["z"], cache["p"]
    delta = 2 * (p - t) / len(X)
    delta = delta * p * (1 - p)
    gW = X.T @ delta
    gb = delta.sum(axis=0, keepdims=True)
    return gW, gb
""",
    planted(
        ("2 * (p - t) / len(X)", "2 * (p - t)", "1/N"),
        ("2 * (p - t) / len(X)", "(p - t) / len(X)", "factor 2"),
        ("2 * (p - t) / len(X)", "2 * (t - p) / len(X)", "sign"),
        ("2 * (p - t) / len(X)", "2 * (p + t) / len(X)", "sign"),
        ("2 * (p - t) / len(X)", "2 * p / len(X)", "chain|fan-out"),
        ("2 * (p - t) / len(X)", "2 * (p - t) / p.size", "1/N"),
        ("2 * (p - t) / len(X)", "2 * (z - t) / len(X)", "operand"),
        ("2 * (p - t) / len(X)", "2 * (p - t)**2 / len(X)", "power"),
        ("delta * p * (1 - p)", "delta * p", "chain"),
        ("delta * p * (1 - p)", "delta * (1 - p)", "chain"),
        ("delta * p * (1 - p)", "delta", "chain"),
        ("delta * p * (1 - p)", "delta * z * (1 - z)", "operand"),
        ("delta * p * (1 - p)", "delta * p * (1 + p)", "sign"),
        ("delta * p * (1 - p)", "-delta * p * (1 - p)", "sign"),
        ("delta * p * (1 - p)", "p * (1 - p)", "chain"),
        ("delta * p * (1 - p)", "2 * delta * p * (1 - p)", "factor 2"),
        ("gW = X.T @ delta", "gW = X @ delta", "transpose"),
        ("gW = X.T @ delta", "gW = delta.T @ X", "transpose"),
        ("gW = X.T @ delta", "gW = X.T @ delta / len(X)", "1/N"),
        ("gW = X.T @ delta", "gW = X[:1].T @ delta[:1]", "samples"),
        ("delta.sum(axis=0, keepdims=True)", "delta", "sum"),
        ("delta.sum(axis=0, keepdims=True)", "delta.sum(axis=0)", "shape"),
        ("delta.sum(axis=0, keepdims=True)", "delta.sum(axis=1, keepdims=True)", "axis"),
        ("delta.sum(axis=0, keepdims=True)", "delta.mean(axis=0, keepdims=True)", "1/N"),
        ("delta.sum(axis=0, keepdims=True)", "delta[-1:]", "samples"),
        ("delta.sum(axis=0, keepdims=True)", "-delta.sum(axis=0, keepdims=True)", "sign"),
        ("return gW, gb", "return -gW, -gb", "sign"),
    ),
)

SVM = Case(
    "svm",
    """\
input X[N, D], y[N]: int
param W[D, H], V[H, C]
const lam = 0.2
Z = X@W
H = relu(Z)
S = H@V
R = lam*sum(V**2)
L = svm_loss(S, y)/N + R
loss L
""",
    """\
import numpy as np

def gradients(X, y, W, V):
    N = len(y)
    rows = np.arange(N)
    Z = X @ W
    H = np.maximum(0, Z)
    S = H @ V
    margins = S - S[rows, y][:, None] + 1
    mask = (margins > 0).astype(float)
    mask[rows, y] = 0
    mask[rows, y] = -mask.sum(axis=1)
    dS = mask / N
    dV = H.T @ dS
    dV += 2 * 0.2 * V
    dH = dS @ V.T
    dH[Z <= 0] = 0
    dW = X.T @ dH
    return dict(W=dW, V=dV)
""",
    planted(
        ("dS = mask / N", "dS = mask", "1/N"),
        ("dS = mask / N", "dS = mask / N**2", "1/N"),
        ("dS = mask / N", "dS = -mask / N", "sign"),
        ("dS = mask / N", "dS = 2 * mask / N", "factor 2"),
        ("    mask[rows, y] = -mask.sum(axis=1)\n", "", "label|fan-out"),
        ("mask[rows, y] = -mask.sum(axis=1)", "mask[rows, y] = mask.sum(axis=1)", "sign|label"),
        ("(margins > 0)", "(margins < 0)", "mask"),
        ("(margins > 0).astype(float)", "np.maximum(margins, 0)", "mask"),
        ("    dH[Z <= 0] = 0\n", "", "mask"),
        ("dH[Z <= 0] = 0", "dH[Z > 0] = 0", "mask"),
        ("dH[Z <= 0] = 0", "dH[dH <= 0] = 0", "mask"),
        ("dH[Z <= 0] = 0", "dH *= H", "mask"),
        ("    dV += 2 * 0.2 * V\n", "", "regularisation"),
        ("dV += 2 * 0.2 * V", "dV += 0.2 * V", "factor 2"),
        ("dV += 2 * 0.2 * V", "dV += 2 * V", "constant"),
        ("dV += 2 * 0.2 * V", "dV -= 2 * 0.2 * V", "sign"),
        ("dV += 2 * 0.2 * V", "dV += 2 * 0.2 * V / N", "1/N"),
        ("dV = H.T @ dS", "dV = H @ dS", "transpose"),
        ("dV = H.T @ dS", "dV = Z.T @ dS", "operand"),
        ("dV = H.T @ dS", "dV = H[-1:].T @ dS[-1:]", "samples"),
        ("dH = dS @ V.T", "dH = dS @ V", "transpose"),
        ("dH = dS @ V.T", "dH = mask @ V.T", "1/N"),
        ("dH = dS @ V.T", "dH = -dS @ V.T", "sign"),
        ("dW = X.T @ dH", "dW = X @ dH", "transpose"),
        ("dW = X.T @ dH", "dW = X.T @ dH / N", "1/N"),
        ("W=dW", "W=-dW", "sign"),
        ("W=dW", "W=2*dW", "factor 2"),
    ),
)

DEEP = Case(
    "deep",
    """\
input x[N, D], t[N, D]
param W0[D, H], b0[H], W1[H, K], b1[K], W2[K, D], b2[D]
a = tanh(x@W0 + b0)
c = sigmoid(a@W1 + b1)
y = c@W2 + b2
L = mse(y, t, reduction="mean")
loss L
""",
    """\
import numpy as np

def forward(x, t, W0, b0, W1, b1, W2, b2):
    a = np.tanh(x @ W0 + b0)
    c = 1 / (1 + np.exp(-(a @ W1 + b1)))
    y = c @ W2 + b2
    return ((y - t) ** 2).mean(), (x, t, a, c, y, W1, W2)

def backward(cache):
    x, t, a, c, y, W1, W2 = cache
    grads = {}
    dy = 2 * (y - t) / t.size
    grads["W2"] = c.T @ dy
    grads["b2"] = dy.sum(0)
    dc = dy @ W2.T
    g = dc * c * (1 - c)
    grads["W1"] = a.T @ g
    grads["b1"] = g.sum(0)
    da = g @ W1.T
    g = da * (1 - a**2)
    grads["W0"] = x.T @ g
    grads["b0"] = g.sum(0)
    return grads
""",
    planted(
        ("/ t.size", "", "1/N"),
        ("/ t.size", "/ len(t)", "1/N"),
        ("/ t.size", "/ t.shape[1]", "1/N"),
        ("2 * (y - t)", "(y - t)", "factor 2"),
        ("2 * (y - t)", "2 * (t - y)", "sign"),
        ("2 * (y - t)", "2 * y", "chain|fan-out"),
        ("c.T @ dy", "-c.T @ dy", "sign"),
        ("dc * c * (1 - c)", "dc * c", "chain"),
        ("dc * c * (1 - c)", "dc * (1 - c)", "chain"),
        ("dc * c * (1 - c)", "dc", "chain"),
        ("dc * c * (1 - c)", "dc * (1 - c**2)", "chain|power|operand"),
        ("dc * c * (1 - c)", "c * (1 - c)", "chain"),
        ("da * (1 - a**2)", "da", "chain"),
        ("da * (1 - a**2)", "da * (1 - a)", "power"),
        ("da * (1 - a**2)", "da * a**2", "chain|fan-out"),
        ("da * (1 - a**2)", "da * (1 + a**2)", "sign"),
        ("da * (1 - a**2)", "da * -(a**2)", "chain|fan-out"),
        ("da * (1 - a**2)", "1 - a**2", "chain"),
        ("dc = dy @ W2.T", "dc = -dy @ W2.T", "sign"),
        ("dc = dy @ W2.T", "dc = dy @ W2", "transpose"),
        ("da = g @ W1.T", "da = g @ W1", "transpose"),
        ("da = g @ W1.T", "da = dc @ W1.T", "chain"),
        ('grads["b2"] = dy.sum(0)', 'grads["b2"] = dy', "sum"),
        ('grads["b2"] = dy.sum(0)', 'grads["b2"] = dy.mean(0)', "1/N"),
        ('grads["b1"] = g.sum(0)', 'grads["b1"] = dc.sum(0)', "chain"),
        ('grads["b0"] = g.sum(0)', 'grads["b0"] = g.sum(1)', "axis"),
        ('grads["b0"] = g.sum(0)', 'grads["b0"] = g[-1]', "samples"),
        ("x.T @ g", "x.T @ da", "chain"),
        ("x.T @ g", "g.T @ x", "transpose"),
        ("a.T @ g", "a.T @ dc", "chain"),
        ("a.T @ g", "2 * a.T @ g", "factor 2"),
    ),
)

RESIDUAL = Case(
    "residual",
    """\
input X[N, D], t[N, D]
param U[D, D], V[D, D], b[D]
A = X@U
B = tanh(A)
C = B@V + b
E = A + C
L = 0.5*sum((E - t)**2) + sum(B*B)
loss L
""",
    """\
import numpy as np

def forward(X, t, U, V, b):
    A = X @ U
    B = np.tanh(A)
    C = B @ V + b
    E = A + C
    L = 0.5 * ((E - t) ** 2).sum() + (B * B).sum()
    return L, (X, t, V, A, B, C, E)

def backward(cache):
    X, t, V, A, B, C, E = cache
    dE = E - t
    dC = dE
    db = dC.sum(axis=0)
    dV = B.T @ dC
    dB = dC @ V.T + 2 * B
    dA = dE + dB * (1 - B * B)
    dU = X.T @ dA
    return {"dU": dU, "dV": dV, "db": db}
""",
    planted(
        ("dE + dB * (1 - B * B)", "dB * (1 - B * B)", "fan-out"),
        ("dE + dB * (1 - B * B)", "dE", "fan-out"),
        ("dE + dB * (1 - B * B)", "dE + dB", "chain"),
        ("dE + dB * (1 - B * B)", "dE + dB * (1 - B)", "power"),
        ("dE + dB * (1 - B * B)", "dE - dB * (1 - B * B)", "sign"),
        ("dE + dB * (1 - B * B)", "(dE + dB) * (1 - B * B)", "chain"),
        ("dE + dB * (1 - B * B)", "2 * dE + dB * (1 - B * B)", "factor 2"),
        ("dE + dB * (1 - B * B)", "dE + dB * (1 - A * A)", "operand"),
        ("dC @ V.T + 2 * B", "dC @ V.T", "fan-out"),
        ("dC @ V.T + 2 * B", "2 * B", "fan-out"),
        ("dC @ V.T + 2 * B", "dC @ V.T + B", "fan-out|factor 2"),
        ("dC @ V.T + 2 * B", "dC @ V.T - 2 * B", "sign"),
        ("dC @ V.T + 2 * B", "dC @ V + 2 * B", "transpose"),
        ("dC @ V.T + 2 * B", "V @ dC + 2 * B", "transpose"),
        ("dE = E - t", "dE = t - E", "sign"),
        ("dE = E - t", "dE = E", "chain"),
        ("dE = E - t", "dE = 2 * (E - t)", "factor 2"),
        ("dE = E - t", "dE = (E - t) / len(t)", "1/N"),
        ("dE = E - t", "dE = C - t", "operand"),
        ("db = dC.sum(axis=0)", "db = dC", "sum"),
        ("db = dC.sum(axis=0)", "db = dC.mean(axis=0)", "1/N"),
        ("db = dC.sum(axis=0)", "db = dC.sum(axis=1)", "axis"),
        ("dV = B.T @ dC", "dV = dC.T @ B", "transpose"),
        ("dV = B.T @ dC", "dV = A.T @ dC", "operand"),
        ("dV = B.T @ dC", "dV = B.T @ dC / len(t)", "1/N"),
        ("dV = B.T @ dC", "dV = -B.T @ dC", "sign"),
        ("dU = X.T @ dA", "dU = X.T @ dB", "chain"),
        ("dU = X.T @ dA", "dU = dA.T @ X", "transpose"),
        ("dU = X.T @ dA", "dU = X.T @ dE", "chain|fan-out"),
    ),
)

RECURRENT = Case(
    "recurrent",
    """\
input x_{0:3}[N, D], h_0[N, H], t[N, H]
param U[D, H], W[H, H], b[H]
for k in 0:3 { h_{k+1} = tanh(x_{k}@U + h_{k}@W + b) }
L = mse(h_3, t, reduction="sum")
loss L
""",
    """\
import numpy as np

def forward(x_0, x_1, x_2, h_0, t, U, W, b):
    hs, xs = [h_0], [x_0, x_1, x_2]
    for x in xs:
        hs.append(np.tanh(x @ U + hs[-1] @ W + b))
    return ((hs[-1] - t) ** 2).sum(), (xs, hs, t, U, W)

def backward(cache):
    xs, hs, t, U, W = cache
    dU, dW, db = np.zeros_like(U), np.zeros_like(W), np.zeros(W.shape[0])
    dh = 2 * (hs[-1] - t)
    for k in (2, 1, 0):
        dz = dh * (1 - hs[k + 1] ** 2)
        dU += xs[k].T @ dz
        dW += hs[k].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ W.T
    return {"U": dU, "W": dW, "b": db}
""",
    planted(
        ("dh = 2 * (hs[-1] - t)", "dh = hs[-1] - t", "factor 2"),
        ("dh = 2 * (hs[-1] - t)", "dh = -2 * (hs[-1] - t)", "sign"),
        ("dh = 2 * (hs[-1] - t)", "dh = 2 * (hs[-1] - t) / len(t)", "1/N"),
        ("dh = 2 * (hs[-1] - t)", "dh = 2 * hs[-1]", "chain"),
        ("dh = 2 * (hs[-1] - t)", "dh = 2 * (hs[-2] - t)", "operand"),
        ("dU += xs[k].T @ dz", "dU = xs[k].T @ dz", "fan-out"),
        ("dW += hs[k].T @ dz", "dW = hs[k].T @ dz", "fan-out"),
        ("db += dz.sum(axis=0)", "db = dz.sum(axis=0)", "fan-out"),
        ("for k in (2, 1, 0):", "for k in (2, 1):", "fan-out"),
        ("dU += xs[k].T @ dz", "dU -= xs[k].T @ dz", "sign"),
        ("dU += xs[k].T @ dz", "dU += xs[k].T @ dh", "chain"),
        ("dW += hs[k].T @ dz", "dW += dz.T @ hs[k]", "transpose"),
        ("dW += hs[k].T @ dz", "dW += hs[k].T @ dz / len(t)", "1/N"),
        ("dW += hs[k].T @ dz", "dW -= hs[k].T @ dz", "sign"),
        ("dW += hs[k].T @ dz", "dW += 2 * hs[k].T @ dz", "factor 2"),
        ("db += dz.sum(axis=0)", "db += dz.mean(axis=0)", "1/N"),
        ("db += dz.sum(axis=0)", "db += dz[-1]", "samples"),
        ("db += dz.sum(axis=0)", "db -= dz.sum(axis=0)", "sign"),
        ("db += dz.sum(axis=0)", "db = db + dz", "sum"),
        ("db += dz.sum(axis=0)", "db = db + dz.sum()", "axis"),
        ("return {", "dU[:] = 0; return {", "zero"),
        ("return {", "dW = -dW; return {", "sign"),
        ("return {", "dW = dW.T; return {", "transpose"),
        ("return {", "dU = dU / len(t); return {", "1/N"),
        ("return {", "db = db[None]; return {", "shape"),
        ("dh = dz @ W.T", "dh = dz @ W", "transpose"),
        ("dz = dh * (1 - hs[k + 1] ** 2)", "dz = dh", "chain"),
    ),
)

NORMALISED = Case(
    "normalised",
    """\
input X[N, D], T[N, D]
param g[D], b[D]
m = mean(X, axis=1, keepdims=true)
c = X - m
v = mean(c**2, axis=1, keepdims=true)
s = sqrt(v + 0.01)
xhat = c/s
Y = g*xhat + b
L = mean((Y - T)**2)
loss L
""",
    """\
import numpy as np

def backward(X, T, g, b):
    N, D = X.shape
    m = X.mean(axis=1, keepdims=True)
    c = X - m
    v = (c**2).mean(axis=1, keepdims=True)
    s = np.sqrt(v + 0.01)
    xhat = c / s
    Y = g * xhat + b
    dY = 2 * (Y - T) / Y.size
    dg = (dY * xhat).sum(axis=0)
    db = dY.sum(axis=0)
    dxhat = dY * g
    ds = -(dxhat * c / s**2).sum(axis=1, keepdims=True)
    dv = ds / (2 * s)
    dc = dxhat / s + dv * 2 * c / D
    dX = dc - dc.mean(axis=1, keepdims=True)
    return {"X": dX, "g": dg, "b": db}
""",
    planted(
        ("2 * (Y - T) / Y.size", "2 * (Y - T)", "1/N"),
        ("2 * (Y - T) / Y.size", "2 * (Y - T) / N", "1/N"),
        ("2 * (Y - T) / Y.size", "(Y - T) / Y.size", "factor 2"),
        ("2 * (Y - T) / Y.size", "2 * (T - Y) / Y.size", "sign"),
        ("(dY * xhat).sum(axis=0)", "dY.sum(axis=0)", "chain"),
        ("(dY * xhat).sum(axis=0)", "xhat.sum(axis=0)", "chain"),
        ("(dY * xhat).sum(axis=0)", "dY * xhat", "sum"),
        ("(dY * xhat).sum(axis=0)", "(dY * xhat).sum(axis=1)", "axis"),
        ("(dY * xhat).sum(axis=0)", "(dY * X).sum(axis=0)", "operand"),
        ("(dY * xhat).sum(axis=0)", "(dY * c).sum(axis=0)", "operand"),
        ("(dY * xhat).sum(axis=0)", "(dY * xhat).mean(axis=0)", "1/N"),
        ("db = dY.sum(axis=0)", "db = dY", "sum"),
        ("db = dY.sum(axis=0)", "db = dY.sum(axis=0, keepdims=True)", "shape"),
        ("db = dY.sum(axis=0)", "db = dY[0]", "samples"),
        ("dxhat = dY * g", "dxhat = dY", "chain"),
        ("ds = -(dxhat", "ds = (dxhat", "sign"),
        ("c / s**2", "c / s", "chain|power"),
        ("ds / (2 * s)", "ds / s", "factor 2"),
        ("ds / (2 * s)", "ds / 2 * s", "power"),
        ("dxhat / s + dv * 2 * c / D", "dxhat / s", "fan-out"),
        ("dxhat / s + dv * 2 * c / D", "dv * 2 * c / D", "fan-out"),
        ("dxhat / s + dv * 2 * c / D", "dxhat / s + dv * c / D", "factor 2"),
        ("dxhat / s + dv * 2 * c / D", "dxhat / s + dv * 2 * c", "1/N"),
        ("dxhat / s + dv * 2 * c / D", "dxhat / s - dv * 2 * c / D", "sign"),
        ("dxhat / s + dv * 2 * c / D", "dxhat + dv * 2 * c / D", "chain"),
        ("dc - dc.mean(axis=1, keepdims=True)", "dc", "fan-out"),
        ("dc - dc.mean(axis=1, keepdims=True)", "dc + dc.mean(axis=1, keepdims=True)", "sign"),
        ("dc - dc.mean(axis=1, keepdims=True)", "dc - dc.sum(axis=1, keepdims=True)", "1/N"),
        ('"X": dX', '"X": -dX', "sign"),
    ),
)

CASES = (TWO_LAYER, RIDGE, LOGISTIC, SVM, DEEP, RESIDUAL, RECURRENT, NORMALISED)
