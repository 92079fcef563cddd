"""Gradients of your own against those of a program, in tests.

    from graphc.testing import assert_gradients

    def test_backward():
        assert_gradients((forward, backward), reference="net.g")

With graphc installed, pytest also has the fixtures `graphc_load` and `graphc_golden` (`graphc/pytest_plugin.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy
    from numpy.typing import NDArray

    from graphc.grade.reference import Reference, Setting
    from graphc.ir.graph import Graph

__all__ = ["array", "arrays_for", "assert_gradients", "assert_same"]

RTOL = 1e-5
DOMAINS = {"positive": (0.4, 3.0), "probability": (0.1, 0.9), "unit": (-0.85, 0.85), "above_one": (1.3, 4.0)}
"""Where the values of arguments are drawn from, by what the operations on them ask for; else from -3 to 3."""


def array(value: Any) -> NDArray[Any]:
    """A NumPy array of what another library calls one: anything with `__array__` or DLPack, so PyTorch's and JAX's."""
    import numpy as np

    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):  # PyTorch: a tensor that is part of a graph, or lies on another device
        value = value.detach()
        value = value.cpu() if hasattr(value, "cpu") else value
    if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
        return np.from_dlpack(value)
    return np.asarray(value)


def assert_gradients(
    backward: Any,
    reference: str | Path,
    inputs: Mapping[str, Any] | None = None,
    *,
    rtol: float = RTOL,
    atol: float = 0.0,
    order: Sequence[str] | None = None,
    wrt: Sequence[str] | None = None,
    loss: str | None = None,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    convert: Callable[[Any], Any] | None = None,
) -> None:
    """Fail with an explanation unless the gradients are those of the reference program.

    `backward` is a function of the program's arguments, by name, that returns its gradients as a dictionary or as a
    tuple (in the `order` of these names), alone or after the value; or a pair `(forward, backward)`, the second of
    which gets the cache that the first returns last; or an object, such as a module, that has both.
    `reference` is a `Path` or a name that ends in `.g`, sought beside the calling file and in the current folder, or
    the program's text. Without `inputs` data is drawn, of the `sizes` that are given. `convert` makes the library's
    arrays of NumPy's (`torch.from_numpy`); what comes back may be anything that `array` takes.
    """
    __tracebackhide__ = True
    from graphc.grade.reference import Reference, read_source

    found = _located(reference, sys._getframe(1).f_globals.get("__file__"))
    known = Reference(read_source(found), wrt, loss)
    settings = [known.setting(inputs, seed)] if inputs is not None else known.settings(seed, sizes)
    for setting in settings:
        problem = _problem(backward, known, setting, order, rtol, atol, convert)
        if problem is not None:
            raise AssertionError(problem)


def _problem(
    backward: Any, known: Reference, setting: Setting, order: Sequence[str] | None, rtol: float, atol: float,
    convert: Callable[[Any], Any] | None,
) -> str | None:  # fmt: skip
    """What is wrong, for a person to read; None if nothing is."""
    from graphc.grade.child import Unfit, ask
    from graphc.grade.explain import judge
    from graphc.grade.grading import request_for
    from graphc.grade.report import explanation, rows_text

    request = request_for(known)
    request.order = list(order) if order is not None else None
    data = setting.data()
    if convert is not None:
        data = {name: convert(value) for name, value in data.items()}
    try:
        answer = ask(_functions(backward), data, request)
    except Unfit as error:
        raise TypeError(str(error)) from None
    answer.gradients = {name: array(value) for name, value in answer.gradients.items()}
    answer.values = {name: array(value) for name, value in answer.values.items()}
    verdict = judge(setting, answer, rtol, atol)
    if verdict.ok:
        return None
    said = f"the gradients are not those of {known.source.name}"
    return f"{said}\n\n{rows_text(verdict)}\n{explanation(verdict)}".rstrip()


def _functions(given: Any) -> Any:
    if isinstance(given, tuple):
        return SimpleNamespace(forward=given[0], backward=given[1])
    if hasattr(given, "backward") or hasattr(given, "value_and_grad"):
        return given
    return SimpleNamespace(backward=given, forward=None)


def _located(program: str | Path, caller: str | None) -> str | Path:
    """The file that is meant: beside the caller, else where the name says."""
    is_file = isinstance(program, Path) or (program.endswith(".g") and "\n" not in program)
    if is_file and caller is not None:
        beside = Path(caller).parent / program
        if beside.is_file():
            return beside
    return program


def assert_same(
    actual: Mapping[str, Any], expected: Mapping[str, Any], *, rtol: float = RTOL, atol: float = 0.0
) -> None:
    """Fail unless two dictionaries have the same names and equal arrays, whatever library those are from."""
    __tracebackhide__ = True
    from graphc.grade.explain import compare

    if set(actual) != set(expected):
        raise AssertionError(f"the names are {sorted(actual)}, and should be {sorted(expected)}")
    wrong = []
    for name, value in expected.items():
        given, wanted = array(actual[name]), array(value)
        ok, error = compare(given, wanted, rtol, atol)
        if given.shape != wanted.shape:
            wrong.append(f"{name}: its shape is {given.shape}, and should be {wanted.shape}")
        elif not ok:
            wrong.append(f"{name}: it differs by {error:.1e} (relative to the largest entry)")
    if wrong:
        raise AssertionError("\n".join(wrong))


# ------------------------------------------------------------------------------------------------ Hypothesis

def arrays_for(
    program: str | Path, *, largest: int = 4, sizes: Mapping[str, int] | None = None
) -> SearchStrategy[dict[str, NDArray[Any]]]:
    """A Hypothesis strategy for the arguments of a program, by name, with the declared shapes and types.

    Dimensions are drawn from 1 to `largest`, unless `sizes` has them; values from where the operations on them are
    defined, labels and indices from the range that they may have.
    """
    from graphc.grade.reference import read_source
    from graphc.language.diagnostics import Diagnostics
    from graphc.pipeline import lower_source

    found = _located(program, sys._getframe(1).f_globals.get("__file__"))
    return _strategy(lower_source(read_source(found), Diagnostics()), largest, dict(sizes or {}))


def _strategy(graph: Graph, largest: int, given: Mapping[str, int]) -> SearchStrategy[dict[str, NDArray[Any]]]:
    import numpy as np
    from hypothesis import assume
    from hypothesis import strategies as st
    from hypothesis.extra.numpy import arrays

    from graphc.ir.dims import shown
    from graphc.verify.sampling import Sampler

    @st.composite
    def strategy(choose: st.DrawFn) -> dict[str, NDArray[Any]]:
        sampler = Sampler(graph, choose(st.integers(0, 2**16)), given)
        chosen = {n: given.get(shown(n)) or choose(st.integers(1, largest), label=shown(n)) for n in sampler.names}
        assume(sampler.fits(chosen))
        sampler.given = {shown(name): size for name, size in chosen.items()}
        sample = next(iter(sampler))
        for argument in graph.arguments:
            domain = sampler.wanted.get(argument.name, "")
            if not graph[argument.node].type.is_float or domain in ("spd", "invertible", "simplex", "nonzero"):
                continue  # as they were drawn: these are made and not only chosen
            low, high = DOMAINS.get(domain, (-3.0, 3.0))
            numbers = st.floats(low, high, allow_subnormal=False)
            sample[argument.name] = choose(arrays(np.float64, np.shape(sample[argument.name]), elements=numbers))
        return sample

    return strategy()
