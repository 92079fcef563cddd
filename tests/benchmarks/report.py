"""The numbers as a table in Markdown, as JSON, as a chart, and as a section of the README."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.chart import chart
from benchmarks.implementations import BASE, IMPLEMENTATIONS
from benchmarks.workloads import WORKLOADS

__all__ = ["BEGIN", "END", "section", "table", "update_readme", "write"]

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def write(data: Mapping[str, Any], folder: Path) -> None:
    """`results.json`, `results.md` and `chart.svg` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "results.md").write_text(f"{said_of(data)}\n\n{table(data)}", encoding="utf-8")
    (folder / "chart.svg").write_text(chart(data), encoding="utf-8")


def said_of(data: Mapping[str, Any]) -> str:
    """The machine and the versions in a sentence."""
    machine = data["machine"]
    kernels = f" ({machine['kernels']} kernels)" if machine.get("kernels") else ""
    versions = [f"Python {machine['python']}", f"NumPy {machine['numpy']} with {machine['blas']}{kernels}"]
    versions += [f"{name} {version}" for name, version in machine["libraries"].items()]
    left_out = f" Left out, as not installed: {', '.join(data['missing'])}." if data["missing"] else ""
    note = f" {data['note']}" if data.get("note") else ""
    return f"Measured on {machine['cpu']}, one thread, {', '.join(versions)}.{left_out}{note}"


def table(data: Mapping[str, Any]) -> str:
    """A row per workload: times relative to the expert's, float32 / float64."""
    rows = data["rows"]
    names = [name for name in IMPLEMENTATIONS if any(row["implementation"] == name for row in rows)]
    found = {(row["workload"], row["dtype"], row["implementation"]): row for row in rows}
    dtypes = [dtype for dtype in ("float32", "float64") if any(row["dtype"] == dtype for row in rows)]
    lines = [f"| | {BASE}, ms | " + " | ".join(name for name in names if name != BASE) + " |"]
    lines.append("|---|---|" + "---|" * (len(names) - (BASE in names)))
    for workload, title in WORKLOADS.items():
        if not any(row["workload"] == workload for row in rows):
            continue
        cells = [_cell(found, workload, dtypes, BASE, "milliseconds")]
        cells += [_cell(found, workload, dtypes, name, "ratio") for name in names if name != BASE]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(found: Mapping[Any, Any], workload: str, dtypes: list[str], name: str, key: str) -> str:
    parts = []
    for dtype in dtypes:
        row = found.get((workload, dtype, name))
        parts.append("–" if row is None else "wrong" if row["wrong"] else _number(row[key]))
    return " / ".join(parts)


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 9.95 else f"{value:.0f}"


def section(data: Mapping[str, Any], picture: str) -> str:
    """What the README says between the markers."""
    return f"{said_of(data)}\n\n![Times relative to NumPy by an expert]({picture})\n\n{table(data)}"


def update_readme(data: Mapping[str, Any], readme: Path) -> None:
    """Put the section between its markers. Raises ValueError where they are not."""
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{readme.name} has no section between {BEGIN} and {END}")
    head, rest = text.split(BEGIN)
    new = section(data, "tests/benchmarks/results/chart.svg")
    readme.write_text(f"{head}{BEGIN}\n{new}{END}{rest.split(END)[1]}", encoding="utf-8")
