"""Convolutions and pools: against loops over places, over odd sizes, borders, groups; ties, windows that do not fit."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from ops.programs import array, body, compiled, error_of, hold

LEVELS = (0, 1)
Pairs = list[tuple[int, int]]


def _each(value: Any, n: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,) * n


def _border(padding: Any, n: int) -> Pairs:
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        return list(padding)
    return [(p, p) for p in _each(padding, n)]


def _cells(place: Any, size: Any, stride: Any, dilation: Any) -> Any:
    """What selects the window at a place."""
    axes = zip(place, size, stride, dilation, strict=True)
    return tuple(slice(p * s, p * s + d * (k - 1) + 1, d) for p, k, s, d in axes)


def _places(x: Any, size: Any, stride: Any, dilation: Any) -> list[int]:
    n = len(size)
    return [(m - d * (k - 1) - 1) // s + 1 for m, k, s, d in zip(x.shape[-n:], size, stride, dilation, strict=True)]


def _conv(
    x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:  # fmt: skip
    """Filter by filter and place by place."""
    size = w.shape[2:]
    n = len(size)
    stride, dilation = _each(stride, n), _each(dilation, n)
    x = np.pad(x, [(0, 0), (0, 0), *_border(padding, n)])
    y = np.zeros((len(x), len(w), *_places(x, size, stride, dilation)))
    for o, place in product(range(len(w)), np.ndindex(*y.shape[2:])):
        first = o // (len(w) // groups) * w.shape[1]
        window = x[(slice(None), slice(first, first + w.shape[1]), *_cells(place, size, stride, dilation))]
        y[(slice(None), o, *place)] = (window * w[o]).sum(axis=tuple(range(1, n + 2)))
    return y if b is None else y + b.reshape(-1, *[1] * n)


def _pool(x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, *, n: int = 2, mean: bool = False,
          count: bool = True) -> Any:  # fmt: skip
    """The largest entry or the mean, place by place."""
    size = _each(size, n)
    stride, dilation = size if stride is None else _each(stride, n), _each(dilation, n)
    border = [(0, 0)] * (x.ndim - n) + _border(padding, n)
    outside = 0 if mean and count else np.nan
    x = np.pad(x, border, constant_values=outside)
    y = np.zeros((*x.shape[: x.ndim - n], *_places(x, size, stride, dilation)))
    for place in np.ndindex(*y.shape[x.ndim - n :]):
        window = x[(..., *_cells(place, size, stride, dilation))]
        axes = tuple(range(-n, 0))
        y[(..., *place)] = np.nanmean(window, axis=axes) if mean else np.nanmax(window, axis=axes)
    return y


def _written(options: dict[str, Any]) -> str:
    def value(v: Any) -> str:
        return f'"{v}"' if isinstance(v, str) else str(v).lower() if isinstance(v, bool) else str(v)

    return "".join(f", {name}={value(v)}" for name, v in options.items())


# ---------------------------------------------------------------- convolutions

# sizes of x and of w, options
CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 3, 5, 6), (4, 3, 3, 2), {}),
    "one sample, one channel": ((1, 1, 4, 4), (1, 1, 3, 3), {}),
    "one place": ((2, 2, 3, 2), (3, 2, 3, 2), {}),
    "no sample": ((0, 2, 4, 4), (3, 2, 2, 2), {"padding": 1}),
    "no filter": ((2, 2, 4, 4), (0, 2, 2, 2), {}),
    "pointwise": ((2, 3, 3, 4), (4, 3, 1, 1), {"stride": 2}),
    "stride": ((2, 2, 7, 6), (3, 2, 3, 3), {"stride": 2, "padding": 1}),
    "strides": ((2, 2, 5, 7), (3, 2, 2, 3), {"stride": (1, 3), "padding": (2, 0)}),
    "stride beyond the kernel": ((2, 2, 7, 8), (3, 2, 2, 1), {"stride": (3, 4)}),
    "entries that no window sees": ((1, 2, 6, 6), (2, 2, 3, 3), {"stride": 2}),
    "dilation": ((2, 2, 7, 7), (3, 2, 3, 2), {"dilation": (2, 3), "padding": 1}),
    "dilation and stride": ((1, 2, 8, 9), (3, 2, 3, 2), {"dilation": 2, "stride": (2, 1)}),
    "uneven border": ((2, 2, 4, 3), (3, 2, 3, 3), {"padding": ((0, 2), (1, 3))}),
    "border wider than the kernel": ((1, 1, 2, 2), (1, 1, 2, 2), {"padding": 3}),
    "groups": ((2, 4, 4, 5), (6, 2, 2, 3), {"groups": 2, "padding": 1}),
    "by depth": ((2, 3, 4, 4), (6, 1, 3, 3), {"groups": 3, "stride": 2, "dilation": 1, "padding": 1}),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_conv2d(name: str, bias: bool) -> None:
    shape, kernel, options = CONVOLUTIONS[name]
    arguments = {"x": array(*shape), "w": array(*kernel, seed=1)}
    declared = f"param x[N, {shape[1]}, H, W], w[{kernel[0]}, {kernel[1]}, K, J]"
    if bias:
        arguments["b"] = array(kernel[0], seed=2)
        declared += f", b[{kernel[0]}]"
    text = f"{declared}\ny = conv2d(x, w{', b' if bias else ''}{_written(options)})"
    hold(text, arguments, lambda x, w, b=None: _conv(x, w, b, **options), gradient=0 not in (*shape, *kernel))


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_conv1d(name: str) -> None:
    shape, kernel, options = CONVOLUTIONS[name]
    options = {k: v[0] if isinstance(v, tuple) and not isinstance(v[0], tuple) else v for k, v in options.items()}
    if isinstance(options.get("padding"), tuple):
        options["padding"] = options["padding"][:1]
    arguments = {"x": array(*shape[:3]), "w": array(*kernel[:3], seed=1), "b": array(kernel[0], seed=2)}
    text = "param x[N, {1}, H], w[{2}, {3}, K], b[{2}]\ny = conv1d(x, w, b".format(*shape[:2], *kernel[:2])
    written = _written(options).replace("((0, 2),)", "[[0, 2]]")
    hold(f"{text}{written})", arguments, lambda x, w, b: _conv(x, w, b, **options), gradient=0 not in (*shape, *kernel))


def test_sizes_with_names() -> None:
    arguments = {"x": array(2, 3, 5, 6), "w": array(4, 3, 3, 3, seed=1), "b": array(4, seed=2)}
    hold("param x[N, C, H, W], w[O, C, K, K], b[O]\ny = relu(conv2d(x, w, b, stride=2, padding=1))", arguments,
         lambda x, w, b: np.maximum(_conv(x, w, b, 2, 1), 0))  # fmt: skip
    hold("y = conv2d(x, w, b, 2, 1)", arguments, lambda x, w, b: _conv(x, w, b, 2, 1))
    grouped = {"x": array(2, 4, 5), "w": array(6, 2, 2, seed=1)}
    for declared in ("x[N, 2*C, L], w[O, C, K]", "x[N, C, L], w[O, C//2, K]", "x[N, C, L], w[2*O, C//2, K]"):
        hold(f"param {declared}\ny = conv1d(x, w, groups=2)", grouped, lambda x, w: _conv(x, w, groups=2))


@pytest.mark.parametrize("kernel", [(1, 1), (2, 3), (4, 5)])
def test_padding_by_name(kernel: tuple[int, int]) -> None:
    arguments = {"x": array(1, 2, 4, 5), "w": array(3, 2, *kernel, seed=1)}
    text = f"param x[N, C, H, W], w[O, C, {kernel[0]}, {kernel[1]}]\ny = conv2d(x, w, padding=%s, dilation=(1, 1))"
    total = [k - 1 for k in kernel]
    border = tuple((t // 2, t - t // 2) for t in total)
    hold(text % '"same"', arguments, lambda x, w: _conv(x, w, padding=border))
    if kernel != (4, 5):
        hold(text % '"valid"', arguments, _conv)


def test_one_sample_without_its_axis() -> None:
    arguments = {"x": array(3, 5, 4), "w": array(2, 3, 2, 2, seed=1), "b": array(2, seed=2)}
    hold("param x[C, H, W], w[O, C, K, K], b[O]\ny = conv2d(x, w, b)", arguments,
         lambda x, w, b: _conv(x[None], w, b)[0])  # fmt: skip
    hold("param x[C, L], w[O, C, K]\ny = conv1d(x, w)", {"x": array(3, 5), "w": array(2, 3, 2)},
         lambda x, w: _conv(x[None], w)[0])  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
def test_a_worked_example(level: int) -> None:
    text = "param x[N, C, H, W], w[O, C, K, K]\nY = conv2d(x, w)\nL = sum(Y * Y) / 2\noutput Y, L\nloss L"
    module = compiled(text, level)
    x, w = np.arange(9.0).reshape(1, 1, 3, 3), np.array([[[[1.0, 0], [0, -1]]]])
    (Y, L), gradients = module.value_and_grad(x=x, w=w)
    np.testing.assert_array_equal(Y, [[[[-4, -4], [-4, -4]]]])
    assert L == 32
    np.testing.assert_array_equal(gradients["w"], [[[[-32, -48], [-80, -96]]]])
    np.testing.assert_array_equal(gradients["x"], [[[[-4, -4, 0], [-4, 0, 4], [0, 4, 4]]]])


# ---------------------------------------------------------------- transposed convolutions

TRANSPOSED: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 3, 3, 4), (3, 2, 3, 2), {}),
    "no sample": ((0, 3, 3, 4), (3, 2, 3, 2), {}),
    "stride": ((2, 3, 3, 2), (3, 2, 3, 3), {"stride": 2, "padding": 1}),
    "holes": ((1, 1, 3, 2), (1, 2, 1, 2), {"stride": (3, 4)}),
    "output padding": ((1, 2, 2, 3), (2, 2, 3, 2), {"stride": (2, 3), "output_padding": (1, 2)}),
    "dilation": ((1, 2, 2, 3), (2, 3, 2, 2), {"dilation": (3, 2), "output_padding": 1, "padding": 1}),
    "groups": ((2, 4, 2, 3), (4, 3, 2, 2), {"groups": 2, "stride": 2}),
}


def _transposed(
    x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Any:  # fmt: skip
    """Each entry adds its kernel, a stride apart."""
    size = w.shape[2:]
    n = len(size)
    stride, dilation, extra = _each(stride, n), _each(dilation, n), _each(output_padding, n)
    axes = zip(x.shape[2:], size, stride, dilation, extra, strict=True)
    whole = [(m - 1) * s + d * (k - 1) + 1 + e for m, k, s, d, e in axes]
    y = np.zeros((len(x), w.shape[1] * groups, *whole))
    for c, place in product(range(x.shape[1]), np.ndindex(*x.shape[2:])):
        first = c // (x.shape[1] // groups) * w.shape[1]
        at = (slice(None), slice(first, first + w.shape[1]), *_cells(place, size, stride, dilation))
        y[at] += np.multiply.outer(x[(slice(None), c, *place)], w[c])
    y = y[(..., *(slice(p, m - p) for p, m in zip(_each(padding, n), whole, strict=True)))]
    return y if b is None else y + b.reshape(-1, *[1] * n)


@pytest.mark.parametrize("name", TRANSPOSED)
def test_conv_transpose2d(name: str) -> None:
    shape, kernel, options = TRANSPOSED[name]
    filters = kernel[1] * options.get("groups", 1)
    arguments = {"x": array(*shape), "w": array(*kernel, seed=1), "b": array(filters, seed=2)}
    text = f"param x[N, {shape[1]}, H, W], w[{shape[1]}, {kernel[1]}, K, J], b[{filters}]\n"
    hold(f"{text}y = conv_transpose2d(x, w, b{_written(options)})", arguments,
         lambda x, w, b: _transposed(x, w, b, **options), gradient=0 not in shape)  # fmt: skip


def test_conv_transpose1d() -> None:
    hold("param x[N, C, L], w[C, O, K], b[O]\ny = conv_transpose1d(x, w, b, 2, 1, 1)",
         {"x": array(2, 3, 4), "w": array(3, 2, 3), "b": array(2)},
         lambda x, w, b: _transposed(x, w, b, stride=2, padding=1, output_padding=1))  # fmt: skip
    hold("y = conv_transpose1d(x, w)", {"x": array(2, 3, 4), "w": array(3, 2, 3)}, _transposed)


@pytest.mark.parametrize("options", [{"stride": 2, "padding": 1}, {"dilation": 2}, {"groups": 2, "stride": (1, 2)}])
def test_the_transpose_of_a_convolution(options: dict[str, Any]) -> None:
    """⟨conv(x, w), y⟩ = ⟨x, conv_transpose(y, w)⟩, where all entries of x are seen."""
    shape = {"stride": 7, "dilation": 6, "groups": 5}[next(iter(options))]
    x, w = array(2, 4, shape, shape), array(6, 4 // options.get("groups", 1), 3, 3, seed=1)
    text = f"param x[N, 4, H, W], w[6, {w.shape[1]}, 3, 3]\ny = conv2d(x, w{_written(options)})"
    y, _ = compiled(text).forward(x=x, w=w)
    g = array(*y.shape, seed=3)
    back = compiled(f"param x[N, 6, H, W], w[6, {w.shape[1]}, 3, 3]\ny = conv_transpose2d(x, w{_written(options)})")
    transposed, _ = back.forward(x=g, w=w)
    assert transposed.shape == x.shape
    assert np.vdot(y, g) == pytest.approx(np.vdot(x, transposed), rel=1e-12)


# ---------------------------------------------------------------- pools

POOLS: dict[str, tuple[tuple[int, ...], str, dict[str, Any]]] = {
    "plain": ((2, 3, 4, 6), "2", {}),
    "one sample, one channel": ((1, 1, 2, 2), "2", {}),
    "no sample": ((0, 2, 4, 4), "2", {}),
    "entries that no window sees": ((2, 2, 5, 7), "2", {}),
    "overlapping": ((1, 2, 5, 6), "(3, 2)", {"stride": 1}),
    "stride beyond the size": ((1, 2, 7, 6), "2", {"stride": (3, 4)}),
    "border": ((2, 1, 5, 4), "3", {"stride": 2, "padding": 1}),
    "borders": ((2, 1, 5, 4), "(2, 3)", {"stride": (2, 1), "padding": (0, 1)}),
    "uneven border": ((1, 2, 4, 5), "(2, 3)", {"padding": ((1, 0), (0, 1))}),
    "a window of one": ((1, 2, 3, 3), "1", {}),
    "rank 2": ((4, 5), "2", {}),
    "rank 3": ((2, 4, 5), "2", {"stride": 1}),
}


@pytest.mark.parametrize("name", POOLS)
def test_max_pool2d(name: str) -> None:
    shape, size, options = POOLS[name]
    dims = ", ".join("NCHW"[-len(shape) :])
    x = np.random.default_rng(1).permutation(np.linspace(-1.5, 1.5, int(np.prod(shape)))).reshape(shape)
    hold(f"param x[{dims}]\ny = max_pool2d(x, {size}{_written(options)})", {"x": x},
         lambda x: _pool(x, eval(size), **options), gradient=x.size > 0)  # fmt: skip
    if not isinstance(options.get("padding"), tuple):
        hold(f"param x[{dims}]\ny = max_pool2d(x, {size}, dilation=(1, 2){_written(options)})",
             {"x": np.concatenate([x, x + 3.1], axis=-1)},
             lambda x: _pool(x, eval(size), dilation=(1, 2), **options), gradient=x.size > 0)  # fmt: skip


@pytest.mark.parametrize("count", [True, False])
@pytest.mark.parametrize("name", POOLS)
def test_avg_pool2d(name: str, count: bool) -> None:
    shape, size, options = POOLS[name]
    dims = ", ".join("NCHW"[-len(shape) :])
    text = f"param x[{dims}]\ny = avg_pool2d(x, {size}{_written(options)}{_written({'count_include_pad': count})})"
    hold(text, {"x": array(*shape)}, lambda x: _pool(x, eval(size), **options, mean=True, count=count),
         gradient=0 not in shape)  # fmt: skip


def test_pools_of_one_axis() -> None:
    x = np.random.default_rng(1).permutation(np.linspace(-1.5, 1.5, 2 * 3 * 7)).reshape(2, 3, 7)
    calls = {"(x, 2)": {}, "(x, 3, 2, 1)": {"stride": 2, "padding": 1}, "(x, 3, stride=1)": {"stride": 1}}
    for call, options in calls.items():
        size = int(call[4])
        hold(f"param x[N, C, L]\ny = max_pool1d{call}", {"x": x}, lambda x, o=options, k=size: _pool(x, k, n=1, **o))
        hold(f"y = avg_pool1d{call}", {"x": x}, lambda x, o=options, k=size: _pool(x, k, n=1, mean=True, **o))


def test_windows_as_large_as_the_array() -> None:
    x = array(2, 3, 4, 5)
    hold("param x[N, C, H, W]\ny = avg_pool2d(x, (H, W))", {"x": x}, lambda x: x.mean(axis=(2, 3), keepdims=True))
    hold("param x[N, C, H, W]\ny = max_pool2d(x, (H, W))", {"x": x}, lambda x: x.max(axis=(2, 3), keepdims=True))


@pytest.mark.parametrize("level", LEVELS)
def test_the_first_of_equal_entries_gets_the_gradient(level: int) -> None:
    module = compiled("param x[N, C, H, W]\ny = max_pool2d(x, 2, stride=(2, 1))\noutput y", level)
    x = np.array([[[[0.0, 1, 1], [1, 0, 1]]]])
    _, cache = module.forward(x=x)
    gradients = module.backward(cache, np.array([[[[2.0, 3]]]]))
    np.testing.assert_array_equal(gradients["x"], [[[[0, 5, 0], [0, 0, 0]]]])
    _, cache = module.forward(x=np.zeros((1, 1, 2, 3)))
    gradients = module.backward(cache, np.array([[[[2.0, 3]]]]))
    np.testing.assert_array_equal(gradients["x"], [[[[2, 3, 0], [0, 0, 0]]]])


@pytest.mark.parametrize("level", LEVELS)
def test_a_border_is_never_the_largest(level: int) -> None:
    module = compiled("param x[N, C, H, W]\nL = sum(max_pool2d(x, 2, padding=1))", level)
    value, gradients = module.value_and_grad(x=np.full((1, 1, 2, 2), -5.0))
    assert value == -20
    np.testing.assert_array_equal(gradients["x"], np.ones((1, 1, 2, 2)))


# ---------------------------------------------------------------- higher order, whole nets, refusals


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("value", [
    "conv2d(x, w, stride=2, padding=1)", "conv2d(x*x, w, dilation=2)", "conv2d(x, w*w, groups=1)",
    "conv_transpose2d(x, w, stride=2, padding=1)", "max_pool2d(x, 2, padding=1)", "avg_pool2d(x, 2, stride=1)",
    "max_pool2d(conv2d(x, w), 2, stride=1)",
])  # fmt: skip
def test_second_order(value: str, level: int) -> None:
    text = "param x[2, 2, 5, 4], {}v[2, 2, 5, 4]\n"
    text += f"L = sum(exp(0.3 * {value}))\nM = sum(v * grad(L, x))\noutput M\nloss M"
    arguments = {"x": array(2, 2, 5, 4), "v": array(2, 2, 5, 4, seed=1)}
    if "w" in value:
        arguments["w"] = array(2, 2, 2, 2, seed=2)
    hold(text.format("w[2, 2, 2, 2], " if "w" in value else ""), arguments, levels=(level,), rtol=1e-5, step=1e-3,
         single=level > 0)  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
def test_a_small_net(level: int) -> None:
    text = """
    input X[N, 1, 8, 8], y[N]: int
    param w1[4, 1, 3, 3], g[4], s[4], w2[6, 4, 3, 3], W[6, C]
    h = max_pool2d(relu(batch_norm(conv2d(X, w1, padding=1), g, s)), 2)
    z = avg_pool2d(silu(conv2d(h, w2)), 2)
    S = flatten(z, 1) @ W
    L = softmax_ce(S, y, reduction="mean")
    """
    shapes = {"X": (3, 1, 8, 8), "w1": (4, 1, 3, 3), "g": (4,), "s": (4,), "w2": (6, 4, 3, 3), "W": (6, 5)}
    arguments = {name: array(*shape, seed=k) for k, (name, shape) in enumerate(shapes.items())}
    hold(text, {**arguments, "y": np.array([0, 4, 2])}, levels=(level,), rtol=1e-5, step=1e-5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("param x[N, C, H, W], w[O, D, 3, 3]\ny = conv2d(x, w)", "C channels do not fit kernels for D"),
        ("param x[N, 3, H, W], w[4, 2, 3, 3]\ny = conv2d(x, w, groups=2)", "3 channels do not fit kernels for 4"),
        ("param x[N, 4, H, W], w[3, 2, 3, 3]\ny = conv2d(x, w, groups=2)", "3 filters cannot be divided into 2 groups"),
        ("param x[N, C, 2, 2], w[O, C, 3, 3]\ny = conv2d(x, w)", "kernel of 3 entries does not fit into an axis of 2"),
        ("param x[N, C, H, W], w[O, C, 3]\ny = conv2d(x, w)", "kernels of shape (O, C, 3) do not have 4 axes"),
        ("param x[N, C], w[O, C, 3, 3]\ny = conv2d(x, w)", "does not have the axes (N, C, H, W)"),
        ("param x[N, C, H, W], w[O, C, 3, 3], b[C]\ny = conv2d(x, w, b)", "`b` of shape (C,) does not fit"),
        ("param x[N, C, H, W], w[O, C, 3, 3]\ny = conv2d(x, w, stride=0)", "`stride` is an integer or 2 of them"),
        ("param x[N, C, H, W], w[O, C, 3, 3]\ny = conv2d(x, w, padding=(1, 1, 1))", "`padding` is an integer or 2 of"),
        ("param x[N, C, H, W], w[O, C, 3, 3]\ny = conv2d(x, w, padding=-1)", "at least 0"),
        ('param x[N, C, H, W], w[O, C, 3, 3]\ny = conv2d(x, w, stride=2, padding="same")', "needs `stride=1`"),
        ('param x[N, C, H, W], w[O, C, K, K]\ny = conv2d(x, w, padding="same")', "of a size known at compile time"),
        ('param x[N, C, H, W], w[O, C, 3, 3]\ny = conv2d(x, w, padding="full")', "`padding` is an integer or 2 of"),
        ("param x[N, C, H], w[C, O, 3]\ny = conv_transpose1d(x, w, output_padding=1)", "less than the stride"),
        ("param x[N, C, 1], w[C, O, 2]\ny = conv_transpose1d(x, w, padding=2)", "leaves nothing of an axis of 2"),
        ("param x[N, C, 3, 3]\ny = max_pool2d(x, 4)", "the window of 4 entries does not fit into an axis of 3"),
        ("param x[N, C, H, W]\ny = max_pool2d(x, 2, padding=2)", "more than half of the size 2"),
        ("param x[N, C, H, W]\ny = max_pool2d(x, 0)", "`size` is a size or 2 of them, at least 1"),
        ("param x[N]\ny = avg_pool2d(x, 2)", "has not 2 axes to pool over"),
    ],
)
def test_errors(text: str, said: str) -> None:
    assert said in error_of(text)


@pytest.mark.parametrize("level", LEVELS)
def test_sizes_that_do_not_fit_at_run_time(level: int) -> None:
    module = compiled("param x[N, C, H, W], w[O, C, K, K]\ny = conv2d(x, w, padding=1)", level)
    with pytest.raises(ValueError, match="the kernel needs at least 5"):
        module.forward(x=np.ones((1, 1, 2, 4)), w=np.ones((1, 1, 5, 5)))
    module = compiled("param x[N, C, L], w[O, C//2, K]\ny = conv1d(x, w, groups=2)", level)
    with pytest.raises(ValueError, match="a division of C channels into 2 groups"):
        module.forward(x=np.ones((1, 3, 4)), w=np.ones((2, 1, 2)))


def test_a_convolution_reads_as_one_writes_it() -> None:
    text = "param x[N, C, H, W], w[O, C, 3, 3], b[O]\ny = conv2d(x, w, b, stride=2)\noutput y"
    assert body(text)[1] == "y = convolve(x, w, stride=(2, 2)) + b[:, None, None]"
    backward = body(text, "backward")
    assert "db = dy.sum(axis=(0, 2, 3))" in backward
    assert "dw = convolve_kernel(x, dy, w.shape, stride=(2, 2))" in backward
    assert "dx = convolve_transpose(dy, w, x.shape, stride=(2, 2))" in backward


ZEROS = "param x[N, C, H, W], w[O, C, P, Q]\nL = sum(conv2d(x, w, stride=2, padding=1) + 1)"


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_kernel_without_entries_gives_zeros(level: int) -> None:
    module = compiled(ZEROS, level)
    L, grads = module.value_and_grad(np.ones((2, 3, 4, 5)), np.ones((6, 3, 2, 0)))
    assert L == 2 * 6 * 3 * 4
    assert grads["w"].shape == (6, 3, 2, 0) and grads["x"].shape == (2, 3, 4, 5) and not grads["x"].any()
