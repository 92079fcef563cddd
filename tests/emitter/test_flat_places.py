"""What an index with arrays picks in a workspace is what NumPy picks, and its gradient goes back there."""

import numpy as np
import pytest

import graphc

I, J, K = np.array([0, -1, 2, 0]), np.array([2, 1, -3, 2]), np.array([[0, 1, -1, 2], [2, 2, 0, -2]])
FORMS = [
    "i, j", "i, j, i", "i, None", "i, :, None", ":, i, 2", ":, 2, i", "2, i", "-1, i", "0, :, i", "i, :, 1", "i, :, j",
    "i, 1:3", "i, ::-1", "1:, i, ::2", "::2, i, 1:", "::-1, j, i", ":, i, j", "i, 1, j", "i, None, j", "None, i, j",
    "k, i", "i, k", "k, 1:3, j", "i, ..., j", "1:, i, ..., j", "arange(3), :, 1", "arange(3), 1:3", "i, s", "s, i",
    "i, 3:3",
]  # fmt: skip


@pytest.mark.parametrize("index", FORMS)
def test_as_numpy_picks(index: str) -> None:
    items = index.split(", ")
    given = {name: value for name, value in {"i": I, "j": J, "k": K, "s": np.array(-2)}.items() if name in items}
    declared = "".join(f"input {n}[{', '.join('QP'[-v.ndim :])}]: int\n" if v.ndim else f"input {n}: int\n"
                       for n, v in given.items())  # fmt: skip
    module = graphc.load(f"param x[A, B, C]\n{declared}y = x[{index}]\nL = sum(y**3)", level=2)
    rng = np.random.default_rng(0)
    workspace = None
    for _ in range(2):  # the second time in memory that has been used
        x = rng.standard_normal((3, 4, 5))
        workspace = workspace or module.Workspace(x=x, **given)
        L, grads = module.value_and_grad(x=x, **given, workspace=workspace)
        places = np.arange(x.size).reshape(x.shape)
        picked = eval(f"places[{index}]", {"places": places, "arange": np.arange, **given})
        wanted = np.zeros(x.size)
        np.add.at(wanted, picked.ravel(), 3 * x.ravel()[picked.ravel()] ** 2)
        assert abs(L - (x.ravel()[picked] ** 3).sum()) <= 1e-12 * max(1, abs(L))
        assert np.abs(grads["x"] - wanted.reshape(x.shape)).max() <= 1e-12


@pytest.mark.parametrize("y", ["x[i, j]", "x[j, j]", "x[::-1][i, j]", "x[i, j] * x[j, i]"])
def test_one_entry_by_two_numbers(y: str) -> None:
    text = f"param x[A, B]\ninput i[]: int, j[]: int\nL = ({y})**2"
    given = {"x": np.random.default_rng(0).standard_normal((4, 4)), "i": np.array(-1), "j": np.array(2)}
    literal, module = (graphc.load(text, level=level) for level in (0, 2))
    (L, grads), (other, others) = literal.value_and_grad(**given), module.value_and_grad(
        **given, workspace=module.Workspace(**given)
    )  # fmt: skip
    assert abs(L - other) <= 1e-12
    assert np.abs(grads["x"] - others["x"]).max() <= 1e-12


def test_the_axes_with_an_index_become_one() -> None:
    text = graphc.compile("param x[A, B, C]\ninput i[P]: int\nL = sum(x[:, i, 2] ** 3)", level=2)
    assert "x.reshape(A, B*C).take(places, axis=1" in text
    assert "np.add(places, 2, places)" in text


@pytest.mark.parametrize("text", [
    "L = sum((S - one_hot(y, C))**2)",
    "L = -sum(log(softmax(S)[arange(N), y]))",
    "L = sum((softmax(S) - one_hot(y, C)) * S)",
    "L = sum(logsumexp(S, axis=1) - S[arange(N), y])",
    "M = 1 - one_hot(y, C)\nL = sum(max(S * M, axis=1))",
])  # fmt: skip
def test_an_index_of_rows_may_count_from_the_end(text: str) -> None:
    """Labels of a loss may not; what is subtracted at them was looked for in the row before."""
    program = f"param S[N, C]\ninput y[N]: int\n{text}"
    given = {"S": np.random.default_rng(0).standard_normal((4, 3)), "y": np.array([-1, 2, -3, 0])}
    literal, module = (graphc.load(program, level=level) for level in (0, 2))
    (L, grads), (other, others) = literal.value_and_grad(**given), module.value_and_grad(
        **given, workspace=module.Workspace(**given)
    )  # fmt: skip
    assert abs(L - other) <= 1e-12
    assert np.abs(grads["S"] - others["S"]).max() <= 1e-12


@pytest.mark.parametrize("kind", ["int8", "int32", "int64", "uint8", "uint64"])
@pytest.mark.parametrize("index", ["i, j", "k, i"])
def test_indices_of_any_kind_may_count_from_the_end(index: str, kind: str) -> None:
    """Nothing is divided: NumPy takes four times as long for that as for a shift, an `and` and a sum."""
    rank = "QP" if "k" in index else "P"
    text = f"param x[A, B]\ninput {index[0]}[{', '.join(rank)}]: int, {index[3]}[P]: int\nL = sum(x[{index}]**3)"
    source = graphc.compile(text, level=2)
    assert "np.right_shift(" in source and "np.remainder(" not in source
    sign = -1 if kind[0] == "i" else 1
    chosen = np.array([0, 1, 2, sign * 3 % 3, 2 + (sign - 1)]).astype(kind)
    given = {"x": np.random.default_rng(0).standard_normal((3, 5)), index[3]: chosen,
             index[0]: np.stack([chosen, chosen[::-1]]) if "k" in index else chosen}  # fmt: skip
    literal, module = (graphc.load(text, level=level) for level in (0, 2))
    want, have = literal.value_and_grad(**given), module.value_and_grad(**given, workspace=module.Workspace(**given))
    assert abs(want[0] - have[0]) <= 1e-12
    assert np.abs(want[1]["x"] - have[1]["x"]).max() <= 1e-12


@pytest.mark.parametrize("axes", ["P", "P, Q"])
def test_entries_of_a_vector_need_no_places(axes: str) -> None:
    """`np.add.at` itself counts from the end."""
    text = f"param s[K]\ninput i[{axes}]: int\nL = sum(s[i]**3)"
    source = graphc.compile(text, level=2)
    function = source[source.index("def value_and_grad") : source.index("class Workspace")]
    assert function.count("np.add.at(ds, i") == 1 and "places" not in function
    rng = np.random.default_rng(0)
    given = {"s": rng.standard_normal(4), "i": rng.integers(-4, 4, (7, 2)[: axes.count(",") + 1])}
    literal, module = graphc.load(text, level=0), graphc.load(text, level=2)
    want, have = literal.value_and_grad(**given), module.value_and_grad(**given, workspace=module.Workspace(**given))
    assert np.abs(want[1]["s"] - have[1]["s"]).max() <= 1e-12
    given["i"] = given["i"].T  # with gaps, and of another shape
    want, have = literal.value_and_grad(**given), module.value_and_grad(**given, workspace=module.Workspace(**given))
    assert np.abs(want[1]["s"] - have[1]["s"]).max() <= 1e-12
