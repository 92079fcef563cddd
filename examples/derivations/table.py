"""Make the table in README.md: each row of the derivations, its program, its worst error against the closed form.

    python examples/derivations/table.py            # writes it into README.md

It compiles every program, runs it on random arguments of several sizes (one sample among them), and compares values
and gradients with the closed forms of tests/examples, which are NumPy written from the page.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import graphc

FOLDER = Path(__file__).parent
TESTS = FOLDER.parents[1] / "tests"
START, END = "<!-- table: made by table.py -->\n", "<!-- end of the table -->\n"


def worst_error(case: Any, module: Any, sizes: list[Any], dtype: Any) -> float:
    """The largest error of a value or gradient, relative to the largest entry where that is above 1."""
    from examples.closed_forms import arguments_of, outputs_of

    worst = 0.0
    for size in sizes:
        arguments = {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arguments_of(case, size).items()}
        cotangents = {name: a.astype(dtype) for name, a in outputs_of(case, size).items()}
        outputs, cache = module.forward(**arguments)
        values = dict(zip(module.OUTPUTS, outputs if isinstance(outputs, tuple) else (outputs,), strict=True))
        scalar = [name for name in values if np.shape(values[name]) == ()]
        names = scalar if len(scalar) == 1 else list(values)
        gradients = module.backward(cache, *(cotangents[name] for name in names))
        exact = {n: a.astype(np.float64) if a.dtype.kind == "f" else a for n, a in arguments.items()}
        seeds = {name: a.astype(np.float64) for name, a in cotangents.items()}
        wanted, derived = case.closed(SimpleNamespace(**exact), SimpleNamespace(**seeds))
        pairs = [(values[name], wanted[name]) for name in wanted]
        pairs += [(gradients[name], derived[name]) for name in derived]
        for have, want in pairs:
            scale = max(1.0, float(np.max(np.abs(want), initial=0)))
            worst = max(worst, float(np.max(np.abs(have - want), initial=0)) / scale)
    return worst


def table() -> str:
    """The table as Markdown."""
    if str(TESTS) not in sys.path:
        sys.path.insert(0, str(TESTS))
    from examples.closed_forms import CASES, SIZES

    lines = ["| row | formula | program | worst error, float64 | float32 |", "|---|---|---|---|---|"]
    for case in sorted(CASES.values(), key=lambda case: (case.row[0], int(case.row[1:]))):
        module = graphc.load((FOLDER / f"{case.program}.g"), verify=False)
        errors = [worst_error(case, module, list(SIZES), dtype) for dtype in (np.float64, np.float32)]
        formula = case.formula.replace("|", "\\|")
        cells = [case.row, formula, f"[{case.program}.g]({case.program}.g)", *(f"{err:.0e}" for err in errors)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def cells(text: str) -> list[list[str]]:
    """The cells of the table's rows in a text."""
    rows = [line.strip()[2:-2].split(" | ") for line in text.splitlines() if re.match(r"\| [A-E]\d+ \|", line)]
    return [[cell.strip() for cell in row] for row in rows]


def main() -> None:
    readme = FOLDER / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    readme.write_text(before + START + table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
