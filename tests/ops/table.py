"""A table of all operations: how many cases each is tested with, and the worst error that they find.

    python tests/ops/table.py > tests/ops/TABLE.md

The cases and references are those of the tests beside this file; the code is what `-O1` emits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import graphc
from graphc.ops.table import lookup, names
from numerical import directional_derivative
from ops.cases import Case, cases
from ops.references import reference
from ops.running import Program, named, quietly

HEADER = """\
# All operations, their cases and the worst error of each

Made by `python tests/ops/table.py > tests/ops/TABLE.md` from the cases that the tests make from each operation's
declaration; the code is what `-O1` emits. Errors are relative to the largest entry of a case's values and gradients if
that is more than 1, those of gradients to the norm of the gradient times that of the direction:

- *value*: float64 against an independent implementation (NumPy, or the plain formula written in it);
- *gradient*: `backward` in float64 against the numerical derivative of `forward` along a random direction, which is
  itself good for about 1e-11;
- *float32*: values and gradients computed in float32 against float64.

| operation | family | cases | value | gradient | float32 |
|---|---|--:|--:|--:|--:|
"""


@dataclass
class Row:
    """An operation's line."""

    name: str
    family: str
    cases: int = 0
    value: float | None = None
    gradient: float | None = None
    single: float | None = None

    def __str__(self) -> str:
        cells = [f"`{self.name}`", self.family, str(self.cases), *map(_shown, (self.value, self.gradient, self.single))]
        return "| " + " | ".join(cells) + " |"


def _shown(error: float | None) -> str:
    return "–" if error is None else "0" if error == 0 else f"{error:.0e}"


def rows() -> Iterator[Row]:
    """One row after the other; it takes a minute or two."""
    for name in names():
        yield row_of(name)


def row_of(name: str) -> Row:
    """All cases of an operation."""
    row = Row(name, lookup(name).family)
    for case in cases(name):
        row.cases += 1
        with quietly():
            try:
                program = Program(case.text(), case.arguments)
            except ValueError:  # of no entries, where there is no largest one: that it is refused says a test
                continue
            module = graphc.load(case.text(), level=1, verify=False)
            _add(row, case, program, module)
    return row


def _add(row: Row, case: Case, program: Program, module: ModuleType) -> None:
    """What one case says."""
    outputs, cache = module.forward(**program.arguments)
    finite = program.finite and all(np.isfinite(g).all() for g in program.gradients.values())
    size = _largest([*program.outputs.values(), *program.gradients.values()])
    for have, want in zip(named(outputs), _wanted(case), strict=True):
        row.value = _worse(row.value, _difference(have, want, size))
    gradients = module.backward(cache, *program.cotangents.values())
    if finite and case.smooth and case.op != "stop_gradient":
        for name, gradient in gradients.items():
            row.gradient = _worse(row.gradient, _against_numerical(program, module, name, gradient))
    narrow = {name: _narrow(value) for name, value in program.arguments.items()}
    if finite and any(value.dtype == np.float32 for value in narrow.values()):
        small, cache = module.forward(**narrow)
        for have, want in zip(named(small), named(outputs), strict=True):
            row.single = _worse(row.single, _difference(have, want, size))
        small_gradients = module.backward(cache, *map(_narrow, program.cotangents.values()))
        for name, want in gradients.items():
            row.single = _worse(row.single, _difference(small_gradients[name], want, size))


def _wanted(case: Case) -> tuple[Any, ...]:
    """The values by the independent implementation."""
    if case.reference is not None:
        wanted = case.reference(*case.arguments.values())
    else:
        function = reference(case.op)
        assert function is not None, f"{case.op} has no reference"
        wanted = function(*case.operands, **case.attributes)
    return wanted if isinstance(wanted, tuple) else (wanted,)


def _against_numerical(program: Program, module: ModuleType, name: str, gradient: Any) -> float | None:
    """The error along a random direction, by the step that gives the surer numerical derivative."""
    x = np.asarray(program.arguments[name], float)
    if not x.size:
        return None
    direction = np.random.default_rng(1).standard_normal(x.shape)
    value = program.value(module)

    def along(moved: Any) -> float:
        return value(**{**program.arguments, name: moved})

    attempts = [directional_derivative(along, x, direction, step) for step in (2e-3, 1e-5)]
    numeric, _ = min(attempts, key=lambda attempt: attempt[1])
    size = max(float(np.linalg.norm(gradient) * np.linalg.norm(direction)), abs(numeric), 1.0)
    return abs(float(np.vdot(gradient, direction)) - numeric) / size


def _largest(arrays: list[Any]) -> float:
    """The largest finite entry of several arrays, at least 1."""
    return max(1.0, *(float(np.abs(a[np.isfinite(a)]).max(initial=0.0)) for a in map(np.asarray, arrays)))


def _difference(have: Any, want: Any, size: float) -> float | None:
    """The largest difference in units of `size`; what is not finite must be the same."""
    have, want = np.asarray(have) * 1.0, np.asarray(want) * 1.0
    if not want.size:
        return None
    finite = np.isfinite(want)
    if have.shape != want.shape or not np.array_equal(have[~finite], want[~finite], equal_nan=True):
        return float("inf")
    return float(np.abs(have[finite] - want[finite]).max(initial=0.0)) / size


def _worse(known: float | None, found: float | None) -> float | None:
    return found if known is None else known if found is None else max(known, found)


def _narrow(value: Any) -> Any:
    value = np.asarray(value)
    return value.astype(np.float32) if value.dtype.kind == "f" else value


def main() -> None:
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print(HEADER, end="")
    total = operations = 0
    for row in rows():
        print(row, flush=True)
        total, operations = total + row.cases, operations + 1
    print(f"\n{operations} operations, {total} cases.")


if __name__ == "__main__":
    main()
