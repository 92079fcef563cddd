"""The text for Mermaid, which forges show in Markdown: `n1[/"W1"/]` is a box, `n1 -->|"(D, H)"| n3` an arrow."""

from __future__ import annotations

import html

from graphc.explain.diagram import Diagram

__all__ = ["BRACKETS", "mermaid_text"]

BRACKETS = {
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
            left, right = BRACKETS[box.kind]
            label = " · ".join(part for part in (box.label, box.under, "saved" if box.saved else "") if part)
            lines.append(f"    n{box.id}{left}{_mermaid(label)}{right}")
        lines += ["  end"] if key and inside else []
    for arrow in diagram.arrows:
        line = "-.->" if arrow.backward else "-->"
        lines.append(f"  n{arrow.start} {line}{f'|{_mermaid(arrow.label)}|' if arrow.label else ''} n{arrow.end}")
    return "\n".join(lines) + "\n"


def _mermaid(words: str) -> str:
    return '"' + html.escape(words).replace("&#x27;", "'").replace("&quot;", "#quot;") + '"'
