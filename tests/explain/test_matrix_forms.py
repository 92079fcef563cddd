"""What a reader is shown as a product of matrices, computed as it is written, against the gradient itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphc.explain.derivation import derive
from graphc.explain.notation import Fence, Frac, Layout, Name, Op, Partial, Row, Script, Word
from graphc.ir.graph import Graph
from graphc.ir.interpret import bind_sizes, interpret
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.passes.differentiate import differentiate
from graphc.passes.expand import expand
from graphc.pipeline import lower_source
from graphc.verify.sampling import Sampler

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = sorted([*(EXAMPLES / "derivations").glob("*.g"), *EXAMPLES.glob("*.g")])


class Unreadable(Exception):
    """A sign that this small reader does not know."""


class Reader:
    """Computes formulas over matrices: vectors are columns, `1` beside a matrix is a column of ones."""

    def __init__(self, values: dict[str, Any], gradients: dict[str, Any]) -> None:
        self.values, self.gradients = values, gradients

    def of(self, e: Layout) -> Any:
        match e:
            case Row():
                return self._sum(list(e.items))
            case Fence():
                return self.of(e.body)
            case Frac():
                return self.of(e.above) / self.of(e.below)
            case Name():
                return self._array(self.values, e.text)
            case Partial(above=Name(), below=Name()):
                return self._array(self.gradients, e.below.text)
            case Script(sub=None, sup=Op(text="T")):
                return np.transpose(self.of(e.base))
            case Script(sub=None, sup=Op()):
                return self.of(e.base) ** float(e.sup.text)
            case Op():
                return self._number(e.text)
        raise Unreadable(repr(e))

    @staticmethod
    def _array(known: dict[str, Any], name: str) -> Any:
        if name == "I":
            raise Unreadable(name)
        if name not in known:
            raise Unreadable(name)
        array = np.asarray(known[name], float)
        if array.ndim > 2:
            raise Unreadable(name)
        return array[:, None] if array.ndim == 1 else array

    @staticmethod
    def _number(words: str) -> Any:
        try:
            return float(words)
        except ValueError:
            raise Unreadable(words) from None

    def _sum(self, items: list[Layout]) -> Any:
        sign, total, term = 1.0, None, []
        if items and isinstance(items[0], Op) and items[0].text == "−":
            sign, items = -1.0, items[1:]
        for item in [*items, Op("+", True)]:
            if isinstance(item, Op) and item.spaced and item.text in ("+", "−"):
                made = sign * self._product(term)
                total = made if total is None else total + made
                sign, term = (1.0 if item.text == "+" else -1.0), []
            else:
                term.append(item)
        return total

    def _product(self, items: list[Layout]) -> Any:
        """Products of matrices bind tighter than those entry by entry."""
        parts: list[list[Layout]] = [[]]
        for item in items:
            if isinstance(item, Op) and item.text == "⊙":
                parts.append([])
            elif not (isinstance(item, Op) and not item.text.strip()):
                parts[-1].append(item)
        made = None
        for part in parts:
            value = self._chain(part)
            made = value if made is None else made * value
        return made

    def _chain(self, items: list[Layout]) -> Any:
        made: Any = None
        k = 0
        while k < len(items):
            item = items[k]
            following = items[k + 1] if k + 1 < len(items) else None
            if item == Op("1") and isinstance(following, Fence) and following.left == "{":
                value = self._condition(following.body)
                k += 1
            elif isinstance(item, Word):
                if k + 1 >= len(items) or not isinstance(items[k + 1], Fence):
                    raise Unreadable(item.text)
                value = self._call(item.text, self.of(items[k + 1].body))  # type: ignore[union-attr]
                k += 1
            else:
                value = "ones" if item == Op("1") else "turned" if _is_row_of_ones(item) else self.of(item)
            made = value if made is None else self._times(made, value)
            k += 1
        return 1.0 if isinstance(made, str) else made

    def _condition(self, e: Layout) -> Any:
        """1 where it holds."""
        relations = {"<": np.less, "≤": np.less_equal, ">": np.greater, "≥": np.greater_equal, "=": np.equal}
        items = list(e.items) if isinstance(e, Row) else []
        for k, item in enumerate(items):
            if isinstance(item, Op) and item.text in relations:
                left, right = self._sum(items[:k]), self._sum(items[k + 1 :])
                return np.asarray(relations[item.text](left, right), float)
        raise Unreadable(repr(e))

    @staticmethod
    def _times(a: Any, b: Any) -> Any:
        if isinstance(a, str) and isinstance(b, str):
            return np.ones((1, 1))  # 1 1ᵀ: compared by broadcasting
        if isinstance(a, str):
            return b if a == "ones" else b.sum(axis=0, keepdims=True)
        if isinstance(b, str):
            return a.sum(axis=1, keepdims=True) if b == "ones" else a
        if np.size(a) == 1 or np.size(b) == 1:
            return a * b
        return a @ b

    @staticmethod
    def _call(name: str, value: Any) -> Any:
        if name != "diag":
            functions = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "max": np.maximum}
            if name not in functions:
                raise Unreadable(name)
            return functions[name](value)
        if value.shape[1] == 1 or value.shape[0] == 1:
            return np.diag(value.ravel())
        return np.diag(value)[:, None]


def _is_row_of_ones(e: Layout) -> bool:
    return isinstance(e, Script) and e.base == Op("1") and e.sup == Op("T")


def numbers(graph: Graph) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values of the program by name, and the gradients of all its values."""
    floats = [name for name, id in graph.values.items() if graph[id].type.is_float and graph[id].op != "const"]
    joint = expand(differentiate(graph, floats), share=False)
    arguments = next(iter(Sampler(graph, 0)))
    rng = np.random.default_rng(3)
    sizes = bind_sizes(graph, arguments)
    seeds: dict[str, Any] = {}  # of outputs, and of Jacobians inside the program, where nothing uses them
    for node in joint:
        if node.op == "seed":
            name = node.attr("name")
            seeds[name] = 1.0 if name == graph.loss else rng.normal(size=[d.evaluate(sizes) for d in node.type.dims])
    values = interpret(joint, arguments, seeds)
    return ({name: values[id] for name, id in joint.values.items() if id in values},
            {name: values[id] for name, id in joint.gradients.items()})  # fmt: skip


def readable_forms(path: Path) -> Iterator[tuple[Any, Any, str]]:
    """What the matrix forms of a program come to, with the gradients that they should be."""
    graph = lower_source(Source(path.read_text("utf-8"), path.name, str(path)), Diagnostics())
    values, gradients = numbers(graph)
    derivation = derive(graph, "")
    reader = Reader(values, gradients)
    for part in [p for step in derivation.steps for p in (*step.parts, *step.sums)] + list(derivation.sums):
        for formula in part.matrices:
            if not (isinstance(formula.left, Partial) and isinstance(formula.left.below, Name)):
                continue
            try:
                have, wanted = reader.of(formula.rights[-1]), reader.of(formula.left)
            except Unreadable:
                continue
            have, wanted = np.asarray(have), np.asarray(wanted)
            if have.size == wanted.size and 1 in have.shape:  # 1ᵀ G: a sum over rows is written as a row
                have = have.reshape(wanted.shape)
            yield have, wanted, f"{path.stem}: {formula}"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_matrix_form_is_the_gradient(path: Path) -> None:
    for have, wanted, said in readable_forms(path):
        np.testing.assert_allclose(np.broadcast_to(have, wanted.shape), wanted, rtol=1e-8, atol=1e-10, err_msg=said)


def test_most_forms_can_be_read() -> None:
    assert sum(1 for path in PROGRAMS for _ in readable_forms(path)) > 120
