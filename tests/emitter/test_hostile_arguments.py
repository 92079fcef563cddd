"""What callers give modules: the right result, or a ValueError that names the argument; nothing is written to."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc

NET = """\
input X[N, D], y[N]: int, mask[N, H]: bool
param W[D, H], b[H], V[H, C]
H = where(mask, tanh(X@W + b), 0)
L = softmax_ce(H@V, y, reduction="mean")
"""
OPEN = "Z = X@W + b\nL = sum(log(Z**2 + 1)) + softmax_ce(Z, y)\n"
SIZES = {"N": 5, "D": 4, "H": 3, "C": 2}
LEVELS = (0, 1, 2)


@cache
def loaded(text: str, level: int) -> ModuleType:
    return graphc.load(text, level=level, verify=False)


@pytest.fixture(params=LEVELS)
def net(request: pytest.FixtureRequest) -> ModuleType:
    return loaded(NET, request.param)


@pytest.fixture(params=LEVELS)
def undeclared(request: pytest.FixtureRequest) -> ModuleType:
    return loaded(OPEN, request.param)


def arguments() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    n, d, h, c = SIZES.values()
    return {
        "X": rng.standard_normal((n, d)), "y": rng.integers(0, c, n), "mask": rng.random((n, h)) < 0.7,
        "W": rng.standard_normal((d, h)), "b": rng.standard_normal(h), "V": rng.standard_normal((h, c)),
    }  # fmt: skip


def open_arguments() -> dict[str, Any]:
    given = arguments()
    return {"X": given["X"], "W": given["W"], "b": given["b"], "y": given["y"]}


def ways(module: ModuleType, given: Mapping[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    """Loss and gradients by every way there is."""
    loss, cache = module.forward(**given)
    found = [(loss, module.backward(cache)), module.value_and_grad(**given)]
    if hasattr(module, "Workspace"):
        workspace = module.Workspace(**given)
        for _ in range(2):
            loss, gradients = module.value_and_grad(**given, workspace=workspace)
            found.append((loss.copy(), {name: g.copy() for name, g in gradients.items()}))
            loss, cache = module.forward(**given, workspace=workspace)
            loss = loss.copy()
            gradients = module.backward(cache, workspace=workspace)
            found.append((loss, {name: g.copy() for name, g in gradients.items()}))
    return found


def refused(module: ModuleType, given: Mapping[str, Any], name: str) -> None:
    """By every function, with the name of the argument."""
    good = arguments() if "mask" in given else open_arguments()
    calls = [module.forward, module.value_and_grad]
    if hasattr(module, "Workspace"):
        workspace = module.Workspace(**good)
        calls += [
            module.Workspace, lambda **given: module.value_and_grad(**given, workspace=workspace),
            lambda **given: module.forward(**given, workspace=workspace),
        ]  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError) as caught:
            call(**given)
        assert re.search(rf"\b{name}\b", str(caught.value)), f"`{name}` is not named: {caught.value}"


# ---------------------------------------------------------------- what is refused

class Kept:
    """What will not be made an array, as a tensor that a gradient is taken of."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("detach it first")


