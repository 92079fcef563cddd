"""An SVG picture of a graph without another program: boxes in layers, each below what it is made of.

An arrow that passes a layer has a place in it, as a box has, so that none stands in its way: one from `X` to `X * h(Z)`
runs beside the boxes of `Z` and `h`. Its shape is written where there is room beside it.
"""

from __future__ import annotations

import html
from itertools import pairwise

from graphc.explain.box_colours import COLOURS
from graphc.explain.diagram import Arrow, Box, Diagram

__all__ = ["HEIGHT", "WIDTH", "plain_svg"]

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
    height = max(rows, default=0) * LAYER + HEIGHT + 2 * GAP
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="graph of {html.escape(diagram.title)}" font-family="sans-serif" font-size="13">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#777"/></marker></defs>',
    ]
    taken: list[tuple[float, float, float]] = []
    shown: dict[int, list[tuple[float, float]]] = {}
    for arrow, route in zip(diagram.arrows, routes, strict=True):
        stops = [place[id] for id in route]
        out.append(_svg_arrow(arrow, stops))
        siblings = shown.setdefault(arrow.start, [])  # arrows of one value carry one shape: once for those side by side
        where = _label_place(arrow.label, stops, taken) if arrow.label else None
        if where is None and arrow.label and not siblings:  # close to others, but its shape is nowhere yet
            where = (stops[0][0] + 5, stops[0][1] + HEIGHT + 14)
        if where is not None and all(abs(where[0] - x) > 70 or abs(where[1] - y) > 40 for x, y in siblings):
            siblings.append(where)
            taken.append((*where, _text_width(arrow.label)))
            out.append(f'<text x="{where[0]:g}" y="{where[1]:g}" font-size="10" fill="currentColor" opacity=".8">'
                       f"{html.escape(arrow.label)}</text>")  # fmt: skip
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


def _text_width(words: str) -> float:
    """How wide small letters are, roughly."""
    return 5.6 * len(words)


def _label_place(
    label: str, stops: list[tuple[float, float]], taken: list[tuple[float, float, float]]
) -> tuple[float, float] | None:
    """A free place beside the first part of an arrow; `taken` are the left ends and widths of other labels."""
    (x, y), (u, v) = stops[0], stops[1]
    y += HEIGHT
    width = _text_width(label)
    for t in (0.35, 0.6, 0.8):
        s = 1 - t
        bent = s**3 * x + 3 * s * s * t * x + 3 * s * t * t * u + t**3 * u  # on the curve that `_svg_arrow` draws
        down = s**3 * y + 3 * s * s * t * (y + 30) + 3 * s * t * t * (v - 30) + t**3 * v
        left, line = round(bent + 5, 1), round(down + 3, 1)
        if all(left + width < a or a + w < left or abs(line - b) > 10 for a, b, w in taken):
            return left, line
    return None


def _svg_arrow(arrow: Arrow, stops: list[tuple[float, float]]) -> str:
    """A curve from box to box, straight through the places between."""
    (x, y), *rest = stops
    y += HEIGHT
    path = [f"M{x:g} {y:g}"]
    for k, (u, v) in enumerate(rest):
        path.append(f"C{x:g} {y + 30:g} {u:g} {v - 30:g} {u:g} {v:g}")
        x, y = u, v
        if k < len(rest) - 1:
            y = v + HEIGHT
            path.append(f"L{x:g} {y:g}")
    dashed = ' stroke-dasharray="5 4"' if arrow.backward else ""
    return f'<path d="{" ".join(path)}" fill="none" stroke="#777"{dashed} marker-end="url(#tip)"/>'


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
    lines = _in_two(box.label) if len(box.label) > 15 and not second else [_short(box.label, 15)]
    for k, line in enumerate(lines):
        top = y + (17 if second else 25 if len(lines) == 1 else 18 + 14 * k)
        size = ' font-size="11.5"' if len(lines) > 1 else ""
        out.append(f'<text x="{middle:g}" y="{top:g}"{size} fill="#111" text-anchor="middle">'
                   f"{html.escape(line)}</text>")  # fmt: skip
    if second:
        out.append(f'<text x="{middle:g}" y="{y + 32:g}" font-size="10" fill="#333" text-anchor="middle">'
                   f"{html.escape(_short(second, 20))}</text>")  # fmt: skip
    return out


def _in_two(words: str) -> list[str]:
    """A long name on two lines, broken after the underscore that is nearest to its middle."""
    breaks = [k + 1 for k, char in enumerate(words) if char == "_" and 0 < k < len(words) - 1]
    middle = min(breaks, key=lambda k: abs(2 * k - len(words)), default=0)
    return [_short(words[:middle], 17), _short(words[middle:], 17)] if middle else [_short(words, 15)]


def _short(words: str, room: int) -> str:
    return words if len(words) <= room else words[: room - 1] + "…"
