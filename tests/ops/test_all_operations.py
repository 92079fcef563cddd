"""Every public operation, in every case that its declaration makes: values, gradients, types, memory.

The emitted module at -O0, -O1 and -O2, with sizes as numbers and as names, against the reference evaluator; gradients
against numerical derivatives. A new operation gets all of it by being declared.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ops.table import lookup, names
from numerical import assert_gradients
from ops.cases import Case, accepted, cases
from ops.running import Program, close, failures, named, quietly, report
from ops.special import NO_GRADIENT, SPECIAL

# Gradient zero by definition, which numerical derivatives do not know.
STOPS = {"stop_gradient"}

SINGLE = 3e-5  # float32 against float64, relative to the largest entry


@pytest.mark.parametrize("name", names())
def test_operation(name: str) -> None:
    found = failures(cases(name), check)
    assert not found, report(found)


@pytest.mark.parametrize("name", names())
def test_undeclared_operands(name: str) -> None:
    found = check_undeclared(name)
    assert not found, report(found)


def test_every_operation_has_a_gradient_that_is_checked() -> None:
    without = [
        name for name in names()
        if name not in NO_GRADIENT
        and not any(c.smooth and any(np.asarray(v).dtype.kind == "f" and np.size(v) for v in c.arguments.values())
                    for c in cases(name))
    ]  # fmt: skip
    assert not without, f"give `ops.special.SPECIAL` or `ATTRIBUTES` what makes cases for: {', '.join(without)}"


def test_what_has_no_gradient_exists() -> None:
    unknown = NO_GRADIENT - set(names())
    assert not unknown, unknown


def test_where_gradients_stop_they_are_zero() -> None:
    for name in sorted(STOPS):
        for case in cases(name):
            assert not any(g.any() for g in Program(case.text(), case.arguments).gradients.values()), str(case)


def test_hand_written_cases_are_of_operations_that_exist() -> None:
    unknown = set(SPECIAL) - set(names())
    assert not unknown, unknown


# ---------------------------------------------------------------- one case


def load(text: str, level: int) -> ModuleType:
    return graphc.load(text, level=level, verify=False)


def check(case: Case) -> None:
    """All that must hold for one case."""
    symbolic = [(1, True)] if accepted(case, symbolic=True) is None else []
    optimised = [(2, bool(symbolic))] if zlib.crc32(str(case).encode()) % 4 == 0 else []  # dear: one case in four
    texts = [(level, case.text(sizes)) for level, sizes in [(0, False), (1, False), *symbolic, *optimised]]
    with quietly():
        try:
            program = Program(case.text(), case.arguments)
        except ValueError:  # the largest entry of nothing: NumPy refuses, and so does the module
            if not any(0 in np.shape(v) for v in case.arguments.values()):
                raise
            for level, text in texts:
                assert _refuses(load(text, level), case), f"-O{level} takes what the reference evaluator refuses"
            return
    finite = all(np.isfinite(v).all() for v in [*program.outputs.values(), *program.gradients.values()])
    with quietly(loud=finite and not any(0 in np.shape(v) for v in case.arguments.values())):
        for level, text in texts:
            module = load(text, level)
            check_numbers(program, module, f"-O{level}")
            check_memory(program, module)
            check_single(program, module)
        if finite and case.smooth and case.op not in STOPS and program.gradients:
            check_gradients(program, module)


def _refuses(module: ModuleType, case: Case) -> bool:
    try:
        module.forward(**case.arguments)
    except ValueError:
        return True
    return False


def check_gradients(program: Program, module: ModuleType) -> None:
    """Numerical gradients; where a kink is too near for a long step, by a short one."""
    for step, rtol in ((2e-3, 1e-7), (1e-5, 1e-5)):
        try:
            value = program.value(module)
            assert_gradients(value, program.arguments, program.gradients, directions=1, step=step, rtol=rtol)
            return
        except AssertionError as error:
            if "not reliable" not in str(error) or step < 1e-4:
                raise


def check_numbers(program: Program, module: ModuleType, what: str) -> None:
    """Values and gradients are those of the reference evaluator; the gradients of what is not finite are anything."""
    outputs, cache = module.forward(**program.arguments)
    for (name, want), have in zip(program.outputs.items(), named(outputs), strict=True):
        close(have, want, f"{what} {name}")
    assert tuple(module.OUTPUTS) == tuple(program.outputs)
    cotangents = list(program.cotangents.values())
    gradients = module.backward(cache, *cotangents)
    assert list(gradients) == list(program.gradients)
    for name, want in program.gradients.items():
        if program.finite:
            close(gradients[name], want, f"{what} gradient of {name}")
    again = module.backward(cache, *cotangents)
    for name, gradient in gradients.items():
        close(again[name], gradient, f"{what} gradient of {name}, backward called twice", 0.0, 0.0)


def check_memory(program: Program, module: ModuleType) -> None:
    """Results are fresh and writable, arguments stay as they are: read-only and not contiguous ones serve as well."""
    arguments = {name: _awkward(value) for name, value in program.arguments.items()}
    cotangents = [_awkward(c) for c in program.cotangents.values()]
    outputs, cache = module.forward(**arguments)
    gradients = module.backward(cache, *cotangents)
    results = [*zip(program.outputs, named(outputs), strict=True), *((f"d{n}", g) for n, g in gradients.items())]
    for name, want in program.outputs.items():
        close(dict(results)[name], want, f"{name} of strided arguments")
    for name, want in program.gradients.items():
        if program.finite:
            close(gradients[name], want, f"gradient of {name}, strided arguments", 1e-9)
    others = [*arguments.items(), *((f"cotangent {k}", c) for k, c in enumerate(cotangents))]
    others += [(f"cache[{k}]", value) for k, value in enumerate(cache) if isinstance(value, np.ndarray)]
    for k, (name, value) in enumerate(results):
        if isinstance(value, np.ndarray):
            assert value.flags.writeable, f"{name} is read-only"
            for other, array in [*others, *results[k + 1 :]]:
                if isinstance(array, np.ndarray):
                    assert not np.shares_memory(value, array), f"{name} shares memory with {other}"


def _awkward(value: Any) -> Any:
    """The same numbers, read-only and as far from contiguous as can be."""
    value = np.asarray(value)
    roomy = np.empty([2 * n + 1 for n in reversed(value.shape)], value.dtype)
    view = roomy[(..., *(slice(1, None, 2) for _ in value.shape))].T
    view[...] = value
    view.flags.writeable = False
    return view


def check_single(program: Program, module: ModuleType) -> None:
    """float32 in, float32 out, and the numbers are those of float64 to single precision."""
    arguments = {name: _narrow(value) for name, value in program.arguments.items()}
    if not any(value.dtype == np.float32 for value in arguments.values()):
        return
    outputs, cache = module.forward(**arguments)
    for (name, want), have in zip(program.outputs.items(), named(outputs), strict=True):
        if np.asarray(want).dtype.kind == "f":
            assert np.asarray(have).dtype == np.float32, f"{name} is {np.asarray(have).dtype} for float32 arguments"
            close(have, want, f"{name} in float32", SINGLE, SINGLE)
    gradients = module.backward(cache, *map(_narrow, program.cotangents.values()))
    for name, want in program.gradients.items():
        have = gradients[name]
        assert np.asarray(have).dtype == np.float32, f"the gradient of {name} is {have.dtype} for float32 arguments"
        if program.finite:
            close(have, want, f"gradient of {name} in float32", 20 * SINGLE, SINGLE)


def _narrow(value: Any) -> Any:
    value = np.asarray(value)
    return value.astype(np.float32) if value.dtype.kind == "f" else value


# ---------------------------------------------------------------- integers and booleans among the operands

NOT_FOR_INTEGERS = ("unit", "probability", "simplex", "invertible", "spd")


@pytest.mark.parametrize("name", names())
def test_integer_and_boolean_operands(name: str) -> None:
    """Values are those of the reference evaluator, and float32 beside integers still gives float32."""
    found = failures(with_integers(name), check_kinds)
    assert not found, report(found)


def with_integers(name: str) -> Iterator[Case]:
    """A few cases with one of their floating operands an integer, or a boolean."""
    domain = lookup(name).domain
    made = 0
    for case in cases(name):
        floating = [n for n, v in case.arguments.items() if np.asarray(v).dtype.kind == "f"]
        empty = any(0 in np.shape(v) for v in case.arguments.values())
        if empty or made >= 6 or any(domain.get(n) in NOT_FOR_INTEGERS for n in floating):
            continue
        for operand in floating[:2]:
            x = np.asarray(case.arguments[operand])
            for kind in (int, bool):
                whole = np.round(2 * x).astype(int) if kind is int else x > 0
                if operand in domain:
                    whole = 1 + np.abs(whole.astype(int)) if kind is int else np.ones(x.shape, bool)
                mixed = replace(case, arguments={**case.arguments, operand: whole})
                if accepted(mixed) is None:
                    made += 1
                    yield mixed


def check_kinds(case: Case) -> None:
    with quietly():
        program = Program(case.text(), case.arguments)
        for level in (0, 1):
            module = load(case.text(), level)
            check_numbers(program, module, f"-O{level}")
            check_single(program, module)


# ---------------------------------------------------------------- without declarations


def check_undeclared(name: str) -> list[str]:
    """The programs of the cases without declarations, on the arguments of all cases with that program.

    What a module does not take it refuses with ValueError; what it takes it computes as the declared program does. An
    elementwise operation of operands of unknown rank takes everything.
    """
    found: list[str] = []
    groups: dict[str, list[Case]] = {}
    for case in cases(name):
        groups.setdefault(case.undeclared, []).append(case)
    for text, group in groups.items():
        try:
            module = load(text, 1)
        except graphc.GraphcError as error:
            assert error.errors, text
            continue
        found += failures(group, lambda case, module=module: _check_free(case, module))
    return found


def _check_free(case: Case, module: ModuleType) -> None:
    with quietly():
        try:
            program = Program(case.text(), case.arguments)
        except ValueError:
            if not any(0 in np.shape(v) for v in case.arguments.values()):
                raise
            return
        try:
            check_numbers(program, module, "undeclared")
            check_memory(program, module)
            check_single(program, module)
        except ValueError as error:
            declared = any(np.asarray(v).dtype == bool for v in case.arguments.values())
            everything = lookup(case.op).elementwise and case.body.count("(") == 1 and not declared
            shapes = [np.shape(v) for v in case.arguments.values()]
            assert not everything, f"undeclared operands of shapes {shapes}: {error}"
