"""A loss that is no number because a name in it may have any shape: what a penalty is multiplied with, mostly.

    L = sum((X@w - t)**2) + lam*sum(w**2)        `L` has the shape of `lam`, until that is declared: `input lam[]`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.ir.graph import Node
from graphc.ir.types import Unknown

if TYPE_CHECKING:
    from graphc.language.lowering import Lowering

__all__ = ["check_open_loss", "declared", "opening"]

PLAIN, NUMBER, FACTOR, PRODUCT, SUM = range(5)
"""A number as it is written or given; one that is computed; names of any shape and what is made of them alone; numbers
times those; sums with such products."""
MADE_OF_FACTORS = {PLAIN, FACTOR}


def check_open_loss(lowering: Lowering, outputs: dict[str, int]) -> None:
    """A sum of numbers, a penalty times such a name among them, that is all that a program gives, is meant for its
    loss. A sum without a penalty may be meant for an array: `sum(x)*beta + sum(x**2)`."""
    if lowering.loss is not None or len(outputs) != 1:
        return
    ((name, id),) = outputs.items()
    place = lowering.assigned.get(name)
    if place is None or lowering.builder.type(id).rank == 0:
        return
    kind, names, scaled = _kind(lowering, id)
    if kind == SUM and _has_penalty(lowering, scaled):
        shape = " and ".join(f"`{name}`" for name in names)
        message = f"`{name}` is no loss: it has the shape of {shape}, which may be any"
        lowering.diagnostics.warning("W0203", message, place, help=declared(lowering, names))


def opening(lowering: Lowering, id: int) -> list[str]:
    """The arguments of any shape without which a value of unknown shape would be a number; none where it would not."""
    kind, names, _ = _kind(lowering, id)
    return names if kind in (PRODUCT, SUM) else []


def declared(lowering: Lowering, names: list[str]) -> str:
    """The help that makes numbers of them."""
    free = [f"{name}[]" for name in names if name not in lowering.declared]
    parts = [f"declare `input {', '.join(free)}`"] if free else []
    for name in names:
        if name in lowering.declared:
            written = f"{lowering.arguments[name].kind} {lowering.declared[name].name.span.text}[]"
            parts.append(f"write `{written}` where it is declared")
    return ", ".join(parts)


def _kind(lowering: Lowering, id: int) -> tuple[int | None, list[str], list[int]]:
    """What a value is, None for what is hardly a loss; the names of any shape in it; the numbers that are multiplied by
    what is made of those. Each value behind it is looked at once."""
    builder = lowering.builder
    kinds: dict[int, int] = {}
    names: dict[int, str] = {}
    numbers, scaled, stack = list[int](), list[int](), [id]
    while stack:
        node = builder[stack[-1]]
        if node.id in kinds:
            stack.pop()
        elif node.type.rank == 0:
            kinds[stack.pop()] = NUMBER if node.operands else PLAIN
            numbers += [node.id] if node.operands else []
        elif node.op == "argument" and isinstance(node.type.shape, Unknown):
            kinds[stack.pop()] = FACTOR
            names[node.id] = node.name or ""
        elif not builder.op(node.op).elementwise:
            return None, [], []
        elif waiting := [u for u in node.operands if u not in kinds]:
            stack += waiting[::-1]
        else:
            kind = _of_operands(node, {kinds[u] for u in node.operands})
            if kind is None:
                return None, [], []
            kinds[stack.pop()] = kind
            if kind == PRODUCT:
                scaled += [u for u in node.operands if kinds[u] == NUMBER]
    behind = set[int]()
    while numbers:
        if (number := numbers.pop()) not in behind:
            behind.add(number)
            numbers += builder[number].operands
    return (kinds[id], list(names.values()), scaled) if behind.isdisjoint(names) else (None, [], [])


def _of_operands(node: Node, given: set[int]) -> int | None:
    """What an operation entry by entry makes of values of such kinds."""
    if given <= MADE_OF_FACTORS:
        return FACTOR
    if node.op not in ("multiply", "divide") and FACTOR in given:
        return None
    return SUM if SUM in given or node.op in ("add", "subtract") else PRODUCT


def _has_penalty(lowering: Lowering, numbers: list[int]) -> bool:
    """Whether one of these is a norm, or a sum of squares or magnitudes, of an argument, or made of one by numbers.
    That of something computed may be a variance: `m + t*sqrt(mean((x - m)**2))`."""
    builder = lowering.builder
    stack, seen = [*numbers], set[int]()
    while stack:
        node = builder[stack.pop()]
        if node.id in seen:
            continue
        seen.add(node.id)
        operands = [builder[u] for u in node.operands]
        if node.op == "norm":
            if _is_given(lowering, operands[0]):
                return True
        elif node.op in ("sum", "mean"):
            term = operands[0]
            if (term.op in ("square", "abs", "norm") or _is_square(term)) and _is_given(lowering, term):
                return True
        elif node.op == "matmul":  # of two vectors with an axis each
            if operands[0].operands == operands[1].operands and _is_given(lowering, operands[0]):
                return True
        elif node.op == "squeeze" or (node.type.rank == 0 and builder.op(node.op).elementwise):
            stack += node.operands
    return False


def _is_given(lowering: Lowering, node: Node) -> bool:
    """Whether this is an argument, or what one operation makes of one, parts of it included."""
    builder = lowering.builder
    base = builder[node.operands[0]] if node.operands else node
    while base.operands and builder.op(base.op).view:
        base = builder[base.operands[0]]
    return base.op == "argument"


def _is_square(node: Node) -> bool:
    return node.op == "multiply" and len(set(node.operands)) == 1
