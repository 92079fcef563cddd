"""Indexing: NumPy's own answer for random indices, the text, checks of sizes, errors."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import graphc
from ops.programs import array, body, compiled, error_of, hold


def _bound(rng: random.Random, size: int) -> str:
    return rng.choice(["", "", str(rng.randint(0, size)), str(-rng.randint(1, size))])


def _random_index(rng: random.Random) -> tuple[str, str, dict[str, Any]]:
    """Declarations, the items of an index of `X`, arguments."""
    shape = [rng.choice([1, 2, 3, 4, 5]) for _ in range(rng.randint(1, 3))]
    sizes = [rng.choice([str(n), f"n{k}"]) for k, n in enumerate(shape)]
    arguments: dict[str, Any] = {"X": array(*shape)}
    declared = [f"X[{', '.join(sizes)}]"]
    count = rng.randint(1, len(shape))
    dots = rng.randint(0, count) if rng.random() < 0.3 else None
    common = rng.choice([(2,), (3,), (2, 2), ()])
    items: list[str] = []
    for position in range(count):
        if position == dots:
            items.append("...")
        axis = position if dots is None or position < dots else len(shape) - count + position
        size, kind = shape[axis], rng.random()
        if rng.random() < 0.12:
            items.append("None")
        if kind < 0.2:
            items.append(str(rng.randint(-size, size - 1)))
        elif kind < 0.6:
            items.append(f"{_bound(rng, size)}:{_bound(rng, size)}{rng.choice(['', '', ':2', ':-1', ':-2'])}")
        elif kind < 0.9:
            name = f"i{len(arguments)}"
            narrow = tuple(1 for _ in common) if rng.random() < 0.2 else common
            arguments[name] = np.random.default_rng(axis).integers(-size, size, narrow)
            declared.append(f"{name}[{', '.join(map(str, narrow))}]: int")
            items.append(name)
        else:
            items.append(":")
    return ", ".join(declared), ", ".join(items), arguments


@pytest.mark.parametrize("seed", range(80))
def test_indices_mean_what_they_mean_in_numpy(seed: int) -> None:
    declared, items, arguments = _random_index(random.Random(seed))
    try:
        program = f"input {declared}\nZ = X[{items}]"
        hold(program, arguments, lambda **xs: eval(f"X[{items}]", dict(xs)), levels=(seed % 2,))
    except ValueError as error:  # where the number of entries must be known NumPy would clip as well
        assert "needs at least" in str(error)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ("1:3", "X[1:3]"), (":, 1:3", "X[:, 1:3]"), ("-2:", "X[-2:]"), (":-1, 0", "X[:-1, 0]"), ("::2", "X[::2]"),
        ("::-1", "X[::-1]"), (":, None", "X[:, None]"), ("..., 1:-1", "X[:, 1:-1]"), (":, 0:D", "X"),
        ("3:0:-1", "X[3:0:-1]"), ("N-1", "X[-1]"),
        ("arange(N), y", "X[np.arange(N), y]"), ("y", "X[y]"), (":, y", "X[:, y]"),
        ("y, 1:3", "X[y, 1:3]"), ("y, ..., y", "X[y, ..., y]"),
    ],
)  # fmt: skip
def test_text(index: str, text: str) -> None:
    program = f"input X[N, D], y[N]: int\nZ = exp(X[{index}])"
    assert f"Z = np.exp({text})" in body(program), body(program)


@pytest.mark.parametrize(("text", "joined"), [
    ("X[2][1] * X[0][3]", "X[2, 1] * X[0, 3]"), ("X[1][:, None] * 2", "X[1][:, None] * 2"),
    ("X[:, 1][None, 2:] * 2", "X[2:, 1][None, :] * 2"), ("X[1:][0] * 2", "X[1:][0] * 2"), ("X[1][::-1] * 2", None),
])  # fmt: skip
def test_an_index_of_what_places_leave_is_joined_with_them(text: str, joined: str | None) -> None:
    program = f"param X[4, 5]\nZ = {text}"
    if joined:
        assert f"Z = {joined}" in " ".join(body(program)), body(program)
    hold(program, {"X": array(4, 5)}, lambda X: eval(text, {"X": X}))


def test_the_gradient_of_entries_is_put_in_their_places() -> None:
    lines = body("param X[4, 5]\nL = X[2][1] * X[0][3]", "backward")
    assert "dX[2, 1] = dL * X[0, 3]" in " ".join(lines) or "dX[2, 1] += dL * X[0, 3]" in " ".join(lines), lines


def test_sizes_are_checked_when_the_module_runs() -> None:
    module = compiled("input X[N, D], W[3, K]\nZ = X[:, 1:4] @ W")
    with pytest.raises(ValueError, match="dimension D of X is 3, but slice 1:4 needs at least 4"):
        module.forward(array(2, 3), array(3, 2))


@pytest.mark.parametrize("index", [
    "0:3", "2:10", "3:", ":2", ":M", "-3:", ":-2", "-4:-1", "1:M+2", "::2", "1::3", ":4:2", "3:1", "0:0", "5:5",
    "1:N+3", "-1:1", "-3:2", "-2:5:2", "1:-1", "2:-2:2",
])  # fmt: skip
@pytest.mark.parametrize("level", [0, 1, 2])
def test_slices_of_a_size_with_a_name_are_clipped(index: str, level: int) -> None:
    module = compiled(f"input X[N, D], y[M]\nZ = X[{index}]\nL = sum(Z**2) + sum(y)", level)
    for size in range(6):
        X, y = array(size, 2), array(3)
        picked = eval(f"X[{index}]", {"X": X, "M": 3, "N": size})
        dX = np.zeros_like(X)
        eval(f"dX[{index}]", {"dX": dX, "M": 3, "N": size})[...] = 2 * picked
        for given in [{}, *([{"workspace": module.Workspace(X, y)}] if level == 2 else [])]:
            L, cache = module.forward(X, y, **given)
            np.testing.assert_allclose(L, np.sum(picked**2) + y.sum(), rtol=1e-14)
            assert np.array_equal(module.backward(cache, **given)["X"], dX)


@pytest.mark.parametrize("index", ["[:2][0]", "[1:3][0]", "[1:3][-1]", "[:5][2:0:-2]", "[-3:][1::-1]", "[:3][::-1][0]"])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_places_in_what_is_clipped_are_not_clipped(index: str, level: int) -> None:
    """`x[:2][0]` is the first entry of a vector of one, too, and no end backwards is one before the first."""
    module = compiled(f"param x[N]\nL = sum(x{index}**2)", level)
    for size in range(2, 7):
        x = array(size)
        places = eval(f"x{index}", {"x": np.arange(size)})
        try:
            L, grads = module.value_and_grad(x)
        except ValueError as error:  # an end backwards must lie inside
            assert index.endswith("-2]") or index.endswith("-1]"), error
            assert "needs at least" in str(error)
            continue
        np.testing.assert_allclose(L, np.sum(x[places] ** 2), rtol=1e-14)
        np.testing.assert_allclose(grads["x"], np.where(np.isin(np.arange(size), places), 2 * x, 0))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_clipped_parts_are_joined_and_taken_apart_again(level: int) -> None:
    texts = [
        "concatenate([x[3:], x[:3]])", "concatenate([x[:3] * 2, x[3:]])", "concatenate([x[-2:], x[:-2] * 3])",
        "concatenate([x[1:3], x[2:9], x[:1]])[1:]",
        "concatenate([x[2:4], x[:2], x[4:]]) - 2 * x", "x[1:-1] - x[2:] + 3 * x[:-2]", "x[1:][::2] + 3 * x[1::2]",
        "concatenate([x[:1], x[1:-1], x[-1:]])", "concatenate([x[::-1], x[-2:1]])",
        "tile(x[:3], 2)[2:]", "stack([x[:2], x[:2]])[:, ::-1]",
    ]  # fmt: skip
    for text in texts:
        module = compiled(f"input x[N]\ny = {text}", level)
        for size in range(6):
            x = array(size)
            y, cache = module.forward(x)
            names = {"x": x, "concatenate": np.concatenate, "tile": np.tile, "stack": np.stack}
            assert np.array_equal(y, eval(text, names)), text
            seeds = np.arange(1.0, y.size + 1).reshape(y.shape)
            gradient = module.backward(cache, seeds)["x"]
            unit = [np.sum(seeds * eval(text, {**names, "x": e})) for e in np.eye(size)]
            np.testing.assert_allclose(gradient, unit, atol=1e-12)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_rolls_by_a_size_of_rolls_keep_the_size(level: int) -> None:
    module = compiled(
        """
        input w[K]
        param z_0[N]
        y_0 = z_0
        for k in 0:40 {
            z_{k+1} = concatenate([z_{k}[K:], z_{k}[:K]])
            y_{k+1} = concatenate([y_{k}[1:], y_{k}[:1]])
        }
        y = z_40 + y_40 * z_0
        L = sum(y * y) + sum(w)
        output y
        loss L
        """,
        level,
    )
    for size in range(5):
        z = array(size)
        y, grads = module.value_and_grad(np.ones(3), z)
        assert np.array_equal(y, np.roll(z, -120) + np.roll(z, -40) * z)
        assert grads["z_0"].shape == z.shape


def test_a_clipped_slice_is_written_as_in_the_program() -> None:
    program = "input X[N, D]\nY = exp(X[-5:, 1:3])"
    assert "Y = np.exp(X[-5:, 1:3])" in body(program)
    assert "dX[-5:, 1:3] = " in "\n".join(body(program, "backward"))


def test_operands_of_unknown_rank() -> None:
    i = np.array([2, 0, 2])
    X = array(4, 4)
    for text in ("X[1]", "X[:, 1:3] * 2", "X[..., -1]", "X[:, None]", "X[::-1]", "X[i]", "X[:, i] * 2", "take(X, i)"):
        arguments = {"X": X, "i": i} if "i" in text else {"X": X}
        names = {"take": lambda x, i: x[i]}
        hold(f"Z = {text}", arguments, lambda text=text, names=names, **xs: eval(text, {**names, **xs}), levels=(1,))
    hold("Z = embedding(i, W)", {"i": np.array([[0, 1], [2, 2]]), "W": array(3, 4)}, lambda i, W: W[i])


def test_gradients_of_entries_picked_twice_add_up() -> None:
    module = compiled("input W[V, D], i[N]: int\nZ = embedding(i, W)")
    _, cache = module.forward(array(3, 2), np.array([1, 1, 0]))
    gradient = module.backward(cache, np.ones((3, 2)))["W"]
    np.testing.assert_array_equal(gradient, [[1, 1], [2, 2], [0, 0]])


def test_indices_that_all_differ_need_no_adding_up() -> None:
    backward = "\n".join(body("input X[N, D], y[N]: int\nz = X[arange(N), y]", "backward"))
    assert "add.at" not in backward and "scatter(" not in backward


def test_scatter_add_of_a_narrower_update() -> None:
    """Where the updates have to be broadcast to several rows of indices, NumPy's add.at alone goes wrong."""
    i = np.array([[0, 1, 2, 0], [1, 1, 0, 2], [2, 2, 2, 2]])

    def expected(x: Any, i: Any, u: Any) -> Any:
        return x + np.array([u[np.nonzero(i == k)[1]].sum() for k in range(3)])

    hold("input x[n], i[m, k]: int, u[k]\nz = scatter_add(x, i, u)", {"x": array(3), "i": i, "u": array(4)}, expected)


