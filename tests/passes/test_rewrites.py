"""Every rewrite of rewrites.g holds in general: both sides are computed for random values of many shapes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from graphc.ir.dims import dim
from graphc.ir.graph import Argument, Builder, Graph, Origin
from graphc.ir.interpret import interpret
from graphc.ir.types import ShapeError, Type
from graphc.language import tree
from graphc.language.evaluate import Evaluator
from graphc.language.scope import Environment, Scope
from graphc.language.values import Fault, Tensor
from graphc.ops.base import CallError
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.patterns import Rewrite, rewrites
from graphc.passes.simplify import simplify

ALL = [rewrite for group in rewrites().values() for rewrite in group]
SHAPES: list[tuple[int, ...]] = [(3, 4), (), (4,), (3, 1), (2, 3, 4), (4, 3), (1,)]
LABELS = ("y",)  # in a pattern with `one_hot(y, …)`
ATTRIBUTES: dict[str, dict[str, list[Any]]] = {
    "transpose": {"a": [(1, 0), (2, 0, 1), (0, 2, 1)]},
    "reshape": {"a": [(dim(12),), (dim(2), dim(6)), (dim(6), dim(2), dim(1))]},
    "expand_dims": {"a": [(0,), (1,), (0, 2)]},
    "squeeze": {"a": [(0,), (1,)]},
    "sum": {"a": [None, (0,), (1,), (0, 1)], "k": [False, True]},
    "subtract": {"k": [dim(4)], "a": [(0,), (1,)]},
    "add": {"a": [(0,), (1,)]},
    "trace": {"a": [0, 1, -1]},
    "flip": {"a": [(0,), (1,), (0, 1)]},
}


def shown(rewrite: Rewrite) -> str:
    return f"{rewrite.pattern.span.text} => {rewrite.replacement.span.text}"


def names_of(pattern: tree.Expr) -> tuple[list[str], set[str], set[str]]:
    """The operands' names, those among them that are labels, and the names of attributes."""
    operands: list[str] = []
    labels: set[str] = set()
    attributes: set[str] = set()
    stack = [pattern]
    while stack:
        part = stack.pop()
        if isinstance(part, tree.Name):
            operands.append(part.id)
        elif isinstance(part, tree.Binary):
            stack += [part.left, part.right]
        elif isinstance(part, tree.Unary):
            stack.append(part.operand)
        elif isinstance(part, tree.Call):
            stack += part.arguments
            attributes |= {keyword.value.id for keyword in part.keywords if isinstance(keyword.value, tree.Name)}
            if part.function == "one_hot":
                labels |= {argument.id for argument in part.arguments if isinstance(argument, tree.Name)}
    return sorted(set(operands)), labels, attributes


class Instance:
    """A pattern and its replacement over arguments of given shapes."""

    def __init__(
        self, rewrite: Rewrite, shapes: dict[str, tuple[int, ...]], attributes: dict[str, Any],
        masks: Collection[str] = (),
    ) -> None:  # fmt: skip
        _, labels, _ = names_of(rewrite.pattern)
        self.builder = Builder()
        self.builder.origin = Origin(0, None, "rule")  # some rewrites are for what rules made
        self.scope = Scope(Environment())
        self.scope.values.update(attributes)
        self.values: dict[str, Any] = {}
        rng = np.random.default_rng([len(name) + sum(shape) for name, shape in shapes.items()])
        arguments = []
        for name, shape in shapes.items():
            kind = "int" if name in labels else "bool" if name in masks else "float"
            type = Type(tuple(dim(n) for n in shape), kind)
            id = self.builder.add("argument", (), {"name": name}, type=type, name=name)
            self.scope.values[name] = Tensor(id)
            arguments.append(Argument(name, id, "input", kind))
            numbers = rng.uniform(0.3, 2, shape) * rng.choice([-1, 1], shape)
            by_kind = {"int": rng.integers(0, 4, shape), "bool": rng.integers(0, 2, shape) > 0, "float": numbers}
            self.values[name] = by_kind[kind]
        self.arguments = tuple(arguments)

    def node(self, expr: tree.Expr) -> int:
        evaluator = Evaluator(self.builder)
        return evaluator.tensor(evaluator.evaluate(expr, self.scope))

    def graph(self, **outputs: int) -> Graph:
        return Graph(dict(self.builder.nodes), self.arguments, outputs=outputs)

    def run(self, graph: Graph) -> dict[str, Any]:
        values = interpret(graph, self.values)
        return {name: np.asarray(values[id]) for name, id in graph.outputs.items()}


