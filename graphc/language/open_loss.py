"""A loss that is no number because a name in it may have any shape: what a penalty is multiplied with, mostly.

    L = sum((X@w - t)**2) + lam*sum(w**2)        `L` has the shape of `lam`, until that is declared: `input lam[]`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.ir.types import Unknown

if TYPE_CHECKING:
    from graphc.language.lowering import Lowering

__all__ = ["check_open_loss", "declared", "opening"]


def check_open_loss(lowering: Lowering, outputs: dict[str, int]) -> None:
    """A sum of numbers, some of them times such a name, that is all that a program gives, is meant for its loss."""
    if lowering.loss is not None or len(outputs) != 1:
        return
    ((name, id),) = outputs.items()
    place = lowering.assigned.get(name)
    terms = [term for term in _terms(lowering, id) if lowering.builder.type(term).rank != 0]
    opened = [opening(lowering, term) for term in terms]
    if id in terms or not opened or not all(opened) or place is None:
        return
    names = list(dict.fromkeys(name for found in opened for name in found))
    shape = " and ".join(f"`{name}`" for name in names)
    message = f"`{name}` is no loss: it has the shape of {shape}, which may be any"
    lowering.diagnostics.warning("W0203", message, place, help=declared(names))


def _terms(lowering: Lowering, id: int) -> list[int]:
    """What a sum is the sum of."""
    terms: list[int] = []
    seen, stack = set[int](), [id]
    while stack:
        node = lowering.builder[stack.pop()]
        if node.id in seen:
            continue
        seen.add(node.id)
        if node.op in ("add", "subtract", "negative"):
            stack += node.operands[::-1]
        else:
            terms.append(node.id)
    return terms


def opening(lowering: Lowering, id: int) -> list[str]:
    """The undeclared arguments without which a value of unknown shape would be a number; none where it would not, or
    where no number is in it that does without them."""
    builder = lowering.builder
    names: dict[int, str] = {}
    numbers, seen, stack = list[int](), set[int](), [id]
    while stack:
        node = builder[stack.pop()]
        if node.id in seen:
            continue
        seen.add(node.id)
        if builder.op(node.op).elementwise:
            stack += node.operands[::-1]
        elif node.type.rank == 0:
            numbers += [node.id] if node.operands else []
        elif node.op == "argument" and isinstance(node.type.shape, Unknown):
            names[node.id] = node.name or ""
        else:
            return []
    stack, behind = [*numbers], set[int]()
    while stack:
        id = stack.pop()
        if id not in behind:
            behind.add(id)
            stack += builder[id].operands
    return list(names.values()) if numbers and behind.isdisjoint(names) else []


def declared(names: list[str]) -> str:
    """The help that makes numbers of them."""
    return f"declare `input {', '.join(f'{name}[]' for name in names)}`"

