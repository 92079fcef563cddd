"""Normalisation and attention: against plain formulas, over shapes, masks, what may be left out, the text."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from ops.programs import array, body, compiled, error_of, hold

LEVELS = (0, 1)

# ---------------------------------------------------------------- normalisation


def _standard(x: Any, axis: Any, eps: float) -> Any:
    return (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(x.var(axis=axis, keepdims=True) + eps)


def _vector(v: Any, rank: int) -> Any:
    """A vector of channels beside an array of that rank."""
    return np.reshape(v, (-1, *[1] * (rank - 2)))


ROWS = {"D": (4,), "N, D": (3, 4), "B, N, D": (2, 3, 4), "N, 1": (3, 1), "Z, D": (0, 4)}


@pytest.mark.parametrize("eps", [1e-5, 0.3])
@pytest.mark.parametrize("dims", ROWS)
def test_layer_norm(dims: str, eps: float) -> None:
    shape = ROWS[dims]
    x, gamma, beta = array(*shape), array(shape[-1], seed=1), array(shape[-1], seed=2)
    last = dims.split(", ")[-1]
    text = f"param x[{dims}], gamma[{last}], beta[{last}]\ny = layer_norm(x, gamma, beta, eps={eps})"
    hold(text, {"x": x, "gamma": gamma, "beta": beta},
         lambda x, gamma, beta: _standard(x, -1, eps) * gamma + beta, rtol=1e-5, gradient=x.size > 0)  # fmt: skip


@pytest.mark.parametrize("dims", ROWS)
def test_rms_norm(dims: str) -> None:
    shape = ROWS[dims]
    text = f"param x[{dims}], gamma[{dims.split(', ')[-1]}]\ny = rms_norm(x, gamma, eps=0.1)"
    hold(text, {"x": array(*shape), "gamma": array(shape[-1], seed=1)},
         lambda x, gamma: x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 0.1) * gamma,
         gradient=0 not in shape)  # fmt: skip


@pytest.mark.parametrize("call", ["layer_norm(x)", "layer_norm(x, none, none)", "batch_norm(x)", "group_norm(x, 2)"])
def test_gains_and_offsets_may_be_left_out(call: str) -> None:
    axis = {"layer": 1, "batch": 0}.get(call.split("_")[0])

    def expected(x: Any) -> Any:
        if axis is not None:
            return _standard(x, axis, 1e-5)
        return _standard(x.reshape(3, 2, 2), 2, 1e-5).reshape(3, 4)

    hold(f"param x[N, 4]\ny = {call}", {"x": array(3, 4)}, expected, rtol=1e-5)
    hold("param x[N, D], beta[D]\ny = layer_norm(x, none, beta)", {"x": array(3, 4), "beta": array(4)},
         lambda x, beta: _standard(x, -1, 1e-5) + beta, rtol=1e-6)  # fmt: skip


IMAGES = {"N, C": (4, 3), "N, C, W": (3, 2, 4), "N, C, H, W": (2, 3, 4, 2), "1, C, H, W": (1, 2, 2, 3)}


@pytest.mark.parametrize("dims", IMAGES)
def test_batch_norm(dims: str) -> None:
    shape = IMAGES[dims]
    rank = len(shape)
    arguments = {"x": array(*shape), "gamma": array(shape[1], seed=1), "beta": array(shape[1], seed=2)}
    text = f"param x[{dims}], gamma[C], beta[C]\ny = batch_norm(x, gamma, beta, eps=0.01)"
    hold(text, arguments, lambda x, gamma, beta: (
        _standard(x, (0, *range(2, rank)), 0.01) * _vector(gamma, rank) + _vector(beta, rank)), rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dims", ["N, 4", "N, C, W", "N, C, H, W"])
def test_group_norm(dims: str, groups: int) -> None:
    shape = (2, 4, 3, 2)[: len(dims.split(", "))]
    rank = len(shape)
    channels = "C" if "C" in dims else "4"
    arguments = {"x": array(*shape), "gamma": array(4, seed=1), "beta": array(4, seed=2)}

    def expected(x: Any, gamma: Any, beta: Any) -> Any:
        normal = _standard(x.reshape(2, groups, -1), 2, 0.1).reshape(x.shape)
        return normal * _vector(gamma, rank) + _vector(beta, rank)

    for given in (f"{groups}, gamma, beta, 0.1", f"gamma=gamma, beta=beta, groups={groups}, eps=0.1"):
        call = f"group_norm(x, {given})"
        hold(f"param x[{dims}], gamma[{channels}], beta[{channels}]\ny = {call}", arguments, expected, rtol=1e-6)


def test_group_norm_of_groups_with_a_name() -> None:
    hold("param x[N, G*2, W]\ny = group_norm(x, G, eps=0.1)", {"x": array(2, 6, 3)},
         lambda x: _standard(x.reshape(2, 3, 6), 2, 0.1).reshape(x.shape), rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
def test_channels_that_cannot_be_divided(level: int) -> None:
    """The numbers of entries would fit: 3 channels of 2 into 2 groups of 3."""
    module = compiled("param x[N, C, W]\ny = group_norm(x, 2)", level)
    with pytest.raises(ValueError, match="a division of C channels into 2 groups"):
        module.forward(x=np.ones((1, 3, 2)))
    assert "3 channels cannot be divided into 2 groups" in error_of("param x[N, 3, W]\ny = group_norm(x, 2)")


def test_undeclared_arrays_are_matrices() -> None:
    arguments = {"x": array(3, 4), "W": array(4, 5), "gamma": array(5, seed=1), "beta": array(5, seed=2)}
    for op, axis in (("layer_norm", 1), ("batch_norm", 0)):
        hold(f"Z = x@W\ny = {op}(Z, gamma, beta)\noutput y", arguments,
             lambda x, W, gamma, beta, axis=axis: _standard(x @ W, axis, 1e-5) * gamma + beta, rtol=1e-5)  # fmt: skip
        text = f"y = {op}(x, gamma, beta)"
        hold(text, {"x": array(3, 5), "gamma": array(5, seed=1), "beta": array(5, seed=2)},
             lambda x, gamma, beta, axis=axis: _standard(x, axis, 1e-5) * gamma + beta, rtol=1e-5)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("param x[N, D], g[K]\ny = layer_norm(x, g)", "`gamma` of shape (K,) does not fit"),
        ("param x[N, D], b[N]\ny = layer_norm(x, none, b)", "a vector of D is wanted"),
        ("param x[N, C, W], g[W]\ny = batch_norm(x, g)", "axis 1 of the array has size C"),
        ("param x[N], g[N]\ny = batch_norm(x, g)", "has not samples and channels"),
        ("param x[N, D]\ny = layer_norm(x, eps=-1)", "`eps` is a number, not negative"),
        ("param x[N, C], k[]\ny = group_norm(x, k)", "`groups` is a number of groups known at compile time"),
        ("param x[N, C]\ny = group_norm(x, 0)", "`groups` is a number of groups known at compile time"),
    ],
)
def test_errors_of_normalisation(text: str, said: str) -> None:
    assert said in error_of(text)


# ---------------------------------------------------------------- attention


def _attention(Q: Any, K: Any, V: Any, mask: Any = None, *, causal: bool = False, scale: float | None = None) -> Any:
    """Row by row, each query with the keys that it may see."""
    scores = np.einsum("...td,...sd->...ts", Q, K) * (Q.shape[-1] ** -0.5 if scale is None else scale)
    seen = np.ones(scores.shape, bool)
    if mask is not None and mask.dtype == bool:
        seen = seen & mask
    elif mask is not None:
        scores = scores + mask
    if causal:
        seen = seen & (np.arange(scores.shape[-1]) <= np.arange(scores.shape[-2])[:, None])
    V = np.broadcast_to(V, (*scores.shape[:-2], *V.shape[-2:]))
    result = np.zeros((*scores.shape[:-1], V.shape[-1]))
    for place in np.ndindex(*scores.shape[:-1]):
        row = seen[place]
        if row.any():
            e = np.exp(scores[place][row])
            result[place] = e / e.sum() @ V[place[:-1]][row]
    return result


BATCHES = {"": (), "B, ": (2,), "B, h, ": (2, 3)}


def _heads(batch: tuple[int, ...], T: int = 4, S: int = 5) -> dict[str, Any]:
    return {"Q": array(*batch, T, 3), "K": array(*batch, S, 3, seed=1), "V": array(*batch, S, 2, seed=2)}


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"scale": 0.3}, {"scale": 2, "causal": True}])
@pytest.mark.parametrize("batch", BATCHES)
def test_attention(batch: str, options: dict[str, Any]) -> None:
    written = "".join(f", {k}={str(v).lower()}" for k, v in options.items())
    text = f"param Q[{batch}T, d], K[{batch}S, d], V[{batch}S, e]\ny = attention(Q, K, V{written})"
    hold(text, _heads(BATCHES[batch]), lambda Q, K, V: _attention(Q, K, V, **options))


@pytest.mark.parametrize(("T", "S"), [(1, 1), (5, 2), (2, 5), (1, 4), (0, 3)])
def test_causal_attention_counts_from_the_top_left(T: int, S: int) -> None:
    hold("param Q[T, d], K[S, d], V[S, e]\ny = attention(Q, K, V, causal=true)", _heads((), T, S),
         lambda Q, K, V: _attention(Q, K, V, causal=True), gradient=T > 0)  # fmt: skip


MASKS = {
    "T, S": np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]], bool),
    "1, S": np.array([[1, 1, 0, 1, 0]], bool),
    "B, 1, S": np.array([[[1, 1, 0, 1, 0]], [[0, 1, 1, 1, 0]]], bool),
}


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dims", MASKS)
def test_a_mask_of_booleans(dims: str, causal: bool) -> None:
    """A query that may see nothing, with a causal mask besides, gets zeros and no gradient."""
    text = f"input mask[{dims}]: bool\nparam Q[B, T, d], K[B, S, d], V[B, S, e]\n"
    text += f"y = attention(Q, K, V, mask, causal={str(causal).lower()})"
    hold(text, {"mask": MASKS[dims], **_heads((2,))},
         lambda mask, Q, K, V: _attention(Q, K, V, mask, causal=causal))  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
def test_a_row_that_is_masked_throughout_is_zero(level: int) -> None:
    text = "input m[T, S]{}\nparam Q[T, d], K[S, d], V[S, e]\nL = sum(attention(Q, K, V, m)**2)\noutput L"
    bools = np.array([[False, False], [True, False]])
    for mask, kind in ((bools, ": bool"), (np.where(bools, 0, -np.inf), "")):
        module = compiled(text.format(kind), level)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            _, gradients = module.value_and_grad(m=mask, Q=array(2, 3), K=array(2, 3), V=array(2, 3))
        assert all(np.isfinite(g).all() for g in gradients.values())
        np.testing.assert_array_equal(gradients["Q"][0], 0)
        np.testing.assert_array_equal(gradients["V"][1], 0)


@pytest.mark.parametrize("causal", [False, True])
def test_a_mask_of_numbers_is_added(causal: bool) -> None:
    text = f"param mask[T, S], Q[B, T, d], K[B, S, d], V[B, S, e]\ny = attention(Q, K, V, mask, {str(causal).lower()})"
    hold(text, {"mask": array(4, 5, seed=5), **_heads((2,))},
         lambda mask, Q, K, V: _attention(Q, K, V, mask, causal=causal))  # fmt: skip


@pytest.mark.parametrize("level", [*LEVELS, 2])
@pytest.mark.parametrize(
    ("head", "mask"),
    [("", "m"), ("input m[T, S]\n", "m"), ("input m[S, T]\n", "m.T"), ("input m[T, B, S]\n", "m[:, 0]")],
)
def test_booleans_for_a_mask_that_is_not_declared_so_say_who_may_be_seen(level: int, head: str, mask: str) -> None:
    """They were added to the scores as the numbers 1 and 0, without a word."""
    seen = np.array([[True, False, True], [False, False, False]])
    given = seen.T if mask == "m.T" else seen[:, None] if ":" in mask else seen
    Q, K, V = array(2, 4), array(3, 4), array(3, 2)
    module = compiled(f"{head}Y = attention(Q, K, V, {mask})\nL = sum(Y**2)\noutput Y, L\nloss L", level)
    (wanted, loss), gradients = compiled(
        "input m[T, S]: bool\nparam Q[T, d], K[S, d], V[S, e]\nY = attention(Q, K, V, m)\nL = sum(Y**2)\n"
        "output Y, L\nloss L", level,
    ).value_and_grad(seen, Q, K, V)  # fmt: skip
    for dtype, close in ((np.float64, 1e-12), (np.float32, 1e-5)):
        for each in (given, given.tolist(), np.where(given, 0, -np.inf).astype(dtype)):
            arguments = {"m": each} | {name: x.astype(dtype) for name, x in (("Q", Q), ("K", K), ("V", V))}
            room = {"workspace": module.Workspace(**arguments)} if level == 2 else {}
            for where in ({}, room):
                (Y, L), found = module.value_and_grad(**arguments, **where)
                assert Y.dtype == found["Q"].dtype == dtype
                np.testing.assert_allclose(Y, wanted, close, close)
                np.testing.assert_allclose(L, loss, close, close)
                for name in "QKV":
                    np.testing.assert_allclose(found[name], gradients[name], close, close)


def test_booleans_that_are_computed_with_besides_are_numbers() -> None:
    check = body("param m[T, S], Q[T, d], K[S, d], V[S, e]\nL = sum(attention(Q, K, V, m)) + sum(2*m)", "check")
    assert not [line for line in check if "added_mask" in line]


def test_shared_keys_and_values() -> None:
    hold("param Q[B, h, T, d], K[B, 1, S, d], V[S, e]\ny = attention(Q, K, V)",
         {"Q": array(2, 3, 4, 3), "K": array(2, 1, 5, 3), "V": array(5, 2)}, _attention)  # fmt: skip


def test_undeclared_attention_is_of_matrices() -> None:
    hold("y = attention(Q, K, V)", _heads(()), _attention)


@pytest.mark.parametrize("level", LEVELS)
def test_large_scores(level: int) -> None:
    module = compiled("param Q[T, d], K[S, d], V[S, e]\nL = sum(attention(Q, K, V, causal=true))\noutput L", level)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, gradients = module.value_and_grad(Q=np.full((2, 1), 1e3), K=np.array([[1.0], [-1]]), V=np.ones((2, 1)))
    assert value == 2
    assert all(np.isfinite(g).all() for g in gradients.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("param Q[T, d], K[S, e], V[S, e]\ny = attention(Q, K, V)", "queries of d numbers and keys of e do not fit"),
        ("param Q[T, d], K[S, d], V[T, e]\ny = attention(Q, K, V)", "S keys and T values do not fit"),
        ("param Q[d], K[S, d], V[S, e]\ny = attention(Q, K, V)", "attention works on rows of vectors"),
        ("param Q[T, d], K[S, d], V[S, e]\ny = attention(Q, K, V, causal=1)", "`causal` is true or false"),
        ("input m[T, S]: int\nparam Q[T, d], K[S, d], V[S, e]\ny = attention(Q, K, V, m)", "`mask` holds booleans"),
        ("input m[B, T, S]: bool\nparam Q[T, d], K[S, d], V[S, e]\ny = attention(Q, K, V, m)", "a mask of shape (B, T"),
        ("param Q[T, d], K[S, d], V[S, e], s[]\ny = attention(Q, K, V, scale=s)", "must be known at compile time"),
    ],
)
def test_errors_of_attention(text: str, said: str) -> None:
    assert said in error_of(text)


# ---------------------------------------------------------------- second order, text


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("value", [
    "layer_norm(x, c)", "rms_norm(x, c)", "batch_norm(x, c)", "group_norm(x, 2, c)", "attention(x, x, x, causal=true)",
    "attention(x, 2*x, x, m)",
])  # fmt: skip
def test_second_order(value: str, level: int) -> None:
    declared = "input m[3, 3]: bool\n" if " m)" in value else ""
    declared += "param c[4]\n" if " c)" in value else ""
    text = f"{declared}param x[3, 4]\ninput v[3, 4], t[3, 4]\n"
    text += f"L = sum(t * {value})\nM = sum(v * grad(L, x))\noutput M\nloss M"
    arguments = {"x": array(3, 4), "v": array(3, 4, seed=1), "t": array(3, 4, seed=2)}
    arguments |= {"c": array(4, seed=3)} if "c[4]" in declared else {}
    arguments |= {"m": np.tri(3, dtype=bool)} if "m[3" in declared else {}
    hold(text, arguments, levels=(level,), rtol=1e-4, step=1e-3, single=level > 0)


def test_layer_norm_reads_as_one_writes_it() -> None:
    backward = body("param x[N, D], gamma[D], beta[D]\ny = layer_norm(x, gamma, beta)\noutput y", "backward")
    assert "dbeta = dy.sum(axis=0)" in backward
    assert any(line.startswith("dgamma = (dy * ") and line.endswith(".sum(axis=0)") for line in backward)
    assert not any("sum_to" in line for line in backward)


def test_attention_reads_as_one_writes_it() -> None:
    text = "param Q[B, T, 4], K[B, S, 4], V[B, S, e]\ny = attention(Q, K, V)\noutput y"
    assert body(text)[1:-1] == [
        "scores = (0.5 * Q) @ K.swapaxes(-1, -2)",
        "weights = np.exp(scores - scores.max(axis=2, keepdims=True, initial=-np.inf))",
        "weights /= weights.sum(axis=2, keepdims=True)",
        "y = weights @ V",
    ]
    causal = text.replace("V)", "V, causal=true)")
    assert body(text, "backward")[2:] == body(causal, "backward")[2:]


@pytest.mark.parametrize(
    "declared", ["input m[4, 5]: bool", "input m[N, M]: bool", "input m[N, M]", "input m[4, 1]: bool"]
)
def test_a_declared_mask_tells_the_sizes_of_undeclared_queries_and_keys(declared: str) -> None:
    Q, K, V = array(4, 3), array(5, 3), array(5, 2)
    m = array(4, 1 if "1" in declared else 5)
    m = m > 0 if "bool" in declared else m
    free = compiled(f"{declared}\ny = attention(Q, K, V, m)")
    fixed = compiled(f"input m[4, {m.shape[1]}]{': bool' if 'bool' in declared else ''}, Q[4, 3], K[5, 3], V[5, 2]\n"
                     "y = attention(Q, K, V, m)")  # fmt: skip
    np.testing.assert_allclose(free.forward(m, Q, K, V)[0], fixed.forward(m, Q, K, V)[0], rtol=1e-14)
    with pytest.raises(ValueError, match="argument Q: dimension 0"):
        free.forward(m, array(3, 3), K, V)