class Wrapped:
    """What can be made an array, as a table of another library."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.array if dtype is None else self.array.astype(dtype)


def hidden(a: Any) -> Any:
    """An array one entry of which is masked."""
    masked = np.ma.array(a)
    masked[(0,) * a.ndim] = np.ma.masked
    return masked


WRONG: dict[str, Any] = {
    "complex": lambda a: a.astype(complex), "objects": lambda a: a.astype(object), "text": lambda a: a.astype(str),
    "bytes": lambda a: a.astype("S8"), "times": lambda a: np.zeros(a.shape, "datetime64[s]"),
    "durations": lambda a: np.zeros(a.shape, "timedelta64[s]"), "none": lambda a: None, "a word": lambda a: "word",
    "a dict": lambda a: {"a": 1}, "records": lambda a: np.zeros(a.shape, [("p", float)]),
    "a tensor": lambda a: Kept(), "a generator": lambda a: iter(a.tolist()), "masked entries": hidden,
    "large integers": lambda a: [10**30],
    "one axis more": lambda a: a[None], "one axis less": lambda a: a[0], "ragged": lambda a: [[1.0, 2.0], [3.0]],
    "longer": lambda a: np.concatenate([a, a], axis=0), "longer rows": lambda a: np.concatenate([a, a], axis=-1),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_an_argument(net: ModuleType, kind: str) -> None:
    for name, value in arguments().items():
        given = arguments()
        if kind == "longer rows" and name in ("V",):
            continue  # a net of more classes
        given[name] = WRONG[kind](value)
        # Where two arguments have one size it is either's fault.
        either = {"longer": "X|y|mask|W|b|V", "longer rows": "X|W|b|V|mask|y"}.get(kind, name)
        refused(net, given, f"({either})")


@pytest.mark.parametrize("kind", [kind for kind in WRONG if "axis" not in kind and "longer" not in kind])
def test_what_cannot_be_an_undeclared_argument(undeclared: ModuleType, kind: str) -> None:
    for name, value in open_arguments().items():
        refused(undeclared, {**open_arguments(), name: WRONG[kind](value)}, name)


@pytest.mark.parametrize("label", [-1, SIZES["C"], 10**6, np.iinfo(np.int64).min])
def test_labels_out_of_range(net: ModuleType, label: int) -> None:
    given = arguments()
    given["y"][2] = label
    calls = [net.forward, net.value_and_grad]
    if hasattr(net, "Workspace"):
        workspace = net.Workspace(**arguments())
        calls.append(lambda **given: net.value_and_grad(**given, workspace=workspace))
    for call in calls:
        with pytest.raises(ValueError, match=r"argument y must hold integers from 0 to 1"):
            call(**given)


@pytest.mark.parametrize("level", LEVELS)
def test_extended_precision_where_linear_algebra_has_none(level: int) -> None:
    net = loaded("param A[n, n], b[n]\nL = sum(solve(A, b)**2)", level)
    A, b = np.eye(2) * 2, np.ones(2)
    for given in ((A, b.astype("g")), (A.astype("g"), b.astype("g"))):
        with pytest.raises(ValueError, match=f"argument {'b' if given[0] is A else 'A'} is of type"):
            net.forward(*given)
    wide = loaded("param b[n]\nL = sum(b**2)", level).value_and_grad(b.astype("g"))
    assert wide[0] == 2 and wide[1]["b"].dtype == np.dtype("g")


def test_labels_that_are_no_integers(net: ModuleType) -> None:
    for labels in (np.zeros(SIZES["N"]), np.zeros(SIZES["N"], bool)):
        refused(net, {**arguments(), "y": labels}, "y")


# ---------------------------------------------------------------- what is taken

class Array(np.ndarray):  # type: ignore[type-arg]
    """A subclass whose operators are not NumPy's."""

    def __matmul__(self, other: Any) -> Any:
        raise AssertionError("the operator of a subclass was called")

    __mul__ = __add__ = __matmul__


def strided(a: Any) -> Any:
    return np.repeat(np.repeat(a, 2, axis=0), 3, axis=-1)[::2, ..., ::3] if a.ndim > 1 else np.repeat(a, 3)[::3]


def locked(a: Any) -> Any:
    a = a.copy()
    a.flags.writeable = False
    return a


TAKEN: dict[str, Any] = {
    "columns": np.asfortranarray, "strides": strided, "backwards": lambda a: a[::-1].copy()[::-1], "read-only": locked,
    "lists": lambda a: a.tolist(), "tuples": lambda a: tuple(map(tuple, a)) if a.ndim > 1 else tuple(a),
    "subclass": lambda a: a.view(Array), "swapped": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "masked": lambda a: np.ma.array(a), "matrix-like": lambda a: memoryview(a), "wrapped": Wrapped,
    "records": lambda a: a.view(np.recarray),
}  # fmt: skip


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize("program", [NET, OPEN], ids=["net", "undeclared"])
@pytest.mark.parametrize("level", LEVELS)
def test_arrays_of_every_kind_give_the_same(program: str, kind: str, level: int) -> None:
    module = loaded(program, level)
    plain = arguments() if program == NET else open_arguments()
    wanted, gradients = ways(module, plain)[0]
    for name in plain:
        given = {**plain, name: TAKEN[kind](plain[name])}
        before = {n: np.array(value) for n, value in given.items()}
        for value, found in ways(module, given):
            assert abs(value - wanted) <= 1e-12 * abs(wanted)
            for n, gradient in found.items():
                assert type(gradient) is np.ndarray and gradient.flags.writeable
                assert (gradient.dtype.kind, gradient.dtype.itemsize) == ("f", 8)
                assert np.abs(gradient - gradients[n]).max() <= 1e-12
        for n, value in given.items():
            assert np.array_equal(before[n], np.array(value)), f"`{n}` was written to"


