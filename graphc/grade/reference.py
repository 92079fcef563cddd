"""A program as a reference: its gradients, those of its named intermediate values too, on data drawn for it.

Every operation of the joint graph is at hand with its value, so that a mistake can be made in one of them and the rest
computed anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.interpret import bind_sizes, evaluate
from graphc.ir.types import Unknown
from graphc.language.decoding import source_of_file
from graphc.language.diagnostics import Diagnostics, GraphcError
from graphc.language.source import Source
from graphc.pipeline import Options, joint_graph, lower_source, optimise

__all__ = ["Make", "Reference", "Setting", "State", "read_source"]

Make = Callable[[Mapping[int, Any]], Any]
"""A value made of those of other nodes."""

SIZES = (6, 5, 7, 4, 8, 3, 9, 10, 11)
ATTEMPTS = 24


def read_source(program: str | Path) -> Source:
    """A `Path` or a one-line string that ends in `.g` is a file, any other string a program's text."""
    if isinstance(program, Path) or (program.endswith(".g") and "\n" not in program):
        return source_of_file(Path(program))
    return Source(program)


class Reference:
    """The joint graph of a program, down to its primitive operations. Raises GraphcError for a wrong program."""

    def __init__(self, source: Source, wrt: Sequence[str] | None = None, loss: str | None = None) -> None:
        from graphc.passes.dce import eliminate_dead_code
        from graphc.passes.expand import expand
        from graphc.passes.fold import fold

        diagnostics = Diagnostics()
        lowered = lower_source(source, diagnostics)
        options = Options(tuple(wrt) if wrt is not None else None, loss, 1, False)
        joint = joint_graph(lowered, options, diagnostics)
        self.source = source
        self.variables: list[str] = list(joint.gradients)
        every = list(dict.fromkeys([*self.variables, *_between(lowered, joint)]))
        options = Options(tuple(every), loss, 1, False)
        joint = joint_graph(lowered, options, Diagnostics()).replace(updates={})
        self.numbers = _numbers(joint)
        # Literal, but for what is known at compile time: nobody writes `2**0`.
        self.graph: Graph = eliminate_dead_code(fold(expand(eliminate_dead_code(joint), share=False)))
        self.gradients: dict[str, int] = dict(self.graph.gradients)
        self.loss = self.graph.loss
        self.outputs = [self.loss] if self.loss else list(self.graph.outputs)
        self._written = joint

    @cached_property
    def formulas(self) -> dict[str, str]:
        """What each gradient is made of, as mathematics: `Xᵀ dZ`."""
        from graphc.emitter.mathtext import math_of

        written = optimise(_with_one(self._written) if self.loss else self._written, 1)
        return {name: str(math_of(written, id, words_of(written))) for name, id in written.gradients.items()}

    @cached_property
    def words(self) -> dict[int, str]:
        return words_of(self.graph)

    def say(self, id: int) -> str:
        """A value as mathematics over the names of the program."""
        from graphc.emitter.mathtext import math_of

        node = self.graph[id]
        name = node.name or self.words.get(id)
        text = name if name is not None else str(math_of(self.graph, id, self.words))
        return _without(f"d{self.loss}", text) if self.loss else text

    @cached_property
    def fixed(self) -> frozenset[int]:
        """What depends on sizes and constants alone; the cotangent of a scalar loss is the constant 1."""
        plain: set[int] = set()
        for node in self.graph:
            made = node.operands and node.op != "shape_of" and all(u in plain or self._shape(u) for u in node.operands)
            if made or self._constant(node.id) or (node.op == "seed" and self.loss):
                plain.add(node.id)
        return frozenset(plain)

    def _shape(self, id: int) -> bool:
        return self.graph[id].type.dtype == "shape"

    @cached_property
    def backward(self) -> frozenset[int]:
        """The operations that derivation rules have made; not those of a `grad(…)` in the program itself."""
        seeds = [node.id for node in self.graph if node.op == "seed"]
        first = min(seeds, default=0)
        return frozenset(n.id for n in self.graph if n.id >= first and n.of_rule)

    @cached_property
    def carriers(self) -> frozenset[int]:
        """What the gradient of the loss flows through: all that depends on an incoming cotangent."""
        found: set[int] = set()
        for node in self.graph:
            if node.op == "seed" or any(u in found for u in node.operands):
                found.add(node.id)
        return frozenset(found)

    @cached_property
    def consumers(self) -> dict[int, list[int]]:
        """Per operation those that use its value."""
        return self.graph.users()

    @cached_property
    def only_parameters(self) -> frozenset[int]:
        """Forward values that depend on no data: what a regularisation term is made of."""
        plain: set[int] = set()
        parameters = {a.node for a in self.graph.arguments if a.name in self.variables}
        for node in self.graph:
            if node.id in self.backward:
                continue
            known = [u in plain for u in node.operands]
            if node.id in parameters or (
                any(known) and all(k or self._constant(u) for k, u in zip(known, node.operands, strict=True))
            ):
                plain.add(node.id)
        return frozenset(plain)

    def _constant(self, id: int) -> bool:
        return self.graph[id].op in ("const", "size", "number", "count")

    def statement(self, node: Node) -> str:
        """The statement that an operation comes from, as `H = relu(Z)`, and its place."""
        origin = node.origin
        if origin is None or not 0 <= origin.statement < len(self.graph.statements):
            return ""
        statement = self.graph.statements[origin.statement]
        return f"`{statement.text}` ({statement.file}:{statement.line})"

    def settings(self, seed: int, sizes: Mapping[str, int] | None = None) -> list[Setting]:
        """Data to compare on: all sizes different, then all equal, where the program allows that."""
        found = []
        names = self.dimensions()
        for chosen in (dict(zip(names, SIZES * (1 + len(names) // len(SIZES)), strict=False)), dict.fromkeys(names, 5)):
            setting = self._draw({**chosen, **(sizes or {})}, seed)
            if setting is not None:
                found.append(setting)
            if not names:
                break
        setting = found[0] if found else self._draw({}, seed)
        if setting is None:
            from graphc.language.diagnostics import Diagnostic

            message = "no data could be drawn on which the gradients of the program are finite"
            raise GraphcError([Diagnostic("E0505", "error", message)])
        return found or [setting]

    def dimensions(self) -> list[str]:
        """The names of the sizes, in the order in which the arguments show them."""
        from graphc.ir.dims import shown

        shapes = (self.graph[a.node].type.shape for a in self.graph.arguments)
        return list(
            dict.fromkeys(shown(n) for s in shapes if not isinstance(s, Unknown) for d in s for n in d.names())
        )

    def _draw(self, sizes: Mapping[str, int], seed: int) -> Setting | None:
        from graphc.verify.sampling import samples

        for attempt, sample in enumerate(samples(self.graph, seed, sizes)):
            setting = self.setting(sample, seed)
            if setting.finite():
                return setting
            if attempt >= ATTEMPTS:
                break
        return None

    def setting(self, arguments: Mapping[str, Any], seed: int = 0) -> Setting:
        """The program on given arguments; the cotangents of outputs that are no scalar loss are drawn."""
        floats = {a.name for a in self.graph.arguments if self.graph[a.node].type.is_float}
        ready = {
            name: np.asarray(value, dtype=np.float64) if name in floats else np.asarray(value)
            for name, value in arguments.items()
        }
        return Setting(self, ready, seed)


def _numbers(graph: Graph) -> list[float]:
    """The numbers of the program that a person may forget."""
    found = (float(n.attr("value")) for n in graph if n.op == "const" and type(n.attr("value")) in (int, float))
    return [c for c in dict.fromkeys(map(abs, found)) if c not in (0.0, 1.0, 2.0, 0.5) and 1e-9 < c < 1e9]


def _without(one: str, text: str) -> str:
    """A product without the cotangent of the loss, which is 1."""
    text = re.sub(rf"(?<=\S) {one}\b(?! /)|\b{one} (?=[\w(])", "", text)
    return re.sub(r"\((\d[\d.]*)\)", r"\1", re.sub(rf"\b{one}\b", "1", text))


def words_of(graph: Graph) -> dict[int, str]:
    """The names that definitions give to values: `P` of a softmax. One that stands for two values says nothing."""
    seen = Counter(node.hint for node in graph if node.hint)
    taken = {node.name for node in graph if node.name}
    return {
        node.id: node.hint
        for node in graph
        if node.hint and seen[node.hint] == 1 and node.hint not in taken and graph.op(node).cost != "free"
    }


def _with_one(graph: Graph) -> Graph:
    """The graph of a scalar loss with 1 for its cotangent."""
    from graphc.passes.rebuild import rebuild, same

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        return builder.const(1.0) if node.op == "seed" else same(builder, node, operands)

    rebuilt = rebuild(graph, make, share=False)
    nodes = {id: replace(node, name=None) if node.op == "const" else node for id, node in rebuilt.nodes.items()}
    return rebuilt.replace(nodes=nodes)


def _between(graph: Graph, joint: Graph) -> Iterator[str]:
    """The named values that a gradient flows through: between the arguments and the loss or the outputs."""
    from graphc.passes.dce import needed

    roots = [joint.values[joint.loss]] if joint.loss else [joint.outputs[name] for name in joint.cotangents]
    reached = needed(joint, roots)
    arguments = {a.name for a in graph.arguments}
    floating = {a.node for a in joint.arguments if joint[a.node].type.is_float}
    moved = set(floating)
    for node in joint:
        if node.type.is_float and any(u in moved for u in node.operands):
            moved.add(node.id)
    for name, id in joint.values.items():
        if id in reached and id in moved and id not in roots and (name in arguments or joint[id].op != "argument"):
            yield name


@dataclass
class State:
    """The values of all operations, some of which were changed; None where they could not be computed."""

    values: dict[int, Any]
    changes: dict[int, Make] = field(default_factory=dict)


class Setting:
    """A program on one set of arguments."""

    def __init__(self, reference: Reference, arguments: Mapping[str, Any], seed: int) -> None:
        self.reference = reference
        self.arguments = dict(arguments)
        self.sizes = bind_sizes(reference.graph, arguments)
        self.cotangents: dict[str, Any] = {}
        self._later: dict[int, list[int]] = {}
        self._rng = np.random.default_rng(seed + 77)
        self.right = State(self._all())

    def data(self) -> dict[str, Any]:
        """What the functions of a submission may ask for: arguments, and cotangents of outputs that are not scalar."""
        seeds = {} if self.reference.loss else {f"d{name}": value for name, value in self.cotangents.items()}
        return {**self._idle(), **self.arguments, **seeds}

    def _idle(self) -> dict[str, Any]:
        """Zeros for the cotangents of outputs of integers and booleans: a function may take one for every output."""
        if self.reference.loss:
            return {}
        outputs = self.reference.graph.outputs
        shapes = {name: np.shape(self.right.values[id]) for name, id in outputs.items() if name not in self.cotangents}
        return {f"d{name}": np.zeros(shape) for name, shape in shapes.items()}

    def shown_sizes(self) -> dict[str, int]:
        """The sizes by the names that a user knows."""
        from graphc.ir.dims import shown

        return {shown(name): size for name, size in self.sizes.items()}

    def finite(self) -> bool:
        values = [self.right.values[id] for id in self.reference.gradients.values()]
        return all(v is not None and np.isfinite(v).all() for v in values)

    def gradient(self, name: str, state: State | None = None) -> Any:
        """The gradient with respect to a value."""
        return (state or self.right).values[self.reference.gradients[name]]

    def changed(self, state: State, changes: Mapping[int, Make]) -> State:
        """The values with some operations changed, on top of what was changed before."""
        graph = self.reference.graph
        values = dict(state.values)
        every = {**state.changes, **changes}
        affected = sorted({d for id in changes for d in self.after(id)})
        with np.errstate(all="ignore"):
            fresh = set(changes)
            for id in affected:
                node = graph[id]
                if id in changes or (id in every and any(u in fresh for u in node.operands)):
                    values[id] = self._made(every[id], values)
                elif any(u in fresh for u in node.operands):
                    values[id] = self._value(node, values)
                else:
                    continue
                fresh.add(id)
        return State(values, every)

    def _all(self) -> dict[int, Any]:
        values: dict[int, Any] = {}
        with np.errstate(all="ignore"):
            for node in self.reference.graph:
                values[node.id] = self._value(node, values)
        return values

    def _value(self, node: Node, values: Mapping[int, Any]) -> Any:
        if node.op == "argument":
            return self.arguments[node.attr("name")]
        if node.op == "size":
            return node.attr("dim").evaluate(self.sizes)
        if node.op == "seed":
            return self._seed(node, values)
        operands = [values[u] for u in node.operands]
        if any(v is None for v in operands):
            return None
        return self.evaluate(node, operands)

    def evaluate(self, node: Node, operands: Sequence[Any]) -> Any:
        """An operation on other values than its own; None where it cannot be computed on them."""
        try:
            return evaluate(self.reference.graph, node, operands, self.sizes)
        except (ValueError, IndexError, TypeError, ArithmeticError, AssertionError, np.linalg.LinAlgError):
            return None

    def _made(self, make: Make, values: Mapping[int, Any]) -> Any:
        try:
            return make(values)
        except (ValueError, IndexError, TypeError, ArithmeticError, AssertionError, np.linalg.LinAlgError):
            return None

    def _seed(self, node: Node, values: Mapping[int, Any]) -> Any:
        """1 for the scalar loss; drawn for outputs, in the shape of their values."""
        if self.reference.loss:
            return np.ones(())
        name = node.attr("name")
        graph = self.reference.graph
        value = values[graph.values[name] if name in graph.values else graph.outputs[name]]
        self.cotangents[name] = self._rng.standard_normal(np.shape(value))
        return self.cotangents[name]

    def after(self, id: int) -> list[int]:
        """An operation and all that depend on it."""
        known = self._later.get(id)
        if known is None:
            seen = {id}
            stack = [id]
            while stack:
                for d in self.reference.consumers.get(stack.pop(), ()):
                    if d not in seen:
                        seen.add(d)
                        stack.append(d)
            known = self._later[id] = sorted(seen)
        return known
