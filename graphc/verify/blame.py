"""Who is to blame for a wrong gradient: the operation where it first goes wrong, and the rule that made it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from graphc.ir.dims import dim
from graphc.ir.graph import Graph, Node
from graphc.ir.interpret import bind_sizes, interpret
from graphc.ir.types import Type
from graphc.language.diagnostics import Diagnostics, Note
from graphc.language.values import Silent
from graphc.verify.numerical import TOLERANCE
from graphc.verify.program import REFUSALS, Failure, WrongValue
from graphc.verify.rules import UNFIT, Fault, line_of, rule_error
from graphc.verify.sampling import Sample, samples

__all__ = ["blame", "report_failure"]

OURS = "this is a bug in graphc, not in your program: please report it"
SAMPLES = 8
SECONDS = 5.0


def blame(joint: Graph, name: str, error: float, diagnostics: Diagnostics, seed: int) -> None:
    """The error for a wrong gradient: the variable, the value where it first goes wrong, the rule that made it."""
    message = f"the gradient of `{name}` is wrong: it differs from the numerical one by {error:.1e} (relative)"
    wrong = first_wrong(joint, seed)
    if wrong is None:
        diagnostics.error("E0403", message, None, help=OURS)
        return
    node, position, off = wrong
    op = joint.op(node)
    value = f"at `{node.name}`" if node.name else "here"
    label = f"it first goes wrong {value}, by {off:.1e}, for {_called(joint, node, position)}"
    line = line_of(op, position) if op.rule is not None else None
    notes: list[Note] = [(f"by this line of the rule of `{op.title}`", line)] if line else []
    help = None if line else f"the rule of `{op.title}` is built in: {OURS}"
    diagnostics.error("E0403", message, node.origin.span if node.origin else None, label, notes, help)


def report_failure(failure: Failure, diagnostics: Diagnostics) -> None:
    """The error for generated code that fails."""
    message = str(failure) if isinstance(failure, WrongValue) else f"the gradients cannot be computed: {failure}"
    diagnostics.error("E0403", message, None, help=OURS)


def first_wrong(joint: Graph, seed: int) -> tuple[Node, int, float] | None:
    """The last operation of forward whose rule is wrong at values it meets: node, operand's position, error."""
    start = time.perf_counter()
    for count, sample in enumerate(samples(joint, seed)):
        if count >= SAMPLES or time.perf_counter() - start > SECONDS:
            break
        with np.errstate(all="ignore"):
            found = _first_wrong(joint, sample, seed, start)
        if found is not None:
            return found
    return None


def _first_wrong(joint: Graph, sample: Sample, seed: int, start: float) -> tuple[Node, int, float] | None:
    forward = joint.replace(gradients={}, updates={})
    try:
        values = _values(forward, sample)
    except REFUSALS:
        return None
    sizes = bind_sizes(forward, sample)
    for node in reversed(list(forward)):
        if node.op in ("argument", "seed") or not node.operands or not node.type.is_float or node.id not in values:
            continue
        if node.of_rule:
            continue
        if time.perf_counter() - start > SECONDS:
            return None
        try:
            error, where = _error_at(joint, node, values, sizes, seed)
        except (Fault, Silent, KeyError, *UNFIT):
            continue
        if error > TOLERANCE:
            return node, int(where[1:]), error
    return None


def _error_at(
    joint: Graph, node: Node, values: dict[int, Any], sizes: dict[str, int], seed: int
) -> tuple[float, str]:
    from graphc.ir.interpret import _numbers

    arrays = [values[u] for u in node.operands]
    types = [
        Type(tuple(map(dim, np.shape(a))), joint[u].type.dtype) for a, u in zip(arrays, node.operands, strict=True)
    ]
    attrs = {k: _dims(_numbers(v, sizes)) if k == "shape" else v for k, v in node.attrs}
    own = joint.op(node).rule is not None  # there a `none` may stand for what has a gradient
    return rule_error(joint.op(node), arrays, types, attrs, joint.ops, seed, none_is_zero=own)


def _called(joint: Graph, node: Node, position: int) -> str:
    """What a user calls an operand: its name, or the text it is written as."""
    operand = joint[node.operands[position]]
    if operand.name:
        return f"`{operand.name}`"
    span = operand.origin.span if operand.origin else None
    if span is not None and span != (node.origin.span if node.origin else None) and len(span.text) <= 40:
        return f"`{span.text}`"
    formals = joint.op(node).operands
    return f"its operand `{formals[min(position, len(formals) - 1)].lstrip('*')}`"


def _dims(value: Any) -> Any:
    return tuple(dim(v) if isinstance(v, int) else v for v in value) if isinstance(value, tuple) else value


def _values(graph: Graph, sample: Sample) -> dict[int, Any]:
    """The values of the program's own nodes that are used, composite operations being expanded one by one."""
    from graphc.passes.dce import eliminate_dead_code
    from graphc.passes.expand import expand_tracking

    expanded, moved = expand_tracking(graph)
    expanded = eliminate_dead_code(expanded.replace(outputs={**expanded.values, **expanded.outputs}))
    values = interpret(expanded, sample, dict.fromkeys(graph.cotangents, 0.0))
    return {old: values[new] for old, new in moved.items() if new in values}
