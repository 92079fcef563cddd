"""Simplification while the graph is made anew, node by node, with shared subexpressions.

    dS = (P - one_hot(y)) * broadcast(dL)      becomes      dS = subtract_one_hot(P, y) * dL

Three kinds, each taken only where the type stays: constants are folded; broadcasts that the operation makes anyway
are dropped; the rewrites of `rewrites.g` are applied. Node by node from the operands up, so one pass is enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.ir.dims import dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import ShapeError, Type, Unknown
from graphc.language.evaluate import Evaluator
from graphc.language.scope import Environment, Scope
from graphc.language.values import Fault, Tensor
from graphc.passes.patterns import match, rewrites
from graphc.passes.rebuild import rebuild, same

__all__ = ["simplify"]

LEAVES = {"argument", "seed", "const", "size"}


class _Simplifier(Evaluator):
    """Adds nodes in their simplest form."""

    def add(self, op: str, operands: Sequence[int] = (), attrs: Mapping[str, Any] | None = None) -> int:
        found = self.simpler(op, list(operands), dict(attrs or {}), None)
        return found if found is not None else super().add(op, operands, attrs)

    def simpler(self, op: str, operands: list[int], attrs: dict[str, Any], type: Type | None) -> int | None:
        """A simpler node for this one, or None. `type` is the type it must have; None: what the operation infers."""
        if op in LEAVES:
            return None
        try:
            if type is None:
                type = self.builder.op(op).infer(self.builder.solver, [self.type(u) for u in operands], attrs)
            found = self._folded(op, operands, attrs, type)
            if found is None:
                found = self._broadcast_dropped(op, operands, attrs, type)
            if found is None:
                found = self._scalars_gathered(op, operands, type)
            if found is None:
                found = self._rewritten(op, operands, attrs, type)
        except (ShapeError, Fault):
            return None
        return found if found is not None and self.type(found) == type else None

    # ------------------------------------------------------------ constants

    def _folded(self, op: str, operands: list[int], attrs: dict[str, Any], type: Type) -> int | None:
        """An operation on numbers is a number, if it is one that Python writes."""
        nodes = [self.builder[u] for u in operands]
        if not nodes or type.shape != () or type.dtype == "bool":
            return None
        if any(n.op != "const" or isinstance(n.attr("value"), tuple) for n in nodes):
            return None
        operation = self.builder.op(op)
        if not operation.elementwise or operation.evaluate is None:
            return None
        with np.errstate(all="ignore"):
            value = operation.evaluate(*(n.attr("value") for n in nodes), **attrs)
        number = int(value) if type.dtype == "int" else float(value)
        return self.builder.const(number, type.dtype) if math.isfinite(number) else None

    # ------------------------------------------------------------ broadcasts

    def _broadcast_dropped(self, op: str, operands: list[int], attrs: dict[str, Any], type: Type) -> int | None:
        operation = self.builder.op(op)
        if operation.elementwise:
            for k, u in enumerate(operands):
                node = self.builder[u]
                if node.op != "broadcast_to" or len(operands) < 2:
                    continue
                trial = [*operands[:k], node.operands[0], *operands[k + 1 :]]
                infer = operation.infer(self.builder.solver, [self.type(t) for t in trial], attrs)
                if infer == type and _covers(self.type, trial, k, type):
                    inner = self.builder[node.operands[0]]
                    if node.name and not inner.name and inner.op not in LEAVES:  # the number stands for the array
                        self.builder.hint(inner.id, node.name)
                    return self.add(op, trial, attrs)
        if operation.elementwise and not isinstance(type.shape, Unknown) and type.shape:
            sources = [self._repeated(u) for u in operands]
            if all(u is not None for u in sources) and any(u != v for u, v in zip(sources, operands, strict=True)):
                scalar = self.add(op, [u for u in sources if u is not None], attrs)
                return self.add("broadcast_to", [scalar], {"shape": type.shape, "like": None})
        if op == "broadcast_to" and len(operands) == 1:
            inner = self.builder[operands[0]]
            if inner.type == type:
                return operands[0]
            if inner.op == "broadcast_to" and len(inner.operands) == 1:
                return self.add("broadcast_to", [inner.operands[0]], attrs)
        if op in ("expand_dims", "squeeze", "reshape", "transpose", "mT") and not isinstance(type.shape, Unknown):
            inner = self.builder[operands[0]]
            if inner.op == "broadcast_to" and self.type(inner.operands[0]).shape == () and len(inner.operands) == 1:
                return self.add("broadcast_to", [inner.operands[0]], {"shape": type.shape, "like": None})
        if op == "sum":
            inner = self.builder[operands[0]]
            if inner.op == "broadcast_to" and self.type(inner.operands[0]).shape == () and not isinstance(inner.type.shape, Unknown):
                axes = attrs.get("axis")
                count = dim(1)
                for k, size in enumerate(inner.type.dims):
                    if axes is None or k in axes:
                        count = count * size
                total = self.add("multiply", [inner.operands[0], self.tensor(count)])
                assert not isinstance(type.shape, Unknown)
                return total if type.shape == () else self.add("broadcast_to", [total], {"shape": type.shape, "like": None})
        return None

    def _repeated(self, id: int) -> int | None:
        """The scalar that a value is, or repeats."""
        node = self.builder[id]
        if node.type.shape == ():
            return id
        if node.op == "broadcast_to" and len(node.operands) == 1 and self.type(node.operands[0]).shape == ():
            return node.operands[0]
        return None

    # ------------------------------------------------------------ numbers

    def _scalars_gathered(self, op: str, operands: list[int], type: Type) -> int | None:
        """`(A * s) / t` is one pass over A less as `A * (s / t)`, for scalars s and t."""
        if op not in ("multiply", "divide") or not type.rank:
            return None
        left, right = operands
        if op == "multiply" and self.type(left).shape == () and self.type(right).shape != ():
            left, right = right, left
        if self.type(right).shape != () or not self._is_factor(right):
            return None
        inner = self.builder[left]
        if inner.op not in ("multiply", "divide") or inner.name:
            return None
        if op == "divide" and self._is_plain(right) and self.builder[right].op != "const":
            s = inner.operands[1] if self.type(inner.operands[1]).shape == () else inner.operands[0]
            if self._is_plain(s):  # 2 / N is an error of Python's where N is 0, x * 2 / N is not
                return None
        a, s = inner.operands
        if inner.op == "multiply" and self.type(a).shape == ():
            a, s = s, a
        if self.type(s).shape != () or self.type(a).shape == () or not self._is_factor(s):
            return None
        if inner.op == "divide":
            if op == "divide":
                return self.add("divide", [a, self.add("multiply", [s, right])])
            return self.add("multiply", [a, self.add("divide", [right, s])])
        return self.add("multiply", [a, self.add(op, [s, right])])

    def _is_factor(self, id: int) -> bool:
        """Whether arithmetic on a scalar keeps the program's floating type: NumPy's integers and booleans do not."""
        return self.type(id).is_float or self._is_plain(id)

    # ------------------------------------------------------------ rewrites

    def _rewritten(self, op: str, operands: list[int], attrs: dict[str, Any], type: Type) -> int | None:
        for rewrite in rewrites().get(op, ()):
            bindings = match(self.builder, rewrite.pattern, op, operands, attrs)
            if bindings is None:
                continue
            scope = Scope(Environment())
            for name, (kind, value) in bindings.items():
                scope.values[name] = Tensor(value) if kind == "node" else value
            before = len(self.builder.nodes)
            found = self.tensor(self.evaluate(rewrite.replacement, scope))
            if self.type(found) == type:
                return found
            assert len(self.builder.nodes) >= before
        return None


def _covers(type_of: Any, trial: list[int], k: int, type: Type) -> bool:
    """Whether another operand has the full shape by itself, so that nothing hangs on run-time sizes."""
    return any(type_of(u).shape == type.shape for j, u in enumerate(trial) if j != k)


def simplify(graph: Graph) -> Graph:
    """The graph with shared subexpressions and local rewrites."""

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        simplifier = _Simplifier(builder)
        found = simplifier.simpler(node.op, operands, dict(node.attrs), node.type)
        return found if found is not None else same(builder, node, operands)

    return rebuild(graph, make, share=True)