def test_along_an_axis() -> None:
    i = np.array([[0, 3], [2, 2], [-1, 0]])
    hold("input X[N, D], i[N, K]: int\nZ = take_along_axis(X, i, axis=1)", {"X": array(3, 4), "i": i},
         lambda X, i: np.take_along_axis(X, i, 1))  # fmt: skip
    hold("input X[N, D], i[1, K]: int\nZ = take_along_axis(X, i, axis=1)", {"X": array(3, 4), "i": i[:1]},
         lambda X, i: np.take_along_axis(X, i, 1))  # fmt: skip


def test_labels() -> None:
    y = np.array([2, 0, 2])
    for program, expected in (
        ('Z = -nll(S, y, reduction="none")', lambda S, y: S[np.arange(3), y]),
        ("Z = S - one_hot(y, C)", lambda S, y: S - np.eye(4)[y]),
        ("Z = S * one_hot(y, C)", lambda S, y: S * np.eye(4)[y]),
        ("Z = S * one_hot(y, 4)", lambda S, y: S * np.eye(4)[y]),
    ):
        size = "4" if "4" in program else "C"
        hold(f"input S[N, {size}], y[N]: int\n{program}", {"S": array(3, 4), "y": y}, expected)
    hold('input s[C], y[]: int\nz = -nll(s, y, reduction="none")', {"s": array(4), "y": np.array(2)}, lambda s, y: s[y])
    hold('input S[B, N, C], y[B, N]: int\nZ = -nll(S, y, reduction="none")',
         {"S": array(2, 3, 4), "y": np.stack([y, y])},
         lambda S, y: np.take_along_axis(S, y[..., None], -1)[..., 0])  # fmt: skip


