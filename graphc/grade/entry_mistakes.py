"""Mistakes in what chooses entries: masks, labels and rows.

    dZ = dH * (Z > 0)                     dH * (Z <= 0)       the mask is turned round
                                          dH * Z              the value itself stands in its place
    dS = P.copy(); dS[rows, y] -= 1       P                   the 1 at the label is not subtracted
    np.add.at(dE, i, dX)                  dE[i] += dX         of rows with the same index only the last counts
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from graphc.grade.at_hand import AtHand, taken
from graphc.grade.kinds import Mistake
from graphc.grade.reference import Make
from graphc.ir.graph import Node

__all__ = ["of_balanced_labels", "of_comparison", "of_labels", "of_scattered_rows"]


def of_comparison(at: AtHand, node: Node) -> Iterator[Mistake]:
    """A mask that is turned round, taken from another value, or is a value itself."""
    mask = f"the mask `{at.reference.say(node.id)}`"
    yield Mistake("mask", f"{mask} is turned round", {node.id: at.then(node, _inverted)})
    left = node.operands[0]
    for other in [left, *at.like(left, False)]:
        yield Mistake("mask", f"{at.name(other)} itself stands in place of {mask}", {node.id: taken(other)})
    for place, operand in enumerate(node.operands):
        backward = operand in at.reference.backward
        others = [(other, 0) for other in at.like(operand, backward)]
        if not backward:
            others += [(other, 2) for other in at.like(operand, True)]
        for other, plain in others:
            text = f"{mask} is taken from {at.name(other)} and not from {at.name(operand)}"
            yield Mistake("mask", text, {node.id: at.replaced(node, place, taken(other))}, plain)


def _inverted(mask: Any) -> Any:
    return ~np.asarray(mask, dtype=bool)


def of_labels(at: AtHand, node: Node) -> Iterator[Mistake]:
    """The 1 that is subtracted at each sample's label: not subtracted, added, in the wrong rows, from other scores."""
    scores, labels = node.operands

    def one_hot(values: Mapping[int, Any]) -> Any:
        hot = np.zeros(np.shape(values[scores]))
        np.put_along_axis(hot, np.asarray(values[labels])[..., None], 1.0, axis=-1)
        return hot

    def everywhere(values: Mapping[int, Any]) -> Any:
        result = np.array(values[scores])
        result[:, values[labels]] -= 1
        return result

    wrong: list[tuple[str, str, Make]] = [
        ("label", f"the 1 at the label {at.say(labels)} is not subtracted", taken(scores)),
        ("label", "the 1 at the label is added and not subtracted", lambda v: v[scores] + one_hot(v)),
        ("label", "the 1 at the label is subtracted from nothing", lambda v: -one_hot(v)),
        ("label", "the 1 is subtracted in the columns of all labels, in every row", everywhere),
        ("sign", "the difference at the label has the other sign", lambda v: one_hot(v) - v[scores]),
    ]
    for kind, text, make in wrong:
        yield Mistake(kind, text, {node.id: make})
    for other in at.like(scores, False):
        make = at.replaced(node, 0, taken(other))
        yield Mistake("chain", f"the scores {at.name(other)} are taken without the softmax", {node.id: make}, 1)


def of_balanced_labels(at: AtHand, node: Node) -> Iterator[Mistake]:
    """The entry at the label, which is minus the sum of its row's others."""
    margins, labels = node.operands

    def at_label(change: Callable[[Any], Any]) -> Make:
        def make(values: Mapping[int, Any]) -> Any:
            result = np.array(at.setting.evaluate(node, [values[margins], values[labels]]), dtype=np.float64)
            place = np.asarray(values[labels])[..., None]
            np.put_along_axis(result, place, change(np.take_along_axis(result, place, axis=-1)), axis=-1)
            return result

        return make

    what = "the entry at the label, minus the sum of the others in its row,"
    yield Mistake("label", f"{what} is left out", {node.id: at_label(np.zeros_like)})
    yield Mistake("label", f"{what} has the other sign", {node.id: at_label(np.negative)})
    yield Mistake("label", f"{what} is -1", {node.id: at_label(lambda entry: np.full_like(entry, -1.0))})


def of_scattered_rows(at: AtHand, node: Node) -> Iterator[Mistake]:
    """Rows that are set where they should add up: `dW[i] += u` forgets repeated indices."""

    def once(values: Mapping[int, Any]) -> Any:
        operands = [values[u] for u in node.operands]
        whole = np.asarray(at.setting.evaluate(node, operands))
        count = np.asarray(at.setting.evaluate(node, [np.ones_like(operands[0]), *operands[1:]]))
        if np.max(count) <= 1:
            return None
        result = np.zeros_like(whole)
        rows = np.asarray(operands[1])
        for k in np.ndindex(rows.shape):
            result[rows[k]] = np.asarray(operands[0])[k]
        return result

    text = "of the rows with the same index only the last counts (`np.add.at` adds them up)"
    yield Mistake("fan-out", text, {node.id: once})
