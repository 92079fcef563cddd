"""The classical mistakes, made one by one in the gradients of a program.

    dW = X.T @ dZ       X @ dZ               a transposition is missing
                        Xᵀ dH                the mask is left out
    db = dZ.sum(axis=0) dZ                   the sum over the samples is left out

A mistake is a change of one operation of the joint graph, or of all that one rule made of one operation. Which one a
person has made is found by making each and comparing the numbers (`explain.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from graphc.grade.at_hand import WRAPPING, AtHand
from graphc.grade.entry_mistakes import of_balanced_labels, of_comparison, of_labels, of_scattered_rows
from graphc.grade.kinds import Mistake
from graphc.grade.product_mistakes import of_matmul, of_product
from graphc.grade.reference import Setting
from graphc.grade.rule_mistakes import of_rule
from graphc.grade.sum_mistakes import SUMS, along_other_axes, of_reduction, of_two_terms
from graphc.grade.whole_mistakes import of_function, of_gradient, scaled
from graphc.ir.graph import Node

__all__ = ["mistakes"]

OF_OPERATION: dict[str, Callable[[AtHand, Node], Iterator[Mistake]]] = {
    "matmul": of_matmul,
    **dict.fromkeys(("multiply", "divide"), of_product),
    **dict.fromkeys(("add", "subtract"), of_two_terms),
    **dict.fromkeys(SUMS, of_reduction),
    **dict.fromkeys(("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"), of_comparison),
    "subtract_one_hot": of_labels,
    "balance_labels": of_balanced_labels,
    "scatter": of_scattered_rows,
}
"""What goes wrong in an operation; in any other of one operand it is `of_function`."""


def mistakes(setting: Setting, region: Iterable[int]) -> Iterator[Mistake]:
    """Every mistake in the given operations; of a statement that was unrolled, also the same one every time."""
    at = AtHand(setting)
    groups: dict[tuple[int, int], list[Node]] = {}
    for id in sorted(region, reverse=True):
        node = at.graph[id]
        if node.origin is not None and node.origin.primal is not None:
            groups.setdefault((node.origin.primal, node.origin.statement), []).append(node)
        else:
            yield from _of_one(at, node)
    repeated: dict[tuple[object, ...], list[Mistake]] = {}
    for nodes in groups.values():
        nodes.reverse()
        origin = nodes[0].origin
        span = (origin.span.start, origin.span.stop, origin.rule) if origin is not None and origin.span else None
        made = [(k, mistake) for k, node in enumerate(nodes) for mistake in _of_one(at, node)]
        made += [(-1, mistake) for mistake in of_rule(at, nodes)]
        for place, mistake in made:
            yield mistake
            if span is not None:
                key = (span, place, mistake.kind, re.sub(r"(_\d+)+", "", mistake.text))
                repeated.setdefault(key, []).append(mistake)
    for alike in repeated.values():
        if len(alike) > 1:
            changes = {id: make for mistake in alike for id, make in mistake.changes.items()}
            if len(changes) > len(alike[0].changes):
                yield replace(alike[0], text=f"{alike[0].text}, every time", changes=changes)


def _of_one(at: AtHand, node: Node) -> Iterator[Mistake]:
    """The mistakes that are made in one operation: in what it does, and in its value as a whole."""
    if at.values.get(node.id) is None:
        return
    if node.op not in WRAPPING:
        yield from OF_OPERATION.get(node.op, of_function)(at, node)
        yield from along_other_axes(at, node)
    yield from of_gradient(at, node)
    yield from scaled(at, node)
