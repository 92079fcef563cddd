"""What a derivation is made of: formulas with remarks, parts, steps, the whole. How it looks is up to pages."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.explain.notation import Layout
from graphc.ir.graph import Graph

__all__ = ["Derivation", "Formula", "Part", "Step"]


@dataclass(frozen=True)
class Formula:
    """Left-hand side, the right-hand sides that follow one another, and a remark beside; `where` is one of signs."""

    left: Layout
    rights: tuple[Layout, ...]
    remark: str = ""
    where: Layout | None = None


@dataclass(frozen=True)
class Part:
    """The gradient of one operand in a step."""

    name: str
    entries: tuple[Formula, ...]
    matrices: tuple[Formula, ...] = ()
    expanded: tuple[Formula, ...] = ()
    code: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A statement, what its value is entry by entry, and the gradients of what it is made of."""

    name: str
    statement: str
    place: str
    definitions: tuple[Formula, ...]
    parts: tuple[Part, ...]
    sums: tuple[Part, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Derivation:
    """The whole: what is asked, the conventions, the steps, the gradients at the end."""

    title: str
    source: str
    question: str
    conventions: tuple[str, ...]
    shapes: tuple[str, ...]
    steps: tuple[Step, ...]
    sums: tuple[Part, ...]
    results: tuple[str, ...]
    numerator: bool = False
    graph: Graph | None = field(default=None, compare=False)