def test_one_hot_of_negative_and_impossible_labels() -> None:
    module = compiled("input X[N, C], y[N]: int\nZ = X * one_hot(y, C)")
    np.testing.assert_array_equal(module.forward(np.ones((2, 3)), np.array([-1, 0]))[0], [[0, 0, 1], [1, 0, 0]])
    with pytest.raises(ValueError, match="argument y must hold integers from -3 to 2, not 3"):
        module.forward(np.ones((2, 3)), np.array([3, 0]))


def test_slices_that_fill_an_array_join_in_its_gradient() -> None:
    program = "input Z[N, 3*H]\na = tanh(Z[:, 0:H])\nb = exp(Z[:, H:2*H])\nc = a * b + sin(Z[:, 2*H:])\noutput c"
    hold(program, {"Z": array(2, 6)})
    backward = "\n".join(body(program, "backward"))
    assert "np.concatenate" in backward and "np.zeros" not in backward
    program = "input X[N, 3]\nz = X[:, 0] * exp(X[:, 1]) - sin(X[:, 2])"
    hold(program, {"X": array(2, 3)})
    assert any("dX = np.stack([" in line for line in body(program, "backward"))


ERRORS = [
    ("input X[4, 3]\nZ = X[4]", "index 4 is out of range for axis 0 of size 4"),
    ("input X[4, 3]\nZ = X[:, -4]", "index -4 is out of range for axis 1 of size 3"),
    ("input X[]\nZ = X[0]", "1 index is too many for an array of shape ()"),
    ("input X[4, 3]\nZ = X[0, 0, 0]", "3 indices are too many for an array of shape (4, 3)"),
    ("input X[4, 3]\nZ = X[..., ...]", "one `...` at most"),
    ("input X[4, 3]\nZ = X[::0]", "the step of a slice is zero"),
    ("Z = X[::0]", "the step of a slice is zero"),
    ("input y[N]\nZ = X[::N] + sum(y)", "the step of a slice is a number, and the size N is known"),
    ("for k in 0:1 { Z = X[..., 1:2:k] }", "the step of a slice is zero"),
    ("input X[4, 3]\nZ = X[X > 0]", "a mask of booleans cannot be an index"),
    ("input X[4, 3], i[M]\nZ = X[i]", "declare `input i[N]: int`"),
    ("input X[4, 3]\nZ = X[[0, 4]]", "index 4 is out of range for axis 0 of size 4"),
    ("input X[4, 3]\nZ = take(X, [0, 3], axis=1)", "index 3 is out of range for axis 1 of size 3"),
    ("input X[4, 3]\nZ = take_along_axis(X, [[-4]], axis=1)", "index -4 is out of range for 3 entries"),
    ("input W[4, 3]\nZ = embedding([4], W)", "index 4 is out of range for axis 0 of size 4"),
    ("Z = one_hot([0, 3], 3)", "index 3 is out of range for 3 entries"),
    ("input X[4, 3]\nZ = scatter_add(X, [4], 1.0)", "index 4 is out of range for 4 entries"),
    ("input X[N, D], y[N]\nZ = X * one_hot(y, D)", "declare `input y[N]: int`"),
    ("input X[N, D], y[M]: int\nZ = nll(X, y)", "labels of shape (M,) do not fit scores of shape (N, D)"),
]


