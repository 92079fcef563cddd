"""Graphviz: the text that it reads, and the SVG or PNG that it makes of it.

`n1 [label="W1\\n(D, H)", shape=box3d, …];` is a box and `n1 -> n3 [label="(D, H)"];` an arrow.
"""

from __future__ import annotations

import shutil
import subprocess

from graphc.explain.box_colours import COLOURS
from graphc.explain.diagram import Box, Diagram

__all__ = ["CROWDED", "SHAPES", "NoGraphviz", "dot_text", "laid_out"]


class NoGraphviz(Exception):
    """Graphviz is not installed (`missing`), or it failed."""

    def __init__(self, message: str, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


SHAPES = {
    "input": "shape=box, style=rounded", "param": 'shape=box3d, margin="0.16,0.13"',
    "value": "shape=box", "operation": "shape=ellipse",
    "output": "shape=box, peripheries=2", "loss": "shape=doubleoctagon", "seed": "shape=circle",
    "gradient": "shape=note",
}  # fmt: skip


CROWDED = 250
"""With more boxes than this shapes take no room of their own and the layout less time."""


def dot_text(diagram: Diagram, crowded: bool | None = None) -> str:
    """For `dot`."""
    crowded = len(diagram.boxes) > CROWDED if crowded is None else crowded
    lines = ["digraph {", '  rankdir=TB; node [fontname="Helvetica", fontsize=11]; '
             'edge [fontname="Helvetica", fontsize=9, arrowsize=0.7];']  # fmt: skip
    lines += ["  newrank=true; nslimit=0.5; nslimit1=0.5; mclimit=0.1;"] if crowded else []
    for key in ["", *diagram.clusters]:
        inside = [box for box in diagram.boxes if box.cluster == key]
        if key and inside:
            number = list(diagram.clusters).index(key)
            lines.append(f"  subgraph cluster_{number} {{ label={_quoted(diagram.clusters[key])}; style=rounded; "
                         'color="#999999"; fontname="Helvetica"; fontsize=10;')  # fmt: skip
        lines += [_dot_box(box) for box in inside]
        lines += ["  }"] if key and inside else []
    for arrow in diagram.arrows:
        style = ", style=dashed" if arrow.backward else ""
        kind = "xlabel" if crowded else "label"
        lines.append(f"  n{arrow.start} -> n{arrow.end} [{kind}={_quoted(arrow.label)}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _dot_box(box: Box) -> str:
    label = box.label + (f"\n{box.under}" if box.under else "") + ("\nsaved" if box.saved else "")
    shape = SHAPES[box.kind]
    style = "filled,rounded" if "rounded" in shape else "filled"
    if box.saved:
        style += ",bold"
    shape = shape.replace(", style=rounded", "")
    fill = f'fillcolor="{COLOURS[box.kind]}"'
    return f'    n{box.id} [label={_quoted(label)}, {shape}, style="{style}", {fill}, fontcolor="#111111"];'


def _quoted(words: str) -> str:
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def laid_out(diagram: Diagram, format: str) -> bytes:
    """The picture; where older versions cannot rank the clusters, once more by the ranks of the boxes alone."""
    dot = shutil.which("dot")
    if dot is None:
        raise NoGraphviz("Graphviz is not installed", missing=True)
    options = ["-Gdpi=144"] if format == "png" else []
    for crowded in (False, True) if len(diagram.boxes) <= CROWDED else (True,):
        text = dot_text(diagram, crowded).encode()
        try:
            done = subprocess.run([dot, f"-T{format}", *options], input=text, capture_output=True, timeout=120,
                                  check=False)  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoGraphviz(f"Graphviz failed: {error}") from None
        if done.returncode == 0:
            return done.stdout
    said = done.stderr.decode(errors="replace").strip().splitlines()
    raise NoGraphviz(f"Graphviz failed: {said[0] if said else f'its exit status is {done.returncode}'}")
