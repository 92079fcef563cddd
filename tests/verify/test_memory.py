"""What a workspace computes is verified as well: a module whose joint function is wrong is not let through."""

from __future__ import annotations

from itertools import product

import pytest

import graphc
from graphc.api import module_from
from graphc.verify.memory import differences

NET = "input X[N, D]\nparam W[D, H]\nY = tanh(X@W)\nL = sum(Y * Y)"


def test_a_right_module_passes_and_a_wrong_one_does_not() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    arguments = {"X": rng.standard_normal((5, 3)), "W": rng.standard_normal((3, 2))}
    source = graphc.compile(NET, level=2, verify=False)
    for function, wrong in product(("value_and_grad(", "forward_in(", "backward_in("), (False, True)):
        start = source.index(f"def {function}")
        called = "np.multiply(" if function == "backward_in(" else "np.tanh("
        assert called in source[start : source.index("\ndef ", start)]
        text = source[:start] + source[start:].replace(called, "np.add(" if wrong else called, 1)
        module = module_from(text, "net.g")
        value, cache = module.forward(**arguments)
        found = differences(module, arguments, (), value, module.backward(cache))
        assert (found is None) != wrong, found


def test_an_array_of_another_type_is_another_one() -> None:
    import numpy as np

    arguments = {"X": np.ones((5, 3)), "W": np.ones((3, 2))}
    module = module_from(graphc.compile(NET, level=2, verify=False), "net.g")
    value, cache = module.forward(**arguments)
    gradients = module.backward(cache)
    assert differences(module, arguments, (), value, gradients) is None
    assert differences(module, arguments, (), value.astype(np.float32), gradients) is not None


def test_what_fails_in_a_workspace_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphc.verify import program

    def fails(*arguments: object) -> None:
        raise TypeError("no such array")

    monkeypatch.setattr(program, "differences", fails)
    with pytest.raises(graphc.GraphcError, match="in a workspace it fails with TypeError: no such array"):
        graphc.compile(NET, level=2)


def test_compile_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphc.emitter import into

    monkeypatch.setitem(into.REDUCE, "max", "np.minimum")
    with pytest.raises(graphc.GraphcError, match="workspace"):
        graphc.compile("param X[N, D]\nL = sum(max(X, axis=1) * 3)", level=2)


def test_loops_over_rows_are_checked_in_several_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphc.emitter import parts

    text = "input X[N, D]\nparam W[3*D, H]\nA = tanh(X)\nB = concatenate([A, X], axis=1)\n"
    text += "L = sum((concatenate([B, X], axis=1) @ W)**2)"
    graphc.compile(text, level=2)
    monkeypatch.setattr(parts, "_make_full", lambda layout, id: layout.full.add(id))
    with pytest.raises(graphc.GraphcError, match="workspace"):
        graphc.compile(text, level=2)