@pytest.mark.parametrize(("program", "message"), ERRORS)
def test_errors(program: str, message: str) -> None:
    assert message in error_of(program)


TABLE = np.array([[1.0, 0.5, 2.0], [0.0, 1.0, 3.0]])


@pytest.mark.parametrize(
    ("index", "want"),
    [
        ("table[i]", lambda i: TABLE[i]), ("table[i, 1]", lambda i: TABLE[i, 1]),
        ("table[[1, 0, 1]]", lambda i: TABLE[[1, 0, 1]]),
        ("table[None]", lambda i: TABLE[None]), ("table[...]", lambda i: TABLE), ("table[1][i]", lambda i: TABLE[1][i]),
        ("table[1, :]", lambda i: TABLE[1]), ("table[1][None]", lambda i: TABLE[1][None]),
    ],
)  # fmt: skip
def test_constants_are_tables(index: str, want: Any) -> None:
    """A constant is indexed as an array is; by an integer known at compile time it is an entry of the list."""
    text = f"const table = [[1, 0.5, 2], [0, 1, 3]]\ninput x[], i[3]: int\ny = x * {index}"
    hold(text, {"x": array(), "i": np.array([1, 0, 1])}, lambda x, i: x * want(i), levels=(0, 1, 2))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_integers_are_counted_where_they_are_asked_for(level: int) -> None:
    text = 'input x[N, D]\nj = arange(N, dtype="int")\ny = x[j % 2, 0] * arange(N)\noutput y, j'
    x = array(4, 2)
    y, j = compiled(text, level).forward(x)[0]
    assert j.dtype.kind == "i"
    np.testing.assert_allclose(y, x[np.arange(4) % 2, 0] * np.arange(4))


