"""The literal derivation as one writes it down: without the broadcasts that NumPy makes by itself, sums with a
negative, and products with 1.

    dL: (), O, T: (N, K), s: (N, 1), r: (N,), A, B: (N, K)

    dO = 2 * broadcast_to(dL, (N, K)) * (O - T)               becomes    dO = 2 * dL * (O - T)
    dS = broadcast_to(dL, (N,))[:, None] * O                  becomes    dS = dL * O
    dX = broadcast_to(r[:, None], (N, K)) * A                 becomes    dX = r[:, None] * A
    dE = A / s + broadcast_to(s, (N, K))                      becomes    dE = A / s + s
    dP = A * B + -(A * O)                                     becomes    dP = A * B - A * O
    dZ = 1.0 * (O - T)                                        becomes    dZ = O - T

Level 0 takes no other steps than these: its statements stay those of the rules, one by one, with the same numbers. What
the program itself broadcasts or negates stays as it says.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import ShapeError, Type, Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same
from graphc.passes.signs import OPPOSITE

__all__ = ["write_plainly"]

MOVING = {"expand_dims", "squeeze", "reshape", "transpose", "mT"}


def write_plainly(graph: Graph) -> Graph:
    """The graph with the operations of rules written plainly."""
    uses = graph.uses()
    alone = {node.id for node in graph if _is_free(node) and uses[node.id] == 1}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        made = None
        if node.of_rule and node.op in MOVING:
            made = _repeated(builder, node, operands)
        elif node.of_rule and builder.op(node.op).elementwise:
            narrow = _narrow(builder, node, operands)
            made = _before(builder, node, operands, narrow)
            operands = narrow if made is None and _is_covered(builder, node, narrow) else operands
            made = _shorter(builder, node, operands, [u in alone for u in node.operands]) if made is None else made
            if made is None and operands is narrow:
                made = builder.add(node.op, operands, dict(node.attrs))
        return same(builder, node, operands) if made is None else made

    return eliminate_dead_code(rebuild(graph, make, share=False))


def _is_free(node: Node) -> bool:
    """Whether a value is what a rule makes on the way, and no gradient that a reader looks for."""
    return node.of_rule and not (node.name or node.hint)


def _source(builder: Builder, id: int) -> int:
    """The value, or that which it repeats."""
    node = builder[id]
    return node.operands[0] if node.op == "broadcast_to" and _is_free(node) else id


def _narrow(builder: Builder, node: Node, operands: Sequence[int]) -> list[int]:
    return [_source(builder, u) for u in operands]


def _repeated(builder: Builder, node: Node, operands: Sequence[int]) -> int | None:
    """A view of a number that is broadcast: the number, broadcast to the shape of the view."""
    number = _source(builder, operands[0])
    if number == operands[0] or builder.type(number).shape != () or isinstance(node.type.shape, Unknown):
        return None
    return builder.add("broadcast_to", [number], {"shape": node.type.shape, "like": None})


def _before(builder: Builder, node: Node, operands: Sequence[int], narrow: Sequence[int]) -> int | None:
    """The operation before a broadcast, where all else that it takes are numbers, and the broadcast behind it."""
    wide = [u for u in operands if builder.type(u).shape != ()]
    if len(wide) != 1 or _source(builder, wide[0]) == wide[0] or isinstance(node.type.shape, Unknown):
        return None
    number = Type((), node.type.dtype)
    made = _without_one(builder, node.op, narrow, number) or builder.add(node.op, narrow, dict(node.attrs))
    return builder.add("broadcast_to", [made], {"shape": node.type.shape, "like": None})


def _is_covered(builder: Builder, node: Node, narrow: Sequence[int]) -> bool:
    """Whether the operation gives the same without the broadcasts, and each axis has its size from an operand, so that
    nothing hangs on sizes that only the run knows."""
    shape, shapes = node.type.shape, [builder.type(u).shape for u in narrow]
    if isinstance(shape, Unknown):
        return shape in shapes
    try:
        if builder.op(node.op).infer(builder.solver, [builder.type(u) for u in narrow], dict(node.attrs)) != node.type:
            return False
    except ShapeError:
        return False
    known = [s for s in shapes if not isinstance(s, Unknown)]
    return all(any(len(s) >= k and s[-k] == shape[-k] for s in known) for k in range(1, len(shape) + 1))


def _shorter(builder: Builder, node: Node, operands: Sequence[int], alone: Sequence[bool]) -> int | None:
    """A sum without the sign of one of its terms, a product without a factor 1."""
    factor = _without_one(builder, node.op, operands, node.type)
    if factor is not None:
        return factor
    for k in (1, 0) if len(operands) == 2 else ():
        inner, other = builder[operands[k]], operands[1 - k]
        if node.op in OPPOSITE and inner.op == "negative" and alone[k] and (k == 1 or node.op == "add"):
            return builder.add(OPPOSITE[node.op], [other, *inner.operands])
    return None


def _without_one(builder: Builder, op: str, operands: Sequence[int], type: Type) -> int | None:
    """The factor of a product beside a 1, if it has the type of the product."""
    if op != "multiply":
        return None
    for k in (1, 0):
        one, other = builder[operands[k]], builder[operands[1 - k]]
        if one.attr("value") == 1 and other.op == "const" and type.shape == ():
            return builder.const(other.attr("value"), type.dtype)
        if one.attr("value") == 1 and other.type == type:
            return other.id
    return None
