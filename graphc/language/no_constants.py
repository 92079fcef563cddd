"""What cannot be the value of a constant, each part of it at its place.

    const M = [[1, x], [y, 2]]      arguments: `x` and `y` are known at run time only
    const M = [1, N]                a size with a name, as an entry of an array
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from graphc.ir.dims import Dim
from graphc.language import tree
from graphc.language.depth import children
from graphc.language.source import Span
from graphc.language.values import Fault, Tensor, Value

if TYPE_CHECKING:
    from graphc.ir.graph import Builder
    from graphc.language.lowering import Lowering

__all__ = ["no_constant"]


def no_constant(lowering: Lowering, name: str, statement: tree.Const, value: Value) -> None:
    """Raises Fault where the constant of the name would have a value that is known at run time only."""
    tensors = [leaf.id for leaf, _ in _leaves(value, statement.value) if isinstance(leaf, Tensor)]
    faults = []
    if tensors:
        places = dict(_names(lowering, statement.value))
        help = f"without `const` it is an assignment: `{name} = …`"
        found = {name: places.get(name, statement.value.span) for name in _arguments(lowering.builder, tensors)}
        for argument, span in sorted(found.items(), key=lambda place: (place[1].start, place[0])):
            message = f"a constant is known at compile time, and `{argument}` is an argument"
            faults.append(Fault("E0211", message, span, help=help))
    elif isinstance(value, (list, tuple)):
        for leaf, span in _leaves(value, statement.value):
            if isinstance(leaf, Dim) and leaf.value is None:
                message = f"the size {leaf} is known at run time only and cannot stand in a constant array"
                faults.append(Fault("E0206", message, span))
    if faults:
        faults[0].others += faults[1:]
        raise faults[0]


def _leaves(value: Value, expr: tree.Expr) -> Iterator[tuple[Value, Span]]:
    """A value, or those in a list, each with its place as far as the list is written out."""
    if isinstance(value, (list, tuple)):
        for k, item in enumerate(value):
            yield from _leaves(item, expr.items[k] if isinstance(expr, tree.Sequence) else expr)
    else:
        yield value, expr.span


def _arguments(builder: Builder, ids: list[int]) -> set[str]:
    """The arguments that values depend on; sizes do not count."""
    found: set[str] = set()
    stack, seen = [*ids], {*ids}
    while stack:
        node = builder[stack.pop()]
        if node.op == "argument":
            found.add(str(node.attr("name")))
        elif node.op != "size_of":
            stack += [u for u in node.operands if u not in seen]
            seen.update(node.operands)
    return found


def _names(lowering: Lowering, expr: tree.Expr) -> Iterator[tuple[str, Span]]:
    """The names in an expression with their places, the first place of each last; those of shapes do not count."""
    found: list[tree.Name] = []
    stack: list[Any] = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, tree.Name):
            found.append(node)
        elif not (isinstance(node, tree.Call) and node.function == "shape"):
            stack += [child for child, _ in children(node)]
    for node in sorted(found, key=lambda name: -name.span.start):
        yield lowering.name(node, lowering.scope), node.span