@pytest.mark.parametrize("dtype", ['"float32"', "1", '"bool"'])
def test_of_what_type_can_be_counted(dtype: str) -> None:
    assert "`dtype` of `arange`" in error_of(f"input x[N]\ny = x * arange(N, dtype={dtype})")
    assert "from an integer on" in error_of('input x[3]\ny = x * arange(0.5, 3, dtype="int")')


def test_entries_of_all_of_an_undeclared_argument() -> None:
    x, i = np.arange(6.0).reshape(2, 3), np.array([5, 0, 5])
    hold("y = take(x, i, axis=none)", {"x": x, "i": i}, lambda x, i: np.take(x, i))
    for given in (np.array([6]), np.array([-7])):
        with pytest.raises(ValueError, match="argument i must hold integers from -6 to 5"):
            compiled("y = take(x, i, axis=none)").forward(x, given)


@pytest.mark.parametrize(("text", "given", "want"), [
    ("param x[4]\ny = x[i]", {"i": np.array([[0, 1], [3, 3]])}, lambda x, i: x[i]),
    ("param x[4, 2]\ny = take(x, i, axis=none)", {"i": np.array([0, 7, 7])}, lambda x, i: x.ravel()[i]),
    ("param x[2, 4]\ny = take_along_axis(x, i)", {"i": np.array([[0, 0], [3, 1]])},
     lambda x, i: np.take_along_axis(x, i, -1)),
    ("param x[4]\ny = scatter_add(x, i, u)", {"i": np.array([0, 0, 3]), "u": array(3)},
     lambda x, i, u: x + np.bincount(i, u, 4)),
])  # fmt: skip
def test_indices_without_a_declaration(text: str, given: dict[str, Any], want: Any) -> None:
    """They may have any rank, in a workspace too."""
    shape = [int(size) for size in text[text.index("[") + 1 : text.index("]")].split(",")]
    arguments = {"x": array(*shape), **given}
    hold(text, arguments, want, levels=(0, 1, 2))
    net = compiled(text, 2)
    given = {**arguments, "cotangents": array(*np.shape(want(**arguments)))}
    _, pure = net.value_and_grad(**given)
    _, inside = net.value_and_grad(**given, workspace=net.Workspace(**arguments))
    np.testing.assert_allclose(inside["x"], pure["x"], rtol=1e-12)


@pytest.mark.parametrize("N", [1, 2, 3])
def test_a_cut_of_a_cut_with_a_step_is_empty_in_a_workspace_too(N: int) -> None:
    module = graphc.load("param y[N]\nz = y[N//2:1:2]\nL = sum(z[3:-3]**2) + sum(z**2)", level=2)
    y = np.arange(1.0, N + 1)
    L, gradients = module.value_and_grad(y, workspace=module.Workspace(y))
    assert abs(L - np.sum(y[N // 2 : 1 : 2] ** 2)) <= 1e-12
    np.testing.assert_allclose(gradients["y"], np.where(np.arange(N) < 1 - N // 2, 2 * y, 0))


@pytest.mark.parametrize("cut", ["-(K-1):", ":-(K-1)", "-(K-1)::-1", "1:-(2*K-3)", "-(K-1):-(K-2)", "-(N-K):"])
def test_an_end_that_is_written_with_a_minus_counts_from_the_end(cut: str) -> None:
    N, K = 5, 3
    x = array(N, 2)
    picked = eval(f"np.s_[{cut}]", {"np": np, "N": N, "K": K})
    hold(f"param x[N, 2]\ninput w[K]\ny = x[{cut}]", {"x": x, "w": array(K)}, lambda x, w: x[picked])


def test_an_end_with_a_minus_is_not_the_front() -> None:
    """`x[-0:]` is all of x for NumPy, and nobody who writes `x[-(K-1):]` means that."""
    with pytest.raises(ValueError, match=r"dimension K - 1 of w is 0, but slice .* needs at least 1"):
        compiled("param x[N]\ninput w[K]\ny = x[-(K-1):]").forward(array(5), array(1))