@pytest.mark.parametrize("level", LEVELS)
def test_all_of_them_as_a_file_of_the_other_byte_order_has_them(level: int) -> None:
    """No type of NumPy's is told from its byte order where it is named: `dtype=X.dtype` is refused by ufuncs."""
    module = loaded(NET, level)
    swapped = {name: a.astype(a.dtype.newbyteorder(">")) for name, a in arguments().items()}
    wanted, gradients = ways(module, arguments())[0]
    for value, found in ways(module, swapped):
        assert abs(value - wanted) <= 1e-12 * abs(wanted)
        assert all(g.dtype == np.float64 and g.dtype.isnative for g in found.values())
        assert all(np.abs(g - gradients[name]).max() <= 1e-12 for name, g in found.items())


@pytest.mark.parametrize("size", ["N", "D", "H"])
def test_nothing_of_a_size(net: ModuleType, size: str) -> None:
    sizes = {**SIZES, size: 0}
    n, d, h, c = sizes.values()
    given = {
        "X": np.ones((n, d)), "y": np.zeros(n, int), "mask": np.ones((n, h), bool), "W": np.ones((d, h)),
        "b": np.ones(h), "V": np.ones((h, c)),
    }  # fmt: skip
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of the mean of no samples
        for _, gradients in ways(net, given):
            assert {name: g.shape for name, g in gradients.items()} == {n: given[n].shape for n in ("W", "b", "V")}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_passes_through(undeclared: ModuleType, bad: float) -> None:
    given = open_arguments()
    given["X"][1, 2] = bad
    with np.errstate(all="ignore"):
        Z = given["X"] @ given["W"] + given["b"]
        for value, gradients in ways(undeclared, given):
            assert not np.isfinite(value)
            assert np.isfinite(gradients["X"][[0, 2, 3, 4]]).all(), "other samples are not concerned"
            assert not np.isfinite(gradients["W"]).all()
    assert not np.isfinite(Z).all()


def test_threads_do_not_disturb_each_other(net: ModuleType) -> None:
    rng = np.random.default_rng(0)
    tasks = [{**arguments(), "X": rng.standard_normal((SIZES["N"], SIZES["D"]))} for _ in range(4)]
    wanted = [net.value_and_grad(**task) for task in tasks]
    wrong: list[int] = []

    def work(k: int) -> None:
        workspace = {"workspace": net.Workspace(**tasks[k])} if hasattr(net, "Workspace") else {}
        for _ in range(60):
            value, gradients = net.value_and_grad(**tasks[k], **workspace)
            same = value == wanted[k][0] and all((gradients[n] == g).all() for n, g in wanted[k][1].items())
            if not same and not np.allclose(value, wanted[k][0], rtol=1e-13):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("level", LEVELS)
def test_a_diagonal_is_writable_as_all_results_are(level: int) -> None:
    """NumPy's view of a diagonal is not, whatever it is a view of."""
    text = "param x[n], v[m]\nd = diag(outer(v, v))[1:]\nL = sum(diag(x)**2) + sum(d)\noutput d, L\nloss L"
    module = loaded(text, level)
    (d, _), gradients = module.value_and_grad(np.arange(1.0, 4), np.arange(1.0, 3))
    assert d.flags.writeable and gradients["x"].flags.writeable
    assert np.array_equal(d, [4]) and np.array_equal(gradients["x"], [2, 4, 6])
    assert np.array_equal(gradients["v"], [0, 4])
