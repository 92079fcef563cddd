"""The classical mistakes, made one by one in the gradients of a program.

    dW = X.T @ dZ       X @ dZ               a transposition is missing
                        Xᵀ dH                the mask is left out
    db = dZ.sum(axis=0) dZ                   the sum over the samples is left out

A mistake is a change of one operation of the joint graph, or of all that one rule made of one operation. Which one a
person has made is found by making each and comparing the numbers (`explain.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, permutations
from typing import Any

import numpy as np

from graphc.grade.reference import Make, Setting
from graphc.ir.graph import Node

__all__ = ["KINDS", "Mistake", "mistakes", "scales"]

KINDS = {
    "transpose": "transposition",
    "mask": "mask",
    "label": "label not subtracted",
    "sum": "sum missing or too many",
    "axis": "wrong axis",
    "regularisation": "regularisation term missing",
    "fan-out": "contribution missing",
    "1/N": "1/N missing or too many",
    "factor 2": "factor 2",
    "chain": "factor of the chain rule missing",
    "sign": "wrong sign",
    "constant": "constant factor",
    "power": "wrong power",
    "samples": "one sample only",
    "operand": "another value in its place",
    "product": "wrong kind of product",
    "copy": "another gradient in its place",
    "shape": "wrong shape",
    "zero": "not computed",
    "nan": "not a number",
}
"""The kinds of mistakes, the likelier first: of two that give the same numbers the first is told."""

COMPARISONS = {"greater": "<=", "greater_equal": "<", "less": ">=", "less_equal": ">", "equal": "!=", "not_equal": "=="}
WRAPPING = {"broadcast_to", "expand_dims", "squeeze", "as_float", "reshape"}
SUMS = {"sum", "sum_to"}
CONFUSED: dict[str, dict[str, Callable[[Any], Any]]] = {
    "sigmoid": {"tanh": lambda y: 1 - y**2, "relu": lambda y: y > 0},
    "tanh": {"sigmoid": lambda y: y * (1 - y), "relu": lambda y: y > 0},
    "relu": {"tanh": lambda y: 1 - y**2, "sigmoid": lambda y: y * (1 - y)},
}
"""Derivatives that are taken for one another, by the value of the function."""
TURNED = {"mT", "transpose"}


@dataclass(frozen=True)
class Mistake:
    """One way to go wrong: what comes out where, its kind, and a clause that follows on `as if`."""

    kind: str
    text: str
    changes: Mapping[int, Make]
    plain: int = 0
    """0: a part is left out, turned round, or taken along another axis; 1: a factor of a whole gradient is lost;
    2: another value stands in a place; 3: what nobody does on purpose. Of two that give the same numbers the lower
    one is told."""
    where: int | None = None
    """The operation whose statement it belongs to, if that is not the changed one."""

    @property
    def place(self) -> int:
        return max(self.changes)


def mistakes(setting: Setting, region: Iterable[int]) -> Iterator[Mistake]:
    """Every mistake in the given operations; of a statement that was unrolled, also the same one every time."""
    making = _Making(setting)
    groups: dict[tuple[int, int], list[Node]] = {}
    for id in sorted(region, reverse=True):
        node = making.graph[id]
        if node.origin is not None and node.origin.primal is not None:
            groups.setdefault((node.origin.primal, node.origin.statement), []).append(node)
        else:
            yield from making.at(node)
    repeated: dict[tuple[object, ...], list[Mistake]] = {}
    for nodes in groups.values():
        nodes.reverse()
        origin = nodes[0].origin
        span = (origin.span.start, origin.span.stop, origin.rule) if origin is not None and origin.span else None
        made = [(k, mistake) for k, node in enumerate(nodes) for mistake in making.at(node)]
        made += [(-1, mistake) for mistake in making.of_rule(nodes)]
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


def scales(setting: Setting) -> Iterator[tuple[float, str, str]]:
    """Numbers that get lost or come in twice: the factor, its kind, and the clause that says so."""
    yield -1.0, "sign", "its sign is the other one"
    yield 2.0, "factor 2", "a factor 2 too many stands there"
    yield 0.5, "factor 2", "a factor 2 is left out"
    sizes = {name: value for name, value in setting.shown_sizes().items() if value > 1}
    products = {f"{a}*{b}": m * n for (a, m), (b, n) in combinations(sizes.items(), 2)}
    for name, value in {**sizes, **products}.items():
        yield float(value), "1/N", f"the division by {name} is left out"
        yield 1.0 / value, "1/N", f"a division by {name} too many stands there"
    for (a, m), (b, n) in permutations(sizes.items(), 2):
        yield m / n, "1/N", f"it is divided by {b} in place of {a}"
    for number in setting.reference.numbers:
        yield 1.0 / number, "constant", f"the factor {number:g} is left out"
        yield number, "constant", f"the factor {number:g} stands there once too often"


class _Making:
    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.reference = setting.reference
        self.graph = setting.reference.graph
        self.values = setting.right.values
        self.targets = {id: name for name, id in self.reference.gradients.items()}
        self.carriers = setting.reference.carriers
        self.named = self._named()

    # ------------------------------------------------------------------------------------------ what is at hand

    def _named(self) -> dict[str, list[int]]:
        """Values that have names, of the program and of gradients, by their shapes."""
        found: dict[str, list[int]] = {}
        data = {a.name for a in self.graph.arguments} - set(self.reference.variables)
        ids = [id for id in self.graph.values.values() if id in self.values]
        ids += [id for id, name in self.targets.items() if name not in data]  # nobody takes the gradient of the data
        for id in dict.fromkeys(ids):
            value = self.values.get(id)
            if value is not None and np.ndim(value) and self.graph[id].type.is_float:
                found.setdefault(str(np.shape(value)), []).append(id)
        return found

    def say(self, id: int) -> str:
        text = self.reference.say(id)
        return f"`{text}`" if len(text) <= 60 else f"a factor of `{self.graph[id].op}`"

    def name(self, id: int) -> str:
        if id in self.targets and not self.graph[id].name:
            return f"`d{self.targets[id]}`"
        names = [name for name, node in self.graph.values.items() if node == id]
        return f"`{names[0]}`" if names else self.say(id)

    def _like(self, id: int, backward: bool) -> list[int]:
        """Other named values of the same shape."""
        value = self.values.get(id)
        if value is None or not np.ndim(value):
            return []
        alike = self.named.get(str(np.shape(value)), [])
        return [other for other in alike if other != id and (other in self.reference.backward) == backward]

    def _inner(self, id: int) -> Node:
        """What is below broadcasting and its like."""
        node = self.graph[id]
        while node.op in WRAPPING:
            node = self.graph[node.operands[0]]
        return node

    def _replaced(self, node: Node, place: int, other: Callable[[Mapping[int, Any]], Any]) -> Make:
        """The operation with another value for one operand."""

        def make(values: Mapping[int, Any]) -> Any:
            operands = [values[u] for u in node.operands]
            operands[place] = other(values)
            return None if any(v is None for v in operands) else self.setting.evaluate(node, operands)

        return make

    def _filled(self, node: Node, source: int) -> Make:
        """The value of one operand, broadcast to the operation's own shape."""
        shape = np.shape(self.values[node.id])
        return lambda values: np.broadcast_to(np.asarray(values[source], dtype=np.float64), shape)

    # ------------------------------------------------------------------------------------------ one operation

    def at(self, node: Node) -> Iterator[Mistake]:
        """The mistakes that are made in one operation."""
        if self.values.get(node.id) is None:
            return
        if node.op == "matmul":
            yield from self._matmul(node)
        elif node.op in ("multiply", "divide"):
            yield from self._product(node)
        elif node.op in ("add", "subtract"):
            yield from self._sum_of_two(node)
        elif node.op in SUMS:
            yield from self._sum(node)
        elif node.op in COMPARISONS:
            yield from self._comparison(node)
        elif node.op == "subtract_one_hot":
            yield from self._labels(node)
        elif node.op == "balance_labels":
            yield from self._balance(node)
        elif node.op in ("scatter", "scatter_add"):
            yield from self._scatter(node)
        elif len(node.operands) == 1 and node.op not in WRAPPING:
            yield from self._function(node)
        if isinstance(node.attr("axis"), tuple) and node.op not in WRAPPING and (
            node.op not in SUMS or node.attr("keepdims")
        ):
            yield from self._axis(node)
        if node.id in self.targets:
            yield from self._whole(node)
        if node.type.is_float and node.op not in WRAPPING | TURNED:
            yield from self._scaled(node)

    def _matmul(self, node: Node) -> Iterator[Mistake]:
        left, right = node.operands
        bare = [self._untransposed(u) for u in (left, right)]
        shown = [self.reference.say(u) for u in (left, right)]

        def turned(value: Any) -> Any:
            return np.swapaxes(value, -1, -2)

        for flip_left, flip_right, swapped in (
            (True, False, False), (False, True, False), (True, True, False),
            (False, False, True), (True, False, True), (False, True, True), (True, True, True),
        ):  # fmt: skip

            def make(
                values: Mapping[int, Any], fl: bool = flip_left, fr: bool = flip_right, swap: bool = swapped
            ) -> Any:
                a, b = values[left], values[right]
                a, b = (turned(a) if fl else a), (turned(b) if fr else b)
                return b @ a if swap else a @ b

            pair = [_turned_text(shown[0], flip_left), _turned_text(shown[1], flip_right)]
            says = " ".join(reversed(pair) if swapped else pair)
            yield Mistake("transpose", f"it is `{says}` in place of `{shown[0]} {shown[1]}`", {node.id: make}, swapped)
        for place, (operand, source) in enumerate(zip(node.operands, bare, strict=True)):
            is_turned = source != operand
            forward = source not in self.reference.backward
            for other in self._like(source, not forward):

                def pick(values: Mapping[int, Any], other: int = other, flip: bool = is_turned) -> Any:
                    return turned(values[other]) if flip else values[other]

                text = f"{self.name(other)} stands in place of {self.name(source)}"
                yield Mistake("operand" if forward else "chain", text, {node.id: self._replaced(node, place, pick)}, 2)
        for index, which in ((-1, "last"), (0, "first")):

            def only(values: Mapping[int, Any], index: int = index) -> Any:
                a, b = values[left], values[right]
                cut = slice(index, None) if index else slice(0, 1)
                return a[..., cut] @ (b[..., cut, :] if np.ndim(b) > 1 else b[cut])

            text = f"only the {which} term of the sum `{shown[0]} {shown[1]}` counts"
            yield Mistake("samples", text, {node.id: only})
        if np.ndim(self.values[left]) == 2:
            yield Mistake(
                "product", f"`{shown[0]} {shown[1]}` is taken entry by entry", {node.id: lambda v: v[left] * v[right]}
            )

    def _untransposed(self, id: int) -> int:
        node = self.graph[id]
        return node.operands[0] if node.op in TURNED else id

    def _product(self, node: Node) -> Iterator[Mistake]:
        left, right = node.operands
        divided = node.op == "divide"
        yield self._dropped(node, kept=left, dropped=right, divided=divided)
        if not divided:
            yield self._dropped(node, kept=right, dropped=left, divided=False)
        else:
            text = f"{self.say(right)} is a factor and no divisor"
            yield Mistake("power", text, {node.id: lambda v: np.multiply(v[left], v[right], dtype=np.float64)})
        for place, operand in enumerate(node.operands):
            if operand in self.reference.fixed:
                continue
            if operand not in self.carriers:
                squared = self._replaced(node, place, lambda v, u=operand: np.square(v[u]))  # type: ignore[misc]
                yield Mistake("power", f"{self.name(operand)} is squared", {node.id: squared})
            for other in self._like(operand, operand in self.reference.backward):
                text = f"{self.name(other)} stands in place of {self.name(operand)}"
                kind = "chain" if operand in self.targets else "operand"
                make = self._replaced(node, place, _taken(other))
                yield Mistake(kind, text, {node.id: make}, 2)

    def _dropped(self, node: Node, kept: int, dropped: int, divided: bool) -> Mistake:
        inner = self._inner(dropped)
        change = {node.id: self._filled(node, kept)}
        if inner.op in COMPARISONS or inner.type.dtype == "bool":
            return Mistake("mask", f"the mask {self.say(dropped)} is left out", change)
        if dropped in self.reference.fixed:
            value = np.asarray(self.values[dropped], dtype=np.float64)
            number = float(value.flat[0]) if value.size else 1.0
            if self._has_size(dropped):
                said = f"the division by {self.say(dropped)}" if divided else f"the factor {self.say(dropped)}"
                return Mistake("1/N", f"{said} is left out", change)
            if abs(number) in (2.0, 0.5):
                return Mistake("factor 2", f"the factor {number:g} is left out", change)
            return Mistake("constant", f"the factor {number:g} is left out", change)
        what = "the division by" if divided else "the factor"
        return Mistake("chain", f"{what} {self.name(dropped)} is left out", change)

    def _has_size(self, id: int) -> bool:
        stack = [id]
        while stack:
            node = self.graph[stack.pop()]
            if node.op in ("size", "count", "size_of"):
                return True
            stack += [u for u in node.operands if self.graph[u].op != "shape_of"]
        return False

    def _sum_of_two(self, node: Node) -> Iterator[Mistake]:
        left, right = node.operands
        shape = np.shape(self.values[node.id])
        minus = node.op == "subtract"
        for kept, lost in ((left, right), (right, left)):
            kind, text = self._lost(lost)
            sign = -1.0 if minus and kept == right else 1.0
            make = _times(kept, sign, shape)
            yield Mistake(kind, text, {node.id: make}, where=lost if lost in self.reference.backward else None)
        other = np.add if minus else np.subtract
        turned: Make = lambda v: other(v[left], v[right])  # noqa: E731
        yield Mistake("sign", f"the sign of {self.say(right)} is the other one", {node.id: turned})
        turned_left = self._replaced(node, 0, _times(left, -1.0))
        yield Mistake("sign", f"the sign of {self.say(left)} is the other one", {node.id: turned_left})
        for place, operand in enumerate(node.operands):
            for value, kind, text in scales(self.setting):
                make = self._replaced(node, place, _times(operand, value))
                yield Mistake(kind, f"in {self.say(operand)} {text}", {node.id: make}, 2)

    def _lost(self, id: int) -> tuple[str, str]:
        """What it is called when a term of a sum is left out."""
        node = self.graph[id]
        if id not in self.carriers:  # a term of a derivative, not of a sum of gradients
            return "chain", f"the term {self.say(id)} is left out"
        primals = self._primals(id)
        if primals and all(p in self.reference.only_parameters or p in self.reference.fixed for p in primals):
            return "regularisation", f"the regularisation term {self.say(id)} is left out"
        where = self.reference.statement(node)
        return "fan-out", f"the contribution {self.say(id)}" + (f" of {where}" if where else "") + " is left out"

    def _primals(self, id: int) -> set[int]:
        """The forward values that a backward value is made of; not the gradients that come from named ones."""
        found: set[int] = set()
        stack, seen = [id], {id}
        while stack:
            current = stack.pop()
            if current not in self.reference.backward:
                if self.graph[current].op not in ("const", "shape_of"):
                    found.add(current)
                continue
            for u in self.graph[current].operands:
                if u not in seen:
                    seen.add(u)
                    stack.append(u)
        return found

    def _sum(self, node: Node) -> Iterator[Mistake]:
        (operand, *_) = node.operands
        value = np.asarray(self.values[operand])
        result = np.asarray(self.values[node.id])
        said = self.say(operand)
        axis = node.attr("axis")
        along = f" over axis {axis[0]}" if isinstance(axis, tuple) and len(axis) == 1 else ""
        yield Mistake("sum", f"the sum of {said}{along} is left out", {node.id: _taken(operand)})
        if result.size:
            mean = self._then(node, lambda total: total / (value.size / result.size))
            yield Mistake("1/N", f"the mean of {said}{along} is taken and not the sum", {node.id: mean})
        for other in range(value.ndim):
            for keep in (False, True):
                if axis == (other,) and bool(node.attr("keepdims")) == keep:
                    continue
                kind = "shape" if axis is not None and axis == (other,) else "axis"
                text = (
                    f"the sum of {said} keeps its axis {other}" if kind == "shape"
                    else f"the sum of {said} runs over axis {other}" + (f" in place of {axis[0]}" if along else "")
                )  # fmt: skip
                yield Mistake(kind, text, {node.id: _reduced(operand, np.sum, other, keep)})
        if result.ndim:
            yield Mistake("axis", f"the sum of {said} runs over all axes", {node.id: lambda v: np.sum(v[operand])})
        for other in self._like(operand, True):
            text = f"{self.name(other)} stands in place of {self.name(operand)}"
            yield Mistake("chain", text, {node.id: self._replaced(node, 0, _taken(other))}, 2)
        if along:
            for index, which in ((-1, "last"), (0, "first")):
                only = _entry(operand, index, axis[0], bool(node.attr("keepdims")))
                yield Mistake("samples", f"only the {which} term of the sum of {said} counts", {node.id: only})

    def _axis(self, node: Node) -> Iterator[Mistake]:
        """A reduction within a rule, along another axis."""
        rank = np.ndim(self.values[node.operands[0]])
        now = node.attr("axis")
        for axis in [(k,) for k in range(rank)] + [tuple(range(rank))]:
            if axis != now:
                other = replace(node, attrs=tuple((k, axis if k == "axis" else v) for k, v in node.attrs))
                runs = "over all axes" if len(axis) > 1 else f"over axis {axis[0]}"
                text = f"the {node.op} of {self.say(node.operands[0])} runs {runs}"
                yield Mistake("axis", text, {node.id: self._then(other, np.asarray)})

    def _comparison(self, node: Node) -> Iterator[Mistake]:
        left = node.operands[0]
        text = self.reference.say(node.id)
        yield Mistake("mask", f"the mask `{text}` is turned round", {node.id: lambda v: ~self._true(node, v)})
        for other in [left, *self._like(left, False)]:
            said = f"{self.name(other)} itself stands in place of the mask `{text}`"
            yield Mistake("mask", said, {node.id: _taken(other)})
        for place, operand in enumerate(node.operands):
            for other in self._like(operand, operand in self.reference.backward):
                make = self._replaced(node, place, _taken(other))
                said = f"the mask `{text}` is taken from {self.name(other)} and not from {self.name(operand)}"
                yield Mistake("mask", said, {node.id: make})
            for other in self.named.get(str(np.shape(self.values[operand])), []):
                if other in self.reference.backward and operand not in self.reference.backward:
                    make = self._replaced(node, place, _taken(other))
                    said = f"the mask `{text}` is taken from {self.name(other)} and not from {self.name(operand)}"
                    yield Mistake("mask", said, {node.id: make}, 2)

    def _true(self, node: Node, values: Mapping[int, Any]) -> Any:
        return np.asarray(self.setting.evaluate(node, [values[u] for u in node.operands]), dtype=bool)

    def _labels(self, node: Node) -> Iterator[Mistake]:
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
            ("label", f"the 1 at the label {self.say(labels)} is not subtracted", _taken(scores)),
            ("label", "the 1 at the label is added and not subtracted", lambda v: v[scores] + one_hot(v)),
            ("label", "the 1 at the label is subtracted from nothing", lambda v: -one_hot(v)),
            ("label", "the 1 is subtracted in the columns of all labels, in every row", everywhere),
            ("sign", "the difference at the label has the other sign", lambda v: one_hot(v) - v[scores]),
        ]
        for kind, text, make in wrong:
            yield Mistake(kind, text, {node.id: make})
        for other in self._like(scores, False):
            make = self._replaced(node, 0, _taken(other))
            yield Mistake("chain", f"the scores {self.name(other)} are taken without the softmax", {node.id: make}, 1)

    def _balance(self, node: Node) -> Iterator[Mistake]:
        """The entry at the label, which is minus the sum of its row's others."""
        margins, labels = node.operands

        def at_label(change: Callable[[Any], Any]) -> Make:
            def make(values: Mapping[int, Any]) -> Any:
                result = np.array(self.setting.evaluate(node, [values[margins], values[labels]]), dtype=np.float64)
                place = np.asarray(values[labels])[..., None]
                np.put_along_axis(result, place, change(np.take_along_axis(result, place, axis=-1)), axis=-1)
                return result

            return make

        what = "the entry at the label, minus the sum of the others in its row,"
        yield Mistake("label", f"{what} is left out", {node.id: at_label(np.zeros_like)})
        yield Mistake("label", f"{what} has the other sign", {node.id: at_label(np.negative)})
        yield Mistake("label", f"{what} is -1", {node.id: at_label(lambda entry: np.full_like(entry, -1.0))})

    def _scatter(self, node: Node) -> Iterator[Mistake]:
        """Rows that are set where they should add up: `dW[i] += u` forgets repeated indices."""
        def once(values: Mapping[int, Any]) -> Any:
            operands = [values[u] for u in node.operands]
            whole = np.asarray(self.setting.evaluate(node, operands))
            count = np.asarray(self.setting.evaluate(node, [np.ones_like(operands[0]), *operands[1:]]))
            if np.max(count) <= 1 or node.op == "scatter_add":
                return None
            result = np.zeros_like(whole)
            rows = np.asarray(operands[1])
            for k in np.ndindex(rows.shape):
                result[rows[k]] = np.asarray(operands[0])[k]
            return result

        text = "of the rows with the same index only the last counts (`np.add.at` adds them up)"
        yield Mistake("fan-out", text, {node.id: once})

    def _function(self, node: Node) -> Iterator[Mistake]:
        (operand,) = node.operands
        value, inner = np.asarray(self.values[node.id]), np.asarray(self.values[operand])
        if node.op in TURNED:
            yield Mistake("transpose", f"{self.say(operand)} is not transposed", {node.id: _taken(operand)})
        elif value.shape == inner.shape:
            kind = {"square": "power", "negative": "sign", "sqrt": "power"}.get(node.op, "chain")
            yield Mistake(kind, f"the {node.op} of {self.say(operand)} is left out", {node.id: _taken(operand)})

    def _whole(self, node: Node) -> Iterator[Mistake]:
        """A gradient as a whole: summed where nothing is to be summed, or turned."""
        value = np.asarray(self.values[node.id])
        name = self.name(node.id)
        if value.ndim == 2:
            yield Mistake("transpose", f"{name} is transposed", {node.id: self._then(node, np.transpose)}, 3)
        for axis in range(value.ndim):
            for keep in (False, True):
                for reduce, word in ((np.sum, "summed"), (np.mean, "averaged")):
                    make = self._then(node, partial(reduce, axis=axis, keepdims=keep))
                    yield Mistake("sum", f"{name} is {word} over axis {axis}, which it has", {node.id: make}, 3)

    def _scaled(self, node: Node) -> Iterator[Mistake]:
        named = node.id in self.targets
        if not named and node.op not in ("matmul", "sum"):
            return
        for value, kind, text in scales(self.setting):
            make = self._then(node, partial(np.multiply, value))
            yield Mistake(kind, f"in {self.name(node.id)} {text}", {node.id: make}, 1 if named else 2)

    def _then(self, node: Node, change: Callable[[Any], Any]) -> Make:
        """The operation's own value, changed."""

        def make(values: Mapping[int, Any]) -> Any:
            made = self.setting.evaluate(node, [values[u] for u in node.operands])
            return None if made is None else change(made)

        return make

    # ------------------------------------------------------------------------------------------ what one rule made

    def of_rule(self, nodes: Sequence[Node]) -> Iterator[Mistake]:
        """The mistakes that go through all of what a rule made of one operation."""
        ids = {node.id for node in nodes}
        used = {u: [n for n in nodes if u in n.operands] for node in nodes for u in node.operands if u not in ids}
        rule = nodes[0].origin.rule if nodes[0].origin is not None else None
        for u, users in used.items():
            if u in self.reference.fixed or not self.graph[u].type.is_float:
                continue
            if u not in self.reference.backward:
                for kind, text, value in self._instead(u):
                    yield Mistake(kind, text, {n.id: self._swapped(n, u, value) for n in users}, 2)
        incoming = [u for u in used if u in self.reference.backward and u not in self.reference.fixed]
        for node in nodes:
            last = node.id in self.targets or any(c not in ids for c in self.reference.consumers.get(node.id, ()))
            for u in incoming:
                if last and np.shape(self.values[u]) == np.shape(self.values[node.id]) and node.op not in TURNED:
                    text = f"the derivative of `{rule}` is left out: {self.name(u)} is passed on as it is"
                    yield Mistake("chain", text, {node.id: _taken(u)})
                    for other_rule, derivative in CONFUSED.get(rule or "", {}).items():
                        for y in used:
                            if y not in self.reference.backward and y not in self.reference.fixed:
                                text = f"the derivative of `{other_rule}` stands in place of that of `{rule}`"
                                yield Mistake("chain", text, {node.id: _product(u, y, derivative)}, 2)

    def _instead(self, u: int) -> Iterator[tuple[str, str, Make]]:
        """What may stand in place of a value of the forward pass: one of its shape, or itself with a part exchanged."""
        for other in self._like(u, False):
            yield "operand", f"{self.name(other)} stands in place of {self.name(u)}", _taken(other)
        node = self.graph[u]
        if self.name(u) != self.say(u) or node.name or node.op not in ("add", "subtract", "multiply", "divide"):
            return
        for place, part in enumerate(node.operands):
            for other in self._like(part, False):
                text = f"{self.name(other)} stands in place of {self.name(part)} in {self.say(u)}"
                yield "operand", text, self._replaced(node, place, _taken(other))
        for kept, lost in (node.operands, node.operands[::-1]):
            if np.shape(self.values[kept]) == np.shape(self.values[u]):
                sign = -1.0 if node.op == "subtract" and kept == node.operands[1] else 1.0
                yield "chain", f"{self.name(lost)} is left out of {self.say(u)}", _times(kept, sign)
        if node.op in ("add", "subtract"):
            turned = self._replaced(node, 1, _times(node.operands[1], -1.0))
            yield "sign", f"the sign of {self.say(node.operands[1])} is the other one in {self.say(u)}", turned

    def _swapped(self, node: Node, operand: int, other: Make) -> Make:
        def make(values: Mapping[int, Any]) -> Any:
            value = other(values)
            return self.setting.evaluate(node, [value if u == operand else values[u] for u in node.operands])

        return make


def _product(gradient: int, value: int, derivative: Callable[[Any], Any]) -> Make:
    return lambda values: values[gradient] * derivative(values[value])


def _taken(id: int) -> Make:
    return lambda values: values[id]


def _times(id: int, factor: float, shape: tuple[int, ...] | None = None) -> Make:
    def make(values: Mapping[int, Any]) -> Any:
        value = factor * np.asarray(values[id], dtype=np.float64)
        return value if shape is None else np.broadcast_to(value, shape)

    return make


def _reduced(id: int, reduce: Callable[..., Any], axis: int, keepdims: bool) -> Make:
    return lambda values: reduce(values[id], axis=axis, keepdims=keepdims)


def _entry(id: int, index: int, axis: int, keepdims: bool) -> Make:
    return lambda values: np.take(values[id], [index] if keepdims else index, axis=axis)


def _turned_text(text: str, turn: bool) -> str:
    if not turn:
        return text
    if text.endswith("ᵀ"):
        return text[:-1]
    return f"{text}ᵀ" if text.isidentifier() else f"({text})ᵀ"
