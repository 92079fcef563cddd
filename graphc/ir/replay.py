"""What an operation becomes, worked out once for operands of the same types and made again from then on.

    dZ = dH * (1 - H**2)        the rule of tanh at the first layer: evaluated, and every node that it makes is noted
    dZ_2 = dH_2 * (1 - H_2**2)  at the next one: the same nodes on other operands

A rule or a definition sees of its operands no more than their types, whether they have a name, and the values of
constants; so what it makes of one operand it makes of every other one of the same kind. Undeclared arguments have sizes
of their own, which no two of them share: of the same kind are types that differ by the arguments alone, and what was
noted is made again with the sizes of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from graphc.ir.dims import Dim, open_axis, open_owner
from graphc.ir.graph import Attrs, Builder, Node, Origin, typed
from graphc.ir.types import Solver, Type, Unknown

__all__ = ["replayed"]

Results = Sequence["int | None"]
MANY = 100
"""So many kinds are noted whether they come again or not."""
LOOKED_THROUGH = frozenset(["size", "size_of", "number", "as_float", "as_int", "stop_gradient"])
"""Beside numbers and indices: what a value is made of decides there whether it is a plain number of Python."""


def replayed(
    builder: Builder, what: str, op: str, attrs: Attrs, inputs: Sequence[int], make: Callable[[], Results]
) -> Results:
    """What `make` makes of these nodes: made by it the first time, and again from what was noted then.

    `what` tells the uses apart of an operation's rule and of its definition.
    """
    if len(builder.replays) > MANY and builder.replayed < len(builder.replays):
        return make()  # every operand is of another kind: nothing is gained by noting
    sizes = _Sizes()
    key = _kind(builder, what, op, attrs, inputs, sizes)
    if key is None:
        return make()
    try:
        known = builder.replays.get(key)
    except TypeError:  # of a slice, before Python 3.12
        return make()
    if known is not None:
        builder.replayed += 1
    else:
        if not builder.share:
            results, builder.replays[key] = _noted(builder, inputs, sizes, make)
            return results
        # Noted is what is made without sharing; what is shared depends on where it is made.
        before = len(builder.nodes)
        builder.share = False
        try:
            _, known = _noted(builder, inputs, sizes, make)
        finally:
            builder.share = True
            builder.withdraw(before)
        builder.replays[key] = known
    return make() if known is False else _again(builder, known, inputs, sizes)


class _Sizes:
    """The sizes that undeclared arguments bring, under the numbers of these arguments instead of their names."""

    def __init__(self) -> None:
        self.arguments: dict[str, int] = {}
        self.numbered: dict[Any, Any] = {}
        """Sizes and shapes as they are here, and as they would be if each argument's name were a number."""

    def type(self, type: Type) -> Type:
        """A type with the numbers. One of a size that more than a name goes into stays as it is."""
        shape = type.shape
        if isinstance(shape, Unknown):
            if shape.leaf is None:
                return type
            if shape not in self.numbered:
                self.numbered[shape] = Unknown(f"@{self._number(shape.leaf)}.{shape.least}", shape.least)
            return Type(self.numbered[shape], type.dtype)
        if not any(size.is_open for size in shape):
            return type
        sizes: list[Dim] = []
        for size in shape:
            if size.is_open:
                found = self.numbered.get(size)
                if found is None:
                    owner = open_owner(size.symbol) if size.symbol else None
                    if owner is None:
                        return type
                    found = self.numbered[size] = _axis(self._number(owner[0]), *owner[1:])
                size = found
            sizes.append(size)
        return Type(tuple(sizes), type.dtype)

    def own(self) -> dict[Any, Any]:
        """What the numbered sizes are here."""
        return {numbered: own for own, numbered in self.numbered.items()}

    def _number(self, argument: str) -> int:
        return self.arguments.setdefault(argument, len(self.arguments))


@cache
def _axis(number: int, axis: int, rank: int) -> Dim:
    return open_axis(str(number), axis, rank)


def _renamed(value: Any, own: Mapping[Any, Any]) -> Any:
    """Sizes and shapes, alone or in attributes, by other names. Raises KeyError for those that bear none of these."""
    if isinstance(value, Dim):
        return own[value] if value.is_open else value
    if isinstance(value, Unknown):
        return own[value]
    if isinstance(value, Type):
        return Type(_renamed(value.shape, own), value.dtype)
    if type(value) is tuple:
        return tuple([_renamed(part, own) for part in value])
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise KeyError(value)


def _kind(builder: Builder, what: str, op: str, attrs: Attrs, inputs: Sequence[int], sizes: _Sizes) -> Any:
    """All that a rule or a definition sees of its operands; None if it might see more."""
    if type(builder.solver) is not Solver:  # one that learns from what it is asked
        return None
    first: dict[int, int] = {}
    seen: list[Any] = [what, op, typed(attrs)]
    for id in inputs:
        node = builder.nodes[id]
        if node.op == "const":
            seen.append((node.type, typed(node.attrs)))
        elif node.type.dtype != "float" or node.type.shape == () or node.op in LOOKED_THROUGH:
            return None
        else:
            seen.append(sizes.type(node.type))
        seen.append((first.setdefault(id, len(first)), node.op, not node.operands, bool(node.name or node.hint)))
    return tuple(seen)


def _noted(
    builder: Builder, inputs: Sequence[int], sizes: _Sizes, make: Callable[[], Results]
) -> tuple[Results, Any]:
    """The results, and what was done for them: in it nodes have numbers, first the inputs and then the new ones."""
    origin, fresh = builder.origin, len(builder.nodes)
    events: list[Any] = []
    builder.events = events
    try:
        results = make()
    finally:
        builder.events = None
    number: dict[int, int] = {}
    for k, id in enumerate(inputs):
        number.setdefault(id, k)
    made = len(inputs)
    steps: list[tuple[Any, ...]] = []
    for event in events:
        if not isinstance(event, Node):
            how, id, name = event
            if id not in number or how == "rename":
                return results, False
            steps.append((how, number[id], name))
            continue
        if event.id != fresh or any(u not in number for u in event.operands):
            return results, False
        places = tuple([number[u] for u in event.operands])
        number[event.id] = made
        fresh, made = fresh + 1, made + 1
        elsewhere = event.origin is not origin
        span = event.origin.span if event.origin is not None and elsewhere else None
        type, attrs = event.type, event.attrs
        if sizes.numbered:
            try:
                type, attrs = _renamed(type, sizes.numbered), _renamed(attrs, sizes.numbered)
            except KeyError:
                return results, False
        own = type != event.type or attrs != event.attrs
        steps.append((None, event, places, elsewhere, span, (type, attrs) if own else None))
    if any(id is not None and id not in number for id in results):
        return results, False
    return results, (steps, [None if id is None else number[id] for id in results])


def _again(builder: Builder, known: Any, inputs: Sequence[int], sizes: _Sizes) -> Results:
    """The same steps on other inputs, with the sizes of these."""
    steps, results = known
    ids = list(inputs)
    here, sizes_here = builder.origin, sizes.own()
    for how, *step in steps:
        if how is None:
            node, places, elsewhere, span, own = step
            if own is not None:
                type, attrs = own
                node = node.typed(_renamed(type, sizes_here), _renamed(attrs, sizes_here))
            origin = here
            if elsewhere and here is not None:
                origin = Origin(here.statement, span, here.rule, here.primal)
            ids.append(builder.enter(node, tuple([ids[k] for k in places]), origin))
        elif how == "hint":
            builder.hint(ids[step[0]], step[1])
        else:
            builder.suggest(ids[step[0]], step[1])
    return [None if k is None else ids[k] for k in results]