def instances(rewrite: Rewrite, sides: Sequence[tuple[int, ...]] = SHAPES, some_are_masks: bool = False,
              ) -> Iterator[Instance]:  # fmt: skip
    """Over all shapes that the pattern bears, and all choices of the operands that are truth values."""
    names, labels, attributes = names_of(rewrite.pattern)
    known = ATTRIBUTES.get(rewrite.root, {})
    choices = [sides if name not in labels else [(3,), (2, 3), ()] for name in names]
    counts = range(1, len(names) + 1) if some_are_masks else [0]
    masks = [chosen for count in counts for chosen in itertools.combinations(names, count)]
    for shapes, chosen in itertools.product(itertools.product(*choices), masks):
        for values in itertools.product(*(known[name] for name in sorted(attributes))):
            instance = Instance(rewrite, dict(zip(names, shapes, strict=True)),
                                dict(zip(sorted(attributes), values, strict=True)), chosen)  # fmt: skip
            try:
                instance.pattern = instance.node(rewrite.pattern)  # type: ignore[attr-defined]
                expected = instance.run(instance.graph(r=instance.pattern))["r"]  # type: ignore[attr-defined]
            except (ShapeError, Fault, CallError, ValueError, IndexError):
                continue
            instance.expected = expected  # type: ignore[attr-defined]
            yield instance


@pytest.mark.parametrize("rewrite", ALL, ids=shown)
def test_both_sides_are_equal_wherever_the_types_allow_it(rewrite: Rewrite) -> None:
    """As the simplifier does it: the new value has the old one's type, or is broadcast to it."""
    from graphc.passes.broadcasts import repeats

    applied = 0
    for instance in instances(rewrite):
        pattern: int = instance.pattern  # type: ignore[attr-defined]
        try:
            made = instance.node(rewrite.replacement)
        except (ShapeError, Fault, CallError):
            continue
        old, new = instance.builder.type(pattern), instance.builder.type(made)
        if new == old or repeats(new, old):
            have = instance.run(instance.graph(r=made))["r"]
            expected = instance.expected  # type: ignore[attr-defined]
            assert np.allclose(np.broadcast_to(have, expected.shape), expected, rtol=1e-12, atol=1e-12)
            applied += 1
    assert applied, "no shapes were found that the rewrite applies to"


@pytest.mark.parametrize("rewrite", ALL, ids=shown)
def test_the_simplifier_takes_it_and_the_value_stays(rewrite: Rewrite) -> None:
    taken = 0
    for instance in instances(rewrite):
        graph = instance.graph(r=instance.pattern)  # type: ignore[attr-defined]
        simpler = simplify(graph)
        have = instance.run(simpler)["r"]
        assert np.allclose(have, instance.expected, rtol=1e-12, atol=1e-12)  # type: ignore[attr-defined]
        before, after = graph[graph.outputs["r"]], simpler[simpler.outputs["r"]]
        made_of = [[g[u].op for u in node.operands] for g, node in ((graph, before), (simpler, after))]
        taken += (before.op, made_of[0], len(graph)) != (after.op, made_of[1], len(simpler))
    assert taken, "it was never taken"


@pytest.mark.parametrize("rewrite", ALL, ids=shown)
def test_the_value_stays_where_operands_are_truth_values(rewrite: Rewrite) -> None:
    """NumPy's sum of two of them is no sum: true and true is true."""
    with np.errstate(divide="ignore", invalid="ignore"):
        for instance in instances(rewrite, [(4, 4), ()], some_are_masks=True):
            have = instance.run(simplify(instance.graph(r=instance.pattern)))["r"]  # type: ignore[attr-defined]
            known = np.isfinite(instance.expected)  # type: ignore[attr-defined]
            assert np.allclose(have[known], instance.expected[known], rtol=1e-12, atol=1e-12)  # type: ignore[attr-defined]


