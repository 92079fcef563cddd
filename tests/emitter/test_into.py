"""The forms in which values are written into arrays: sums over leading axes, choices, signs."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphc
from emitter.plans import agree_in_a_workspace
from graphc.api import module_from
from ops.programs import array, compiled

# The gradient of a row that is added to each position of each sequence.
TOKENS = "input X[N, T, D]\nparam W[D, H], b[H]\nL = sum(tanh(X @ W + b)**2)"
# In no loop over tiles: it is kept as a whole, and of rank four.
KEPT = "param X[N, T, K, D], b[D]\nA = sin(X) + b\ns = sum(A, axis=(0, 1, 2))\nL = sum(s * s)\noutput L, A\nloss L"
# A row of positions that all sequences share.
POSITIONS = "input X[N, T, D]\nparam P[T, D]\nL = sum(exp(X + P))"
GIVEN = {"X": array(70, 3, 2), "W": array(2, 4), "b": array(4), "P": array(3, 2)}
SHORT = {"X": array(7, 3, 2, 5), "b": array(5)}


def test_a_sum_over_leading_axes_is_a_product() -> None:
    for text in (TOKENS, KEPT, POSITIONS):
        source = graphc.compile(text, level=2, verify=False)
        function = source[source.index("def value_and_grad") : source.index("class Workspace")]
        assert "np.add.reduce(" not in function and ".dot(" in function


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
@pytest.mark.parametrize(("rows", "between", "columns"), [(70, 3, 4), (1, 1, 1), (0, 3, 4), (5, 0, 4), (5, 3, 0)])
def test_the_sum_of_each_column_is_right(tile: str, rows: int, between: int, columns: int) -> None:
    source = graphc.compile(TOKENS, level=2, verify=False)
    given = {"X": GIVEN["X"][:rows, :between], "W": GIVEN["W"][:, :columns], "b": GIVEN["b"][:columns]}
    agree_in_a_workspace(module_from(source.replace("131072", tile), "sums.g"), compiled(TOKENS, 0), given)


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
@pytest.mark.parametrize(("rows", "between", "columns"), [(70, 3, 2), (1, 1, 1), (0, 3, 2), (5, 0, 2), (5, 3, 0)])
def test_the_sum_over_the_first_axis_is_right(tile: str, rows: int, between: int, columns: int) -> None:
    source = graphc.compile(POSITIONS, level=2, verify=False)
    given = {"X": GIVEN["X"][:rows, :between, :columns], "P": GIVEN["P"][:between, :columns]}
    agree_in_a_workspace(module_from(source.replace("131072", tile), "sums.g"), compiled(POSITIONS, 0), given)


@pytest.mark.parametrize("rows", [7, 1, 0])
def test_the_sum_of_an_array_that_is_kept(rows: int) -> None:
    net, literal = (graphc.load(KEPT, level=level, verify=False) for level in (2, 0))
    given = {"X": SHORT["X"][:rows], "b": SHORT["b"]}
    (have, _), gradients = net.value_and_grad(**given, workspace=net.Workspace(**given))
    (want, _), expected = literal.value_and_grad(**given)
    assert abs(have - want) <= 1e-11 * max(1, abs(want))
    for name, gradient in expected.items():
        assert np.abs(gradients[name] - gradient).max(initial=0) <= 1e-11 * max(1, np.abs(gradient).max(initial=0))


CHOICE = "param a[N, D], b[N, D]\ninput {}\nL = sum(where({}, exp(a), {})**2)"


@pytest.mark.parametrize(("declared", "mask", "other", "by_bits"), [
    ("c[N, D]", "c > 0", "b", True),  # of floats: one entry says nothing about the next
    ("c[N, D]", "c > 0", "a", True),
    ("c[N, D]: bool", "c", "b", False),  # may be a triangle, which is copied in long pieces
    ("c[D]", "c > 0", "b", True),
    ("c[N, D]", "c > 0", "sum(b, axis=0)", True),
    ("c[N, D]", "c > 0", "-2.5", True),
    ("c[N, D]", "N / 2.5 > 4.0", "b", False),  # a number of Python's own
    ("c[N, D]", "mean(c) > 0", "b", False),
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_a_choice_by_floats_takes_no_branch(declared: str, mask: str, other: str, by_bits: bool, dtype: str) -> None:
    """NumPy's own take one at each entry, of which a processor mistakes half: six times as long."""
    text = CHOICE.format(declared, mask, other)
    source = graphc.compile(text, level=2)
    function = source[source.index("def value_and_grad") : source.index("class Workspace")]
    # the value and the derivative of the exponential, which may be infinite where it is not taken
    assert (function.count("choose("), function.count("where=")) == (2 * by_bits, 2 * (not by_bits))
    for rows in (70, 3):
        c = array(rows, 40) if "N" in declared else array(40)
        given = {"a": array(rows, 40, seed=1), "b": array(rows, 40, seed=2), "c": c > 0 if "bool" in declared else c}
        given = {name: value.astype(dtype) if value.dtype != bool else value for name, value in given.items()}
        for tile in ("131072", "64", "1"):
            module = module_from(source.replace("131072", tile), "choice.g")
            if dtype == "d":
                agree_in_a_workspace(module, compiled(text, 0), given)
            want, have = compiled(text, 0).value_and_grad(**given), module.value_and_grad(
                **given, workspace=module.Workspace(**given)
            )  # fmt: skip
            assert abs(want[0] - have[0]) <= 1e-4 * abs(want[0]) and have[1]["a"].dtype == np.dtype(dtype)
            np.testing.assert_allclose(have[1]["a"], want[1]["a"], rtol=1e-4)


