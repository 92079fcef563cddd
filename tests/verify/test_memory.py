"""What a workspace computes is verified as well: a module whose joint function is wrong is not let through."""

from __future__ import annotations

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
    start = source.index("def value_and_grad")
    for wrong, right in ((False, True), (True, False)):
        text = source[:start] + source[start:].replace("np.tanh(", "np.sin(" if wrong else "np.tanh(", 1)
        module = module_from(text, "net.g")
        value, cache = module.forward(**arguments)
        found = differences(module, arguments, (), value, module.backward(cache))
        assert (found is None) == right, found


def test_compile_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphc.emitter import into

    monkeypatch.setitem(into.REDUCE, "max", "np.minimum")
    with pytest.raises(graphc.GraphcError, match="workspace"):
        graphc.compile("param X[N, D]\nL = sum(max(X, axis=1) * 3)", level=2)
