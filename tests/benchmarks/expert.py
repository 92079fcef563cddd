"""NumPy as fast as we can write it by hand, for comparison: everything is allocated once, and shapes and labels are
known beforehand. Elementwise work runs over tiles of rows, products write into arrays that exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.workloads import layers

__all__ = ["make"]

Result = tuple[Any, list[Any]]
TILE = 131072  # bytes of an array that a tile has


def make(workload: str, inputs: Mapping[str, Any]) -> Callable[[], Result]:
    """A function that computes value and gradients of a workload, in memory that is allocated here."""
    p = dict(inputs)
    if workload.startswith("W1"):
        return classifier(p, layers(workload))
    return {"W2": rows, "W4": attention, "W5": lstm, "W7": conv}[workload](p)


def cross_entropy(S: Any, y: Any) -> Callable[[], Any]:
    """A function that replaces the scores in S by their gradient and returns the mean cross-entropy."""
    N, C = S.shape
    at, flat, scale = np.arange(N) * C + y, S.reshape(-1), 1 / N
    most, total, picked, other = np.empty((N, 1), S.dtype), np.empty((N, 1), S.dtype), np.empty(N, S.dtype), np.empty(
        N, S.dtype
    )
    column, ones = total[:, 0], np.ones((C, 1), S.dtype)

    def run() -> Any:
        S.max(axis=1, keepdims=True, out=most)
        np.subtract(S, most, out=S)
        flat.take(at, out=picked, mode="clip")
        np.exp(S, out=S)
        S.dot(ones, out=total)
        np.log(column, out=other)
        np.subtract(other, picked, out=other)
        loss = other.sum() * scale
        np.divide(scale, total, out=total)
        np.multiply(S, total, out=S)
        flat[at] -= scale
        return loss

    return run


def classifier(p: Mapping[str, Any], count: int) -> Callable[[], Result]:
    X, dtype = p["X"], p["X"].dtype
    W, b = [p[f"W{k}"] for k in range(1, count + 1)], [p[f"b{k}"] for k in range(1, count + 1)]
    Z = [np.empty((len(X), w.shape[1]), dtype) for w in W]
    masks = [np.empty(z.shape, bool) for z in Z[:-1]]
    dW, db = [np.empty_like(w) for w in W], [np.empty_like(v) for v in b]
    # The gradient of a layer goes into a memory of its own: what the layer gave is needed for the weights above.
    dZ = [np.empty_like(z) for z in Z[:-1]] + [Z[-1]]
    ones, zero = np.ones(len(X), dtype), [np.zeros_like(v) for v in b]
    loss_and_gradient = cross_entropy(Z[-1], p["y"])
    transposed = [w.T for w in W]
    below = [X.T] + [z.T for z in Z[:-1]]

    def run() -> Result:
        H = X
        for k in range(count):
            z = Z[k]
            H.dot(W[k], out=z)
            np.add(z, b[k], out=z)
            if k < count - 1:
                np.maximum(z, zero[k], out=z)
            H = z
        loss = loss_and_gradient()
        for k in range(count - 1, -1, -1):
            d = dZ[k]
            below[k].dot(d, out=dW[k])
            ones.dot(d, out=db[k])
            if k:
                d.dot(transposed[k], out=dZ[k - 1])
                np.greater(Z[k - 1], 0, out=masks[k - 1])
                np.multiply(dZ[k - 1], masks[k - 1], out=dZ[k - 1])
        return loss, dW + db

    return run


def rows(p: Mapping[str, Any]) -> Callable[[], Result]:
    X, g, b, dtype = p["X"], p["g"], p["b"], p["X"].dtype
    N, D = X.shape
    step = max(1, min(N, TILE // (D * dtype.itemsize)))
    square, t, xhat, Y, work = (np.empty((step, D), dtype) for _ in range(5))
    mean, inverse, along = (np.empty((step, 1), dtype) for _ in range(3))
    dX, dg, db, part = np.empty_like(X), np.empty_like(g), np.empty_like(b), np.empty_like(b)
    ones, column = np.ones(step, dtype), np.full((D, 1), 1 / D, dtype)
    c = (2 / np.pi) ** 0.5

    def tile(n: int, m: int) -> Any:
        k = m - n
        x, d = X[n:m], dX[n:m]
        s, t_, h, y, w, mu, inv, al = (a[:k] for a in (square, t, xhat, Y, work, mean, inverse, along))
        np.multiply(x, x, out=s)
        np.multiply(s, c * 0.044715, out=w)
        np.add(w, c, out=w)
        np.multiply(w, x, out=w)
        np.tanh(w, out=t_)
        np.add(t_, 1, out=w)
        np.multiply(w, x, out=h)
        np.multiply(h, 0.5, out=h)
        h.dot(column, out=mu)
        np.subtract(h, mu, out=h)
        np.vecdot(h, h, out=al[:, 0])
        np.multiply(al, 1 / D, out=al)
        np.add(al, 1e-5, out=al)
        np.sqrt(al, out=al)
        np.divide(1, al, out=inv)
        np.multiply(h, inv, out=h)
        np.multiply(h, g, out=y)
        np.add(y, b, out=y)
        np.add(y, x, out=y)
        loss = np.vdot(y, y)
        ones[:k].dot(y, out=part)
        np.add(db, part, out=db)
        # w is 1 + t; the slope of gelu is (w + x (1 - t²) (c + 3·0.044715·c x²)) / 2
        np.multiply(s, 3 * 0.044715 * c, out=s)
        np.add(s, c, out=s)
        np.multiply(s, x, out=s)
        np.multiply(t_, t_, out=t_)
        np.subtract(1, t_, out=t_)
        np.multiply(s, t_, out=s)
        np.add(s, w, out=s)
        np.multiply(s, 0.5, out=s)
        np.multiply(y, h, out=w)
        ones[:k].dot(w, out=part)
        np.add(dg, part, out=dg)
        w.dot(gD, out=al)  # the mean of dY g x̂
        np.multiply(y, g, out=w)
        w.dot(column, out=mu)
        np.multiply(h, al, out=h)
        np.subtract(w, mu, out=w)
        np.subtract(w, h, out=w)
        np.multiply(w, inv, out=w)
        np.multiply(w, s, out=w)
        np.add(w, y, out=d)
        return loss

    gD = (g / D)[:, None].astype(dtype)

    def run() -> Result:
        dg.fill(0)
        db.fill(0)
        loss = sum((tile(n, min(n + step, N)) for n in range(0, N, step)), dtype.type(0))
        return 0.5 * loss, [dX, dg, db]

    return run


def attention(p: Mapping[str, Any]) -> Callable[[], Result]:
    X, dtype = p["X"], p["X"].dtype
    B, T, D = X.shape
    flat = X.reshape(B * T, D)
    scale = D**-0.5
    Q, K, V, O, Y = (np.empty((B, T, D), dtype) for _ in range(5))
    E, dP = np.empty((T, T), dtype), np.empty((T, T), dtype)
    dO = np.empty((T, D), dtype)
    most, total, along = (np.empty((T, 1), dtype) for _ in range(3))
    dQ, dK, dV = (np.empty((B, T, D), dtype) for _ in range(3))
    grads = [np.empty((D, D), dtype) for _ in range(4)]
    ones, Wo = np.ones((T, 1), dtype), p["Wo"]
    whole = {name: a.reshape(B * T, D) for name, a in (("Q", Q), ("K", K), ("V", V), ("O", O), ("Y", Y))}
    d_whole = [a.reshape(B * T, D) for a in (dQ, dK, dV)]

    def run() -> Result:
        for name, weight in (("Q", "Wq"), ("K", "Wk"), ("V", "Wv")):
            flat.dot(p[weight], out=whole[name])
        np.multiply(Q, scale, out=Q)
        loss = dtype.type(0)
        for n in range(B):
            q, k, v, o, y = Q[n], K[n], V[n], O[n], Y[n]
            q.dot(k.T, out=E)
            E.max(axis=1, keepdims=True, out=most)
            np.subtract(E, most, out=E)
            np.exp(E, out=E)
            E.dot(ones, out=total)
            np.divide(1, total, out=total)
            np.multiply(E, total, out=E)
            E.dot(v, out=o)
            o.dot(Wo, out=y)
            loss += np.vdot(y, y)
            np.multiply(y, 1 / (B * T), out=y)
            y.dot(Wo.T, out=dO)
            E.T.dot(dO, out=dV[n])
            dO.dot(v.T, out=dP)
            np.vecdot(dP, E, out=along[:, 0])
            np.subtract(dP, along, out=dP)
            np.multiply(dP, E, out=dP)
            dP.dot(k, out=dQ[n])
            dP.T.dot(q, out=dK[n])
        np.multiply(dQ, scale, out=dQ)
        for gradient, d in zip(grads, d_whole, strict=False):
            flat.T.dot(d, out=gradient)
        whole["O"].T.dot(whole["Y"], out=grads[3])
        return 0.5 * loss / (B * T), grads

    return run


def lstm(p: Mapping[str, Any]) -> Callable[[], Result]:
    X, Wx, Wh, b, dtype = p["X"], p["Wx"], p["Wh"], p["b"], p["X"].dtype
    T, N, D = X.shape
    H = Wh.shape[0]
    gates = np.empty((T, N, 4 * H), dtype)  # i, f, o, g and later the gradients before the functions
    c, u, h = np.zeros((T + 1, N, H), dtype), np.empty((T, N, H), dtype), np.zeros((T + 1, N, H), dtype)
    half = np.full(4 * H, 0.5, dtype)  # sigmoid(z) = (1 + tanh(z / 2)) / 2
    half[3 * H :] = 1
    dh, dc, work = (np.empty((N, H), dtype) for _ in range(3))
    hWh = np.empty((N, 4 * H), dtype)
    dWx, dWh, db = np.empty_like(Wx), np.empty_like(Wh), np.empty_like(b)
    flat, ones = gates.reshape(T * N, 4 * H), np.ones(T * N, dtype)

    def run() -> Result:
        X.reshape(T * N, D).dot(Wx, out=flat)
        np.add(flat, b, out=flat)
        loss = dtype.type(0)
        for t in range(T):
            z = gates[t]
            if t:
                h[t].dot(Wh, out=hWh)
                np.add(z, hWh, out=z)
            np.multiply(z, half, out=z)
            np.tanh(z, out=z)
            s = z[:, : 3 * H]
            np.multiply(s, 0.5, out=s)
            np.add(s, 0.5, out=s)
            i, f, o, g = z[:, :H], z[:, H : 2 * H], z[:, 2 * H : 3 * H], z[:, 3 * H :]
            np.multiply(i, g, out=c[t + 1])
            np.multiply(f, c[t], out=work)
            np.add(c[t + 1], work, out=c[t + 1])
            np.tanh(c[t + 1], out=u[t])
            np.multiply(o, u[t], out=h[t + 1])
            loss += np.vdot(h[t + 1], h[t + 1])
        dh.fill(0)
        dc.fill(0)
        for t in range(T - 1, -1, -1):
            z = gates[t]
            i, f, o, g = z[:, :H], z[:, H : 2 * H], z[:, 2 * H : 3 * H], z[:, 3 * H :]
            np.multiply(h[t + 1], 1 / N, out=work)
            np.add(dh, work, out=dh)
            # c += dh o (1 - u²)
            np.multiply(u[t], u[t], out=work)
            np.subtract(1, work, out=work)
            np.multiply(work, o, out=work)
            np.multiply(work, dh, out=work)
            np.add(dc, work, out=dc)
            # o: dh u o (1 - o), in its place; then f, i, g, which need one another
            np.multiply(dh, u[t], out=dh)
            np.subtract(1, o, out=work)
            np.multiply(o, work, out=o)
            np.multiply(o, dh, out=o)
            np.multiply(dc, f, out=dh)  # what goes on to the state before
            np.subtract(1, f, out=work)
            np.multiply(work, dh, out=f)
            np.multiply(f, c[t], out=f)
            np.multiply(dc, i, out=dc)
            np.subtract(1, i, out=work)
            np.multiply(work, dc, out=i)
            np.multiply(i, g, out=i)
            np.multiply(g, g, out=work)
            np.subtract(1, work, out=work)
            np.multiply(work, dc, out=g)
            np.copyto(dc, dh)
            if t:
                z.dot(Wh.T, out=dh)
        X.reshape(T * N, D).T.dot(flat, out=dWx)
        h[:T].reshape(T * N, H).T.dot(flat, out=dWh)
        ones.dot(flat, out=db)
        return 0.5 * loss / N, [dWx, dWh, db]

    return run


def conv(p: Mapping[str, Any]) -> Callable[[], Result]:
    """Samples last, so that the slices of im2col are long; the four entries of each pooling window as four blocks, so
    that pooling compares whole arrays; bias and relu, which are monotone, behind the pool."""
    X, Wc, bc, Wf, bf, dtype = p["X"], p["Wc"], p["bc"], p["Wf"], p["bf"], p["X"].dtype
    N = len(X)
    wide = np.zeros((3, 34, 34, N), dtype)
    columns = np.empty((3, 3, 3, 2, 2, 16, 16, N), dtype)  # channel, entry of the kernel, entry of the pool, place
    flat = columns.reshape(27, 4 * 256 * N)
    Z = np.empty((16, 4 * 256 * N), dtype)
    blocks = Z.reshape(16, 4, 256 * N)
    P, other = np.empty((16, 256 * N), dtype), np.empty((16, 256 * N), dtype)
    mask, open_ = np.empty((16, 256 * N), bool), np.empty((16, 256 * N), bool)
    ST, S = np.empty((Wf.shape[1], N), dtype), np.empty((N, Wf.shape[1]), dtype)
    dP = np.empty((4096, N), dtype)
    dWc, dbc, dWf, dbf = (np.empty_like(a) for a in (Wc, bc, Wf, bf))
    loss_and_gradient = cross_entropy(S, p["y"])
    ones, long = np.ones(N, dtype), np.ones(256 * N, dtype)
    features = P.reshape(4096, N)
    zero = np.zeros((1, 256 * N), dtype)

    def run() -> Result:
        wide[:, 1:33, 1:33] = X.transpose(1, 2, 3, 0)
        for i in range(3):
            for j in range(3):
                for a in range(2):
                    for e in range(2):
                        columns[:, i, j, a, e] = wide[:, i + a : i + a + 32 : 2, j + e : j + e + 32 : 2]
        Wc.reshape(16, 27).dot(flat, out=Z)
        np.maximum(blocks[:, 0], blocks[:, 1], out=P)
        np.maximum(blocks[:, 2], blocks[:, 3], out=other)
        np.maximum(P, other, out=P)
        np.copyto(other, P)  # the largest of each window, without bias
        np.add(P, bc[:, None], out=P)
        np.maximum(P, zero, out=P)
        Wf.T.dot(features, out=ST)
        np.add(ST.T, bf, out=S)
        loss = loss_and_gradient()
        features.dot(S, out=dWf)
        ones.dot(S, out=dbf)
        Wf.dot(S.T, out=dP)
        d = dP.reshape(16, 256 * N)
        np.greater(P, 0, out=open_)
        np.multiply(d, open_, out=d)
        d.dot(long, out=dbc)
        open_.fill(True)
        for k in range(4):  # to the first entry that is the largest
            block = blocks[:, k]
            np.equal(block, other, out=mask)
            np.logical_and(mask, open_, out=mask)
            np.logical_xor(open_, mask, out=open_)
            np.multiply(d, mask, out=block)
        Z.dot(flat.T, out=dWc.reshape(16, 27))
        return loss, [dWc, dbc, dWf, dbf]

    return run
