"""Values and gradients against independent implementations: NumPy and formulas in autograd's NumPy.

Also: what NumPy accepts is accepted, or the list says why not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from autograd import make_vjp

from graphc.ops.table import lookup, names
from ops.cases import Case, cases, refused
from ops.references import REFERENCES, reference
from ops.running import Program, close, failures, quietly, report

# Operations whose candidates NumPy takes though the language does not, and why.
NARROWER = {
    "diag": "a diagonal that the matrix does not have is an error",
    "tril": "NumPy makes a matrix of a vector by broadcasting",
    "triu": "NumPy makes a matrix of a vector by broadcasting",
}

# Where autograd has no gradient, or a wrong one. The values are compared all the same.
NO_OPINION = {
    "avg_pool1d": "is not asked: the reference is a loop",
    "avg_pool2d": "is not asked: the reference is a loop",
    "cholesky": "symmetric, where NumPy reads the lower triangle alone",
    "conv1d": "is not asked: the reference is a loop",
    "conv2d": "is not asked: the reference is a loop",
    "conv_transpose1d": "is not asked: the reference is a loop",
    "conv_transpose2d": "is not asked: the reference is a loop",
    "cumprod": "has none",
    "diag": "wrong for matrices that are not square",
    "floor_divide": "has none",
    "max_pool1d": "is not asked: the reference is a loop",
    "max_pool2d": "is not asked: the reference is a loop",
    "pinv": "for full rank only",
    "remainder": "forgets that the divisor was broadcast",
    "take_along_axis": "has none",
}


@pytest.mark.parametrize("name", names())
def test_values_and_gradients(name: str) -> None:
    found = failures(cases(name), compare)
    assert not found, report(found)


@pytest.mark.parametrize("name", names())
def test_what_numpy_accepts_is_accepted(name: str) -> None:
    function = None if name in REFERENCES or name in NARROWER else reference(name)
    if function is None:
        return
    found = [f"{case}\n    refused: {message}" for case, message in refused(name) if _numpy_takes(function, case)]
    assert not found, report(found)


def test_every_operation_has_a_reference() -> None:
    """By its name, or in every one of its cases."""
    without = [n for n in names() if reference(n) is None and not all(c.reference for c in cases(n))]
    assert not without, f"write a reference in ops/references.py for: {', '.join(without)}"


def _numpy_takes(function: Callable[..., Any], case: Case) -> bool:
    if any(np.ndim(v) == 0 for v in case.arguments.values()):
        return False  # NumPy lets a scalar have the axis 0
    try:
        with quietly():
            function(*case.operands, **case.attributes)
    except (ValueError, TypeError, IndexError, np.linalg.LinAlgError, AttributeError, AssertionError, KeyError):
        return False
    return True


def compare(case: Case) -> None:
    function = reference(case.op)
    with quietly():
        try:
            program = Program(case.text(), case.arguments)
        except ValueError:  # the largest entry of nothing: NumPy refuses it too, says test_all_operations
            if not any(0 in np.shape(v) for v in case.arguments.values()):
                raise
            return
        if case.reference is not None:
            wanted = case.reference(*case.arguments.values())
        else:
            assert function is not None
            wanted = function(*case.operands, **case.attributes)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        for (name, have), want in zip(program.outputs.items(), wanted, strict=True):
            close(have * 1.0, np.asarray(want) * 1.0, name, 1e-10, 1e-11)
        if function is not None and case.reference is None and case.op not in NO_OPINION:
            gradients(case, program, function)


def gradients(case: Case, program: Program, function: Callable[..., Any]) -> None:
    """The gradients of autograd, operand by operand; those of a repeated operand are summed."""
    if not program.cotangents or any(0 in np.shape(v) for v in case.arguments.values()):
        return
    (cotangent,) = program.cotangents.values()
    total: dict[str, Any] = {}
    for k, operand in enumerate(case.operands):
        if operand is None or np.asarray(operand).dtype.kind != "f":
            continue
        name = next(n for n, v in case.arguments.items() if v is operand)

        def of_one(x: Any, k: int = k) -> Any:
            return function(*(x if i == k else v for i, v in enumerate(case.operands)), **case.attributes)

        pull, value = make_vjp(of_one)(np.asarray(operand, float))
        constant = not hasattr(value, "_node") and np.asarray(value).dtype.kind != "f"
        part = np.zeros(np.shape(operand)) if constant else pull(np.asarray(cotangent))
        total[name] = total.get(name, 0) + part
    for name, want in total.items():
        close(program.gradients[name], want, f"gradient of {name}, as autograd has it", 1e-9, 1e-10)


def test_the_references_are_not_the_operations_themselves() -> None:
    """A reference is no function of this package."""
    for name in names():
        function = reference(name)
        assert function is None or not getattr(function, "__module__", "").startswith("graphc"), name
        assert function is not lookup(name).evaluate or function.__module__.startswith(("numpy", "autograd")), name