def test_what_is_chosen_may_be_no_number() -> None:
    """Neither nan nor inf goes from what is not chosen to what is."""
    module = graphc.load("input x[N]\ny = where(x > 0, log(x), x * x)\noutput y", level=2, verify=False)
    for count in (5, 3000):
        x = np.resize([1.0, -1e200, -np.inf, np.nan, np.inf, 0.0], count)
        with np.errstate(all="ignore"):
            y, _ = module.forward(x, workspace=module.Workspace(x))
            assert np.array_equal(y, np.where(x > 0, np.log(x), x * x), equal_nan=True)


@pytest.mark.parametrize("text", ["param X[N, D]\nL = sum(abs(X * X - 1))", "param X[N]\nL = sum(abs(X * X - 1))"])
def test_a_sign_is_not_written_over_what_it_is_of(text: str) -> None:
    """There NumPy computes it entry by entry, in ten times the time."""
    seen: list[bool] = []

    class Noted:
        """NumPy, but that it notes this."""

        def __getattr__(self, name: str) -> object:
            return getattr(np, name)

        def sign(self, x: np.ndarray, out: np.ndarray) -> None:
            seen.append(np.shares_memory(x, out))
            np.sign(x, out)

    module = module_from(graphc.compile(text, level=2), "sign.g")
    X = array(*(7, 3)[: text.count(",") + 1])
    workspace = module.Workspace(X)
    module.np = Noted()  # type: ignore[attr-defined]  # a stand-in
    module.value_and_grad(X, workspace=workspace)
    assert seen == [False]


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
@pytest.mark.parametrize("row", ["v", "v[None]", "exp(v)", "reshape(v, (1, H))"])
@pytest.mark.parametrize(("rows", "width"), [(70, 40), (1, 3), (3, 1), (0, 3), (5, 0)])
def test_a_column_times_a_row_is_a_product_of_matrices(tile: str, row: str, rows: int, width: int) -> None:
    """BLAS takes half the time of NumPy's broadcasting, and the row is not spread over the tile."""
    text = f"param X[N, H]\ninput v[H], d[N]\nL = sum(tanh(expand_dims(d, 1) * {row} + X))"
    source = graphc.compile(text, level=2, verify=False)
    function = source[source.index("def value_and_grad") : source.index("class Workspace")]
    product = r"column_by_row\(d\w*(\[.*?\]|\.reshape\(.*?\))?, (\w+|\w+\[None\]|\w+\.reshape\(1, H\)), product_d\w*\)"
    assert re.search(product, function), function
    assert "spread" not in function
    given = {"X": array(70, 40)[:rows, :width], "v": array(40)[:width], "d": array(70)[:rows]}
    agree_in_a_workspace(module_from(source.replace("131072", tile), "outer.g"), compiled(text, 0), given)


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
@pytest.mark.parametrize(("rows", "width"), [(1, 3), (3, 1), (1, 1), (3, 4), (2, 600)])
@pytest.mark.parametrize(("number", "other"), [(0, np.inf), (0, np.nan), (np.inf, 0), (1, np.inf)])
def test_zero_times_infinity_is_no_number_in_a_product_either(
    rows: int, width: int, number: float, other: float
) -> None:
    """To BLAS one number 0 times all is 0."""
    module = graphc.load("input d[N], v[H]\ny = exp(d[:, None] * v)\noutput y", level=2, verify=False)
    d, v = np.full(rows, number), np.full(width, other)
    y, _ = module.forward(d, v, workspace=module.Workspace(d, v))
    assert np.array_equal(y, np.exp(d[:, None] * v), equal_nan=True)


