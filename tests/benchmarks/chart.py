"""The numbers as a picture: a row per workload and floating type, a mark per implementation, times on a log scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.implementations import BASE, IMPLEMENTATIONS
from benchmarks.workloads import WORKLOADS

__all__ = ["chart"]

WIDTH, LEFT, RIGHT, TOP, ROW = 880, 290, 30, 74, 22
COLOURS = {  # light, dark: told apart by shape as well
    "expert": ("#57606a", "#9198a1"),
    "graphc -O2": ("#0969da", "#58a6ff"),
    "graphc -O1": ("#1a7f37", "#3fb950"),
    "naive": ("#9a6700", "#d29922"),
    "autograd": ("#8250df", "#bc8cff"),
    "jax": ("#cf222e", "#ff7b72"),
    "torch": ("#bf3989", "#f778ba"),
}
SHAPES = {
    "expert": "M-1,-8H1V8H-1Z",
    "graphc -O2": "M-6,-6H6V6H-6Z",
    "graphc -O1": "M0,-7L7,0L0,7L-7,0Z",
    "naive": "M0,-6L6,5H-6Z",
    "autograd": "M0,6L6,-5H-6Z",
    "jax": "M-5,0A5,5 0 1,0 5,0A5,5 0 1,0 -5,0Z",
    "torch": "M-6,-2H-2V-6H2V-2H6V2H2V6H-2V2H-6Z",
}
STYLE = """\
text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.back { fill: #ffffff } .grid { stroke: #d1d9e0 } .one { stroke: #57606a } .small { font-size: 12px; fill: #59636e }
"""


def chart(data: Mapping[str, Any]) -> str:
    """The picture as SVG; it has its own background, and another set of colours where the reader's theme is dark."""
    rows = [row for row in data["rows"] if not row["wrong"] and row["ratio"] > 0]
    names = [name for name in IMPLEMENTATIONS if any(row["implementation"] == name for row in rows)]
    lines = [(w, d) for w in WORKLOADS for d in ("float32", "float64") if any(_is(row, w, d) for row in rows)]
    low = min([0.5, *(row["ratio"] * 0.9 for row in rows)])
    high = max([2.0, *(row["ratio"] * 1.1 for row in rows)])
    height = TOP + ROW * len(lines) + 46

    def x(ratio: float) -> float:
        share = (math.log(ratio) - math.log(low)) / (math.log(high) - math.log(low))
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img">',
        "<title>Time of value and gradients, relative to NumPy by an expert</title>",
        f"<style>{STYLE}{_colours(names)}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}" rx="6"/>',
        *_legend(names),
    ]
    bottom = TOP + ROW * len(lines)
    for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128):
        if low <= tick <= high:
            kind = "one" if tick == 1 else "grid"
            parts.append(f'<line class="{kind}" x1="{x(tick)}" x2="{x(tick)}" y1="{TOP - 8}" y2="{bottom}"/>')
            parts.append(f'<text class="small" x="{x(tick)}" y="{bottom + 18}" text-anchor="middle">{tick:g}×</text>')
    parts.append(f'<text class="small" x="{x(1)}" y="{bottom + 36}" text-anchor="middle">time, expert = 1</text>')
    for number, (workload, dtype) in enumerate(lines):
        y = TOP + ROW * number + ROW // 2
        first = dtype == "float32" or ("float32", workload) not in {(d, w) for w, d in lines}
        if first:
            parts.append(f'<text x="16" y="{y + 4}">{escape(WORKLOADS[workload])}</text>')
            if number:
                parts.append(f'<line class="grid" x1="16" x2="{WIDTH - RIGHT}" y1="{y - 11}" y2="{y - 11}"/>')
        parts.append(f'<text class="small" x="{LEFT - 14}" y="{y + 4}" text-anchor="end">f{dtype[-2:]}</text>')
        here = {row["implementation"]: row for row in rows if _is(row, workload, dtype)}
        for name in reversed(names):  # ours on top
            if name in here and name != BASE:
                said = escape(f"{name}: {here[name]['ratio']:.2f} ({here[name]['milliseconds']:.3g} ms)")
                parts.append(
                    f'<path class="{_class(name)}" transform="translate({x(here[name]["ratio"])},{y})" '
                    f'd="{SHAPES[name]}"><title>{said}</title></path>'
                )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _is(row: Mapping[str, Any], workload: str, dtype: str) -> bool:
    return bool(row["workload"] == workload and row["dtype"] == dtype)


def _class(name: str) -> str:
    return name.replace(" ", "").replace("-", "")


def _colours(names: list[str]) -> str:
    light = " ".join(f".{_class(name)} {{ fill: {COLOURS[name][0]} }}" for name in names)
    dark = " ".join(f".{_class(name)} {{ fill: {COLOURS[name][1]} }}" for name in names)
    return (
        f"{light}\n@media (prefers-color-scheme: dark) {{\ntext {{ fill: #f0f6fc }} .back {{ fill: #0d1117 }} "
        f".grid {{ stroke: #3d444d }} .one {{ stroke: #9198a1 }} .small {{ fill: #9198a1 }}\n{dark}\n}}\n"
    )


def _legend(names: list[str]) -> list[str]:
    parts = ['<text x="16" y="26" style="font-weight: 600">Value and gradients, time relative to NumPy by an expert; '
             "one thread; further left is faster</text>"]  # fmt: skip
    at = 24
    for name in names:
        if name != BASE:
            parts.append(f'<path class="{_class(name)}" transform="translate({at},48)" d="{SHAPES[name]}"/>')
            parts.append(f'<text x="{at + 12}" y="52">{escape(name)}</text>')
            at += 44 + 8 * len(name)
    return parts
