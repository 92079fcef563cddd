"""Pictures of graphs: text for Graphviz and Mermaid, SVG and PNG by Graphviz, and a plain SVG without it."""

from __future__ import annotations

import html
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise

from graphc.explain.diagram import Arrow, Box, Diagram

__all__ = ["FORMATS", "NoGraphviz", "dot_text", "have_graphviz", "html_text", "mermaid_text", "picture", "plain_svg"]


class NoGraphviz(Exception):
    """Graphviz is not installed, or it failed."""


SHAPES = {
    "input": "shape=box, style=rounded", "param": "shape=box3d", "value": "shape=box", "operation": "shape=ellipse",
    "output": "shape=box, peripheries=2", "loss": "shape=doubleoctagon", "seed": "shape=circle",
    "gradient": "shape=note",
}  # fmt: skip
COLOURS = {
    "input": "#e8eef7", "param": "#fdeccb", "value": "#ffffff", "operation": "#f4f4f4", "output": "#ddf0e0",
    "loss": "#f8d9d7", "seed": "#f4f4f4", "gradient": "#e9e0f5",
}  # fmt: skip


def dot_text(diagram: Diagram) -> str:
    """For `dot`."""
    lines = ["digraph {", '  rankdir=TB; node [fontname="Helvetica", fontsize=11]; '
             'edge [fontname="Helvetica", fontsize=9, arrowsize=0.7];']  # fmt: skip
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
        lines.append(f"  n{arrow.start} -> n{arrow.end} [label={_quoted(arrow.label)}{style}];")
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


_BRACKETS = {
    "input": ("([", "])"), "param": ("[/", "/]"), "value": ("[", "]"), "operation": ("(", ")"), "output": ("[[", "]]"),
    "loss": ("{{", "}}"), "seed": ("((", "))"), "gradient": (">", "]"),
}  # fmt: skip


def mermaid_text(diagram: Diagram) -> str:
    """For Mermaid, which forges show in Markdown."""
    lines = ["flowchart TD"]
    for key in ["", *diagram.clusters]:
        inside = [box for box in diagram.boxes if box.cluster == key]
        if key and inside:
            lines.append(f"  subgraph c{list(diagram.clusters).index(key)}[{_mermaid(diagram.clusters[key])}]")
        for box in inside:
            left, right = _BRACKETS[box.kind]
            label = " · ".join(part for part in (box.label, box.under, "saved" if box.saved else "") if part)
            lines.append(f"    n{box.id}{left}{_mermaid(label)}{right}")
        lines += ["  end"] if key and inside else []
    for arrow in diagram.arrows:
        line = "-.->" if arrow.backward else "-->"
        lines.append(f"  n{arrow.start} {line}{f'|{_mermaid(arrow.label)}|' if arrow.label else ''} n{arrow.end}")
    return "\n".join(lines) + "\n"


def _mermaid(words: str) -> str:
    return '"' + html.escape(words).replace("&#x27;", "'").replace("&quot;", "#quot;") + '"'


# ---------------------------------------------------------------- Graphviz

def have_graphviz() -> bool:
    return shutil.which("dot") is not None


def _graphviz(diagram: Diagram, format: str) -> bytes:
    dot = shutil.which("dot")
    if dot is None:
        raise NoGraphviz("Graphviz is not installed")
    options = ["-Gdpi=144"] if format == "png" else []
    try:
        done = subprocess.run([dot, f"-T{format}", *options], input=dot_text(diagram).encode(), capture_output=True,
                              timeout=120, check=False)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoGraphviz(f"Graphviz failed: {error}") from None
    if done.returncode:
        raise NoGraphviz(f"Graphviz failed: {done.stderr.decode(errors='replace').strip().splitlines()[-1:]}")
    return done.stdout


# ---------------------------------------------------------------- without it

WIDTH, HEIGHT, GAP, LAYER = 118, 40, 26, 92


