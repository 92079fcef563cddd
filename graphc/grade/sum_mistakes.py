"""Mistakes in sums: a term or a sign is lost, a reduction is left out or runs along another axis.

    dW = X.T @ dZ + 2*λ*W     X.T @ dZ             the regularisation term is left out
    dx = dy + dF @ A.T        dF @ A.T             the contribution of the second path is left out
    db = dZ.sum(axis=0)       dZ                   the sum over the samples is left out
                              dZ.sum(axis=1)       it runs over axis 1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from graphc.grade.at_hand import AtHand, taken, times
from graphc.grade.kinds import Mistake, scales
from graphc.grade.reference import Make
from graphc.ir.graph import Node

__all__ = ["SUMS", "along_other_axes", "of_reduction", "of_two_terms"]

SUMS = ("sum", "sum_to")


def of_two_terms(at: AtHand, node: Node) -> Iterator[Mistake]:
    """A term of a sum or a difference that is left out, has the other sign, or is off by a factor."""
    left, right = node.operands
    shape = np.shape(at.values[node.id])
    minus = node.op == "subtract"
    for kept, lost in ((left, right), (right, left)):
        kind, text = _lost(at, lost)
        make = times(kept, -1.0 if minus and kept == right else 1.0, shape)
        yield Mistake(kind, text, {node.id: make}, where=lost if lost in at.reference.backward else None)
    other = np.add if minus else np.subtract
    text = f"the sign of {at.say(right)} is the other one"
    yield Mistake("sign", text, {node.id: lambda v: other(v[left], v[right])})
    text = f"the sign of {at.say(left)} is the other one"
    yield Mistake("sign", text, {node.id: at.replaced(node, 0, times(left, -1.0))})
    for place, operand in enumerate(node.operands):
        for value, kind, text in scales(at.setting):
            make = at.replaced(node, place, times(operand, value))
            yield Mistake(kind, f"in {at.say(operand)} {text}", {node.id: make}, 2)


def _lost(at: AtHand, id: int) -> tuple[str, str]:
    """What it is called when a term of a sum is left out."""
    if id not in at.reference.carriers:  # a term of a derivative, not of a sum of gradients
        return "chain", f"the term {at.say(id)} is left out"
    primals = _primals(at, id)
    if primals and all(p in at.reference.only_parameters or p in at.reference.fixed for p in primals):
        return "regularisation", f"the regularisation term {at.say(id)} is left out"
    where = at.reference.statement(at.graph[id])
    return "fan-out", f"the contribution {at.say(id)}" + (f" of {where}" if where else "") + " is left out"


def _primals(at: AtHand, id: int) -> set[int]:
    """The forward values that a backward value is made of; not the gradients that come from named ones."""
    found: set[int] = set()
    stack, seen = [id], {id}
    while stack:
        current = stack.pop()
        if current not in at.reference.backward:
            if at.graph[current].op not in ("const", "shape_of"):
                found.add(current)
            continue
        for u in at.graph[current].operands:
            if u not in seen:
                seen.add(u)
                stack.append(u)
    return found


def of_reduction(at: AtHand, node: Node) -> Iterator[Mistake]:
    """A sum that is left out, is a mean, runs along another axis, keeps an axis, or has one term alone."""
    operand = node.operands[0]
    value, result = np.asarray(at.values[operand]), np.asarray(at.values[node.id])
    said = at.say(operand)
    axis = node.attr("axis")
    kept = bool(node.attr("keepdims"))
    along = f" over axis {axis[0]}" if isinstance(axis, tuple) and len(axis) == 1 else ""
    yield Mistake("sum", f"the sum of {said}{along} is left out", {node.id: taken(operand)})
    if result.size:
        mean = at.then(node, lambda total: total / (value.size / result.size))
        yield Mistake("1/N", f"the mean of {said}{along} is taken and not the sum", {node.id: mean})
    for other in range(value.ndim):
        for keep in (False, True):
            if axis == (other,) and kept == keep:
                continue
            if axis == (other,):
                kind, text = "shape", f"the sum of {said} keeps its axis {other}"
            else:
                kind, text = "axis", f"the sum of {said} runs over axis {other}"
                text += f" in place of {axis[0]}" if along else ""
            yield Mistake(kind, text, {node.id: _summed(operand, other, keep)})
    if result.ndim:
        yield Mistake("axis", f"the sum of {said} runs over all axes", {node.id: lambda v: np.sum(v[operand])})
    for other in at.like(operand, True):
        text = f"{at.name(other)} stands in place of {at.name(operand)}"
        yield Mistake("chain", text, {node.id: at.replaced(node, 0, taken(other))}, 2)
    if along:
        for index, which in ((-1, "last"), (0, "first")):
            only = _term(operand, index, axis[0], kept)
            yield Mistake("samples", f"only the {which} term of the sum of {said} counts", {node.id: only})


def _summed(id: int, axis: int, keepdims: bool) -> Make:
    return lambda values: np.sum(values[id], axis=axis, keepdims=keepdims)


def _term(id: int, index: int, axis: int, keepdims: bool) -> Make:
    return lambda values: np.take(values[id], [index] if keepdims else index, axis=axis)


def along_other_axes(at: AtHand, node: Node) -> Iterator[Mistake]:
    """A reduction within a rule, along another axis: one that keeps its axes, or is no sum."""
    now = node.attr("axis")
    if not isinstance(now, tuple) or (node.op in SUMS and not node.attr("keepdims")):
        return
    rank = np.ndim(at.values[node.operands[0]])
    for axis in [(k,) for k in range(rank)] + [tuple(range(rank))]:
        if axis != now:
            other = replace(node, attrs=tuple((k, axis if k == "axis" else v) for k, v in node.attrs))
            runs = "over all axes" if len(axis) > 1 else f"over axis {axis[0]}"
            text = f"the {node.op} of {at.say(node.operands[0])} runs {runs}"
            yield Mistake("axis", text, {node.id: at.then(other, np.asarray)})