@pytest.mark.parametrize("product", ["expand_dims(d, 1) * X", "X * v", "expand_dims(d, 1) * b"])
def test_what_is_no_product_of_a_column_and_a_row_goes_by_entries(product: str) -> None:
    text = f"input X[N, H]\nparam v[H], d[N], b[1, 1]\nL = sum(tanh({product} + X)) + sum(v) + sum(d) + sum(b)"
    source = graphc.compile(text, level=2, verify=False)
    assert "column_by_row(" not in source and "np.multiply(" in source
    given = {"X": array(7, 4), "v": array(4), "d": array(7), "b": array(1, 1)}
    agree_in_a_workspace(module_from(source, "outer.g"), compiled(text, 0), given)


CLASSIFIER = "input X[N, D], y[N]: int\nparam W[D, H], b[H], V[H, C]\n" \
    "Z = X @ W + b\nL = softmax_ce(relu(Z) @ V, y)"


def test_a_mask_multiplies_a_tile_as_numbers() -> None:
    """NumPy takes longer to cast truth values by the way, and casts them row by row where there are rows."""
    source = graphc.compile(CLASSIFIER, level=2, verify=False)
    function = source[source.index("def value_and_grad") : source.index("class Workspace")]
    written = re.findall(r"np\.multiply\((.*?), (.*?), dZ_rows\)", function)
    assert [second for _, second in written] == ["factors"] and "factors[...] = mask_" in function
    given = {"X": array(70, 3), "W": array(3, 5), "b": array(5), "V": array(5, 4), "y": np.arange(70) % 4}
    for tile in ("131072", "64", "1"):
        agree_in_a_workspace(module_from(source.replace("131072", tile), "mask.g"), compiled(CLASSIFIER, 0), given)


def test_entries_at_labels_are_put_back_by_an_assignment() -> None:
    """Which takes a third to half of the time of `put`."""
    source = graphc.compile(CLASSIFIER, level=2, verify=False)
    assert "_flat[places] = entries" in source and ".put(" not in source
    rng = np.random.default_rng(0)
    given = {"X": array(70, 3), "W": array(3, 5), "b": array(5), "V": array(5, 4), "y": rng.integers(0, 4, 70)}
    for tile in ("131072", "64", "1"):
        net = module_from(source.replace("131072", tile), "labels.g")
        agree_in_a_workspace(net, compiled(CLASSIFIER, 0), given)
        for wrong in (-1, 4):
            with pytest.raises(ValueError, match="integers from 0 to 3"):
                net.value_and_grad(**{**given, "y": np.full(70, wrong)}, workspace=net.Workspace(**given))


@pytest.mark.parametrize("shape", [(3,), (40,), (2, 3), (7, 9)])
def test_labels_out_of_range_however_many_there_are(shape: tuple[int, ...]) -> None:
    text = f"input S[{', '.join('NT'[: len(shape)])}, C], y[{', '.join('NT'[: len(shape)])}]: int\nL = softmax_ce(S, y)"
    for level in (1, 2):
        net = compiled(text, level)
        labels = np.zeros(shape, int)
        net.value_and_grad(array(*shape, 3), labels)
        for wrong in (-1, 3):
            labels.flat[-1] = wrong
            with pytest.raises(ValueError, match=f"integers from 0 to 2, not {wrong}"):
                net.value_and_grad(array(*shape, 3), labels)