# ---------------------------------------------------------------- what the simplifier may not do

def test_what_is_used_elsewhere_is_not_computed_twice() -> None:
    rewrite = next(r for r in ALL if shown(r) == "x * z - y * z => (x - y) * z")
    instance = Instance(rewrite, {"x": (3, 4), "y": (3, 4), "z": (3, 4)}, {})
    root = instance.node(rewrite.pattern)
    xz, yz = instance.builder[root].operands
    alone = simplify(instance.graph(r=root))
    assert sum(node.op == "multiply" for node in alone) == 1
    shared = simplify(instance.graph(r=root, xz=xz, yz=yz))
    assert sorted(node.op for node in shared if node.op != "argument") == ["multiply", "multiply", "subtract"]


def random_graph(seed: int) -> tuple[Graph, dict[str, Any]]:
    """A program of thirty operations on square matrices, numbers and vectors, with several outputs."""
    rng = np.random.default_rng(seed)
    builder = Builder()
    builder.origin = Origin(0, None, "rule") if seed % 2 else None
    evaluator = Evaluator(builder)
    arguments, values, ids = [], {}, []
    for name, shape in (("A", (3, 3)), ("B", (3, 3)), ("s", ()), ("t", ()), ("v", (3,))):
        type = Type(tuple(dim(n) for n in shape))
        ids.append(builder.add("argument", (), {"name": name}, type=type, name=name))
        arguments.append(Argument(name, ids[-1], "input"))
        values[name] = rng.uniform(0.5, 1.5, shape)
    y = builder.add("argument", (), {"name": "y"}, type=Type((dim(3),), "int"), name="y")
    arguments.append(Argument("y", y, "input", "int"))
    values["y"] = rng.integers(0, 3, 3)
    ids += [builder.const(0.0), builder.const(1.0), builder.const(-1.0), evaluator.call("one_hot", y, n=dim(3))]
    while len(ids) < 40:
        first, second = (ids[int(k)] for k in rng.integers(max(0, len(ids) - 14), len(ids), 2))
        op = str(rng.choice(["add", "subtract", "multiply", "multiply", "negative", "matmul", "mT", "sum", "tanh"]))
        try:
            if op in ("negative", "tanh"):
                made = evaluator.call(op, first)
            elif op == "mT":
                made = evaluator.call("transpose", first)
            elif op == "sum":
                made = evaluator.call("sum", first, axis=int(rng.integers(2)), keepdims=bool(rng.integers(2)))
            else:
                made = evaluator.call(op, first, second)
        except (ShapeError, CallError):
            continue
        ids.append(made)
    outputs = {f"o{k}": id for k, id in enumerate(ids[-4:])}
    return Graph(dict(builder.nodes), tuple(arguments), outputs=outputs), values


def work(graph: Graph) -> int:
    """The entries that operations on arrays go through; views and numbers are free."""
    total = 0
    for node in graph:
        if graph.op(node).cost != "free":
            shapes = [node.type.dims, *(graph[u].type.dims for u in node.operands)]
            total += max(math.prod(size.value or 0 for size in shape) if shape else 0 for shape in shapes)
    return total


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_keep_their_values_and_no_pass_adds_work(seed: int) -> None:
    graph, values = random_graph(seed)
    once = simplify(graph)
    twice = simplify(once)
    expected, have = interpret(graph, values), interpret(once, values)
    for name, id in graph.outputs.items():
        want = np.asarray(expected[id])
        scale = max(1.0, float(np.max(np.abs(want))))
        assert np.allclose(have[once.outputs[name]] / scale, want / scale, rtol=1e-9, atol=1e-9)
        assert once[once.outputs[name]].type == graph[id].type
    assert work(once) <= work(eliminate_dead_code(graph))
    assert work(twice) <= work(once)
    once.verify()
