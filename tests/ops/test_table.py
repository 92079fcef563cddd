"""The table of all operations: complete, and no error in it that should not be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphc.ops.table import names
from ops.cases import cases
from ops.special import NO_GRADIENT
from ops.table import row_of

TABLE = Path(__file__).with_name("TABLE.md")
REMEDY = "python tests/ops/table.py > tests/ops/TABLE.md"


def stored() -> dict[str, list[str]]:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_every_operation_has_a_row() -> None:
    assert list(stored()) == names(), f"run `{REMEDY}`"


def test_every_operation_has_cases_and_a_value_that_is_compared() -> None:
    for name, (_, count, value, gradient, _) in stored().items():
        assert int(count) > 0, name
        assert value != "–", name
        assert gradient != "–" or name in NO_GRADIENT, name


def test_the_errors_are_those_of_rounding() -> None:
    for name, (_, _, value, gradient, single) in stored().items():
        assert value == "–" or float(value) <= 1e-12, name
        assert gradient == "–" or float(gradient) <= 1e-8, name
        assert single == "–" or float(single) <= 1e-5, name


@pytest.mark.parametrize("name", ["softmax", "matmul", "where"])
def test_the_command_makes_the_rows(name: str) -> None:
    row = row_of(name)
    assert row.cases == len(cases(name))
    assert row.value is not None and row.value <= 1e-12
    assert row.gradient is not None and row.gradient <= 1e-8
    assert row.single is not None and row.single <= 1e-4
    assert re.fullmatch(rf"\| `{name}` \| \w+ \| \d+ \| \S+ \| \S+ \| \S+ \|", str(row))
