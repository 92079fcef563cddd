"""What an operation becomes, worked out once for operands of the same types and made again from then on.

    dZ = dH * (1 - H**2)        the rule of tanh at the first layer: evaluated, and every node that it makes is noted
    dZ_2 = dH_2 * (1 - H_2**2)  at the next one: the same nodes on other operands

A rule or a definition sees of its operands no more than their types, whether they have a name, and the values of
constants; so what it makes of one operand it makes of every other one of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.ir.graph import Attrs, Builder, Node, Origin, typed
from graphc.ir.types import Solver

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
    key = _kind(builder, what, op, attrs, inputs)
    if key is None:
        return make()
    known = builder.replays.get(key)
    if known is not None:
        builder.replayed += 1
    else:
        if not builder.share:
            results, builder.replays[key] = _noted(builder, inputs, make)
            return results
        # Noted is what is made without sharing; what is shared depends on where it is made.
        before = len(builder.nodes)
        builder.share = False
        try:
            _, known = _noted(builder, inputs, make)
        finally:
            builder.share = True
            builder.withdraw(before)
        builder.replays[key] = known
    return make() if known is False else _again(builder, known, inputs)


def _kind(builder: Builder, what: str, op: str, attrs: Attrs, inputs: Sequence[int]) -> Any:
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
            seen.append(node.type)
        seen.append((first.setdefault(id, len(first)), node.op, not node.operands, bool(node.name or node.hint)))
    key = tuple(seen)
    try:
        hash(key)
    except TypeError:  # a slice, before Python 3.12
        return None
    return key


def _noted(builder: Builder, inputs: Sequence[int], make: Callable[[], Results]) -> tuple[Results, Any]:
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
        steps.append((None, event, places, elsewhere, span))
    if any(id is not None and id not in number for id in results):
        return results, False
    return results, (steps, [None if id is None else number[id] for id in results])


def _again(builder: Builder, known: Any, inputs: Sequence[int]) -> Results:
    """The same steps on other inputs."""
    steps, results = known
    ids = list(inputs)
    here = builder.origin
    for how, *step in steps:
        if how is None:
            node, places, elsewhere, span = step
            origin = here
            if elsewhere and here is not None:
                origin = Origin(here.statement, span, here.rule, here.primal)
            ids.append(builder.enter(node, tuple([ids[k] for k in places]), origin))
        elif how == "hint":
            builder.hint(ids[step[0]], step[1])
        else:
            builder.suggest(ids[step[0]], step[1])
    return [None if k is None else ids[k] for k in results]