def plain_svg(diagram: Diagram) -> str:
    """Boxes in layers, each below what it is made of: simple, and the same on every machine."""
    layer: dict[int, int] = {box.id: 0 for box in diagram.boxes}
    before: dict[int, list[int]] = {box.id: [] for box in diagram.boxes}
    after: dict[int, list[int]] = {box.id: [] for box in diagram.boxes}
    for arrow in sorted(diagram.arrows, key=lambda a: a.end):
        layer[arrow.end] = max(layer[arrow.end], layer[arrow.start] + 1)
        before[arrow.end].append(arrow.start)
        after[arrow.start].append(arrow.end)
    for box in diagram.boxes:  # an argument stands just above its first use
        if not before[box.id] and after[box.id]:
            layer[box.id] = min(layer[u] for u in after[box.id]) - 1
    routes = _routes(diagram, layer)
    rows: dict[int, list[int]] = {}
    for id, row in layer.items():
        rows.setdefault(row, []).append(id)
    parents: dict[int, list[int]] = {}
    for route in routes:
        for upper, lower in pairwise(route):
            parents.setdefault(lower, []).append(upper)
    place, width = _places(rows, parents)
    height = (max(rows, default=0) + 1) * LAYER + GAP
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="graph of {html.escape(diagram.title)}" font-family="sans-serif" font-size="13">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#777"/></marker></defs>',
    ]
    for arrow, route in zip(diagram.arrows, routes, strict=True):
        out += _svg_arrow(arrow, [place[id] for id in route])
    for box in diagram.boxes:
        middle, y = place[box.id]
        out += _svg_box(box, middle - WIDTH / 2, y)
    return "\n".join([*out, "</svg>"])


def _routes(diagram: Diagram, layer: dict[int, int]) -> list[list[int]]:
    """For each arrow the places it passes: one in every layer between its ends. They are entered in `layer`."""
    routes = []
    for arrow in diagram.arrows:
        route = [arrow.start]
        for row in range(layer[arrow.start] + 1, layer[arrow.end]):
            via = -1 - len(layer)
            layer[via] = row
            route.append(via)
        routes.append([*route, arrow.end])
    return routes


def _places(rows: dict[int, list[int]], parents: dict[int, list[int]]) -> tuple[dict[int, tuple[float, float]], float]:
    """The middle and the top of each box, and the whole width: each row in the order of what it hangs on."""
    order: dict[int, float] = {}
    place: dict[int, tuple[float, float]] = {}
    widths = {row: sum(_room(id) for id in ids) for row, ids in rows.items()}
    width = max(widths.values(), default=0) + 2 * GAP
    for row in sorted(rows):
        def wanted(id: int) -> float:
            above = [order[u] for u in parents.get(id, []) if u in order]
            return sum(above) / len(above) if above else -1.0

        x = (width - widths[row]) / 2
        for id in sorted(rows[row], key=wanted):
            place[id] = (x + _room(id) / 2, row * LAYER + GAP)
            order[id] = place[id][0]
            x += _room(id)
    return place, width


def _room(id: int) -> float:
    return WIDTH + GAP if id >= 0 else GAP + 14


def _svg_arrow(arrow: Arrow, stops: list[tuple[float, float]]) -> list[str]:
    """A curve from box to box, straight through the places between; the shape stands near its beginning."""
    (x, y), *rest = stops
    y += HEIGHT
    path = [f"M{x:g} {y:g}"]
    label: list[str] = []
    for k, (u, v) in enumerate(rest):
        if arrow.label and k == 0:
            lx, ly = x * 0.62 + u * 0.38, y * 0.62 + v * 0.38
            label = [f'<text x="{lx:g}" y="{ly:g}" font-size="10" fill="currentColor" text-anchor="middle" '
                     f'opacity=".8">{html.escape(arrow.label)}</text>']  # fmt: skip
        path.append(f"C{x:g} {y + 30:g} {u:g} {v - 30:g} {u:g} {v:g}")
        x, y = u, v
        if k < len(rest) - 1:
            y = v + HEIGHT
            path.append(f"L{x:g} {y:g}")
    dashed = ' stroke-dasharray="5 4"' if arrow.backward else ""
    drawn = f'<path d="{" ".join(path)}" fill="none" stroke="#777"{dashed} marker-end="url(#tip)"/>'
    return [drawn, *label]


