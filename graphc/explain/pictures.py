"""Pictures of graphs by the ending of the file: `.svg`, `.png` by Graphviz, `.dot`, `.mmd` as text, a page `.html`."""

from __future__ import annotations

import html
from collections.abc import Callable

from graphc.explain.diagram import Diagram
from graphc.explain.graphviz import NoGraphviz, dot_text, laid_out
from graphc.explain.mermaid import mermaid_text
from graphc.explain.plain_svg import plain_svg

__all__ = ["FORMATS", "html_text", "picture"]

LEGEND = (
    ("input", "rounded: an input"), ("param", "double sides: a parameter"), ("value", "plain: a value with a name"),
    ("operation", "pill: a step without a name"), ("output", "double frame: a result"),
    ("loss", "heavy double: the loss"), ("gradient", "dotted frame: a gradient"),
)  # fmt: skip


def html_text(diagram: Diagram) -> str:
    """A page with the picture, what its signs mean, and its text for Mermaid."""
    from graphc.explain.derivation_html import document

    try:
        svg = _inner_svg(laid_out(diagram, "svg").decode())
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
    "svg": lambda diagram: laid_out(diagram, "svg"),
    "png": lambda diagram: laid_out(diagram, "png"),
    "dot": lambda diagram: dot_text(diagram).encode(),
    "mmd": lambda diagram: mermaid_text(diagram).encode(),
    "html": lambda diagram: html_text(diagram).encode(),
}


def picture(diagram: Diagram, format: str) -> bytes:
    """The picture in a format of `FORMATS`. Raises NoGraphviz where it takes that and it is not there."""
    return FORMATS[format](diagram)