def _svg_box(box: Box, x: float, y: float) -> list[str]:
    radius = {"input": 18, "operation": 20, "seed": 20}.get(box.kind, 2)
    dash = ' stroke-dasharray="2 2"' if box.kind == "gradient" else ""
    weight = 3 if box.saved else 1.2
    outline = f'stroke="#444" stroke-width="{weight}"{dash}'
    fill = COLOURS[box.kind]
    out = [f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="{radius}" fill="{fill}" {outline}/>']
    if box.kind in ("param", "loss", "output"):
        inner = {"param": 6, "loss": 3, "output": 3}[box.kind]
        stroke = 1.6 if box.kind == "loss" else 0.8
        out.append(f'<rect x="{x + inner:g}" y="{y + 3:g}" width="{WIDTH - 2 * inner}" height="{HEIGHT - 6}" '
                   f'fill="none" stroke="#444" stroke-width="{stroke}"/>')  # fmt: skip
    middle = x + WIDTH / 2
    second = " · ".join(part for part in (box.under, "saved" if box.saved else "") if part)
    out.append(f'<text x="{middle:g}" y="{y + (17 if second else 25):g}" fill="#111" text-anchor="middle">'
               f"{html.escape(_short(box.label, 15))}</text>")  # fmt: skip
    if second:
        out.append(f'<text x="{middle:g}" y="{y + 32:g}" font-size="10" fill="#333" text-anchor="middle">'
                   f"{html.escape(_short(second, 20))}</text>")  # fmt: skip
    return out


def _short(words: str, room: int) -> str:
    return words if len(words) <= room else words[: room - 1] + "…"


LEGEND = (
    ("input", "rounded: an input"), ("param", "double sides: a parameter"), ("value", "plain: a value with a name"),
    ("operation", "pill: a step without a name"), ("output", "double frame: a result"),
    ("loss", "heavy double: the loss"), ("gradient", "dotted frame: a gradient"),
)  # fmt: skip


def html_text(diagram: Diagram) -> str:
    """A page with the picture, what its signs mean, and its text for Mermaid."""
    from graphc.explain.derivation_html import document

    try:
        svg = _inner_svg(_graphviz(diagram, "svg").decode())
    except NoGraphviz:
        svg = plain_svg(diagram)
    kinds = {box.kind for box in diagram.boxes}
    signs = "; ".join(words for kind, words in LEGEND if kind in kinds)
    title = f"The graph of {diagram.title}"
    source = html.escape(mermaid_text(diagram))
    body = (
        f"<h1>{html.escape(title)}</h1>\n<figure>{svg}<figcaption>{signs}; heavy frame: saved for backward; dashed "
        f"arrows: the reverse pass; beside an arrow: the shape.</figcaption></figure>\n"
        f"<details><summary>The same for Mermaid</summary><pre>{source}</pre></details>"
    )
    return document(title, body)


def _inner_svg(text: str) -> str:
    """The SVG without the head of a file of its own, on the page's ground."""
    return text[text.index("<svg") :].replace('fill="white" stroke="none"', 'fill="#ffffff" stroke="none"', 1)


FORMATS: dict[str, Callable[[Diagram], bytes]] = {
    "svg": lambda diagram: _graphviz(diagram, "svg"),
    "png": lambda diagram: _graphviz(diagram, "png"),
    "dot": lambda diagram: dot_text(diagram).encode(),
    "mmd": lambda diagram: mermaid_text(diagram).encode(),
    "html": lambda diagram: html_text(diagram).encode(),
}


def picture(diagram: Diagram, format: str) -> bytes:
    """The picture in a format of `FORMATS`. Raises NoGraphviz where it takes that and it is not there."""
    return FORMATS[format](diagram)


