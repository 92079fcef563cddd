"""Operations as they stand in graphs, with the values they meet: what rules are checked on.

They are gathered from the cases of all public operations, from their programs, gradients and second derivatives, so
operations that only rules and normal forms use are among them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import graphc
from graphc.ir.dims import dim
from graphc.ir.graph import Graph
from graphc.ir.interpret import interpret
from graphc.ir.types import Type, Unknown
from graphc.ops.base import Op
from graphc.ops.cuts import ARRAY
from graphc.ops.table import lookup, names
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.expand import expand_tracking
from graphc.verify.rules import rule_graph
from numerical import directional_derivative
from ops.cases import cases
from ops.running import quietly
from ops.test_second_order import DIFFERENTIABLE, choose, program
from ops.values import spread
from rules.kinks import KINKS

__all__ = ["Instance", "gradients_at", "instances", "wrong"]

EACH = 24  # instances of an operation, not counting kinks
TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Instance:
    """One operation on arrays. At a kink (`exact`) gradients are compared entry by entry with those of the right rule.

    Else `numerical` holds derivatives along random directions of the result weighted by a random cotangent.
    """

    op: str
    values: tuple[Any, ...]
    types: tuple[Type, ...]
    attrs: Mapping[str, Any]
    cotangent: Any = None
    exact: Mapping[int, Any] = field(default_factory=dict)
    directions: Mapping[int, Any] = field(default_factory=dict)
    numerical: Mapping[int, float] = field(default_factory=dict)
    scales: Mapping[int, float] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = ", ".join(f"{k}={v}" for k, v in self.attrs.items())
        return f"{self.op}({', '.join(str(t) for t in self.types)}{', ' + shown if shown else ''})"


def gradients_at(op: Op, instance: Instance) -> dict[int, Any]:
    """The gradients that the operation's rule gives there, zeros where it gives none."""
    _, reverse, found = rule_graph(op, instance.types, dict(instance.attrs), {op.name: op})
    sample = {f"x{k}": value for k, value in enumerate(instance.values)}
    with quietly():
        values = interpret(reverse, sample, {"y": instance.cotangent})
    result = {}
    for k, type in enumerate(instance.types):
        if type.is_float:
            zeros = np.zeros(np.shape(instance.values[k]))
            result[k] = np.asarray(values[reverse.gradients[f"x{k}"]]) if f"x{k}" in found else zeros
    return result


def wrong(op: Op, instance: Instance) -> str | None:
    """What is wrong with the gradients of the operation's rule there, if anything is."""
    with quietly():
        return _difference(gradients_at(op, instance), instance)


def _difference(gradients: Mapping[int, Any], instance: Instance) -> str | None:
    for k, want in instance.exact.items():
        have = gradients[k]
        if have.shape != want.shape or not np.array_equal(have, want, equal_nan=True):
            return f"the gradient of operand {k} is {have.ravel()[:4]}, not {want.ravel()[:4]}"
    for k, want in instance.numerical.items():
        have = gradients[k]
        if have.shape != np.shape(instance.values[k]):
            return f"the gradient of operand {k} has shape {have.shape}"
        err = abs(float(np.sum(have * instance.directions[k])) - want)
        if not err <= TOLERANCE * instance.scales[k]:
            return f"the gradient of operand {k} is off by {err:.1e}"
    return None


# ---------------------------------------------------------------- gathering

_RNG = np.random.default_rng(11)
_LABELS = np.array([2, 0, 1, 0])

_WINDOW = {"size": (dim(2), dim(2)), "stride": (2, 1), "dilation": (1, 1)}
_POOL = {**_WINDOW, "behind": 1}
_IMAGES = spread(_RNG, (2, 5, 4, 3))[0]
_POOLED = np.stack([_IMAGES[:, i : i + 3 : 2, j : j + 3] for i in (0, 1) for j in (0, 1)]).max(axis=0)

# What no program of the cases holds: operands that are never floating there, or shapes known at run time only.
EXTRA: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("balance_labels", (*spread(_RNG, (4, 3)), _LABELS), {}),
    ("clear_labels", (*spread(_RNG, (4, 3)), _LABELS), {}),
    ("subtract_at_labels", (*spread(_RNG, (4, 3)), _LABELS, np.array(0.7)), {}),
    ("ravel", tuple(spread(_RNG, (2, 3))), {}),
    ("number", tuple(spread(_RNG, ())), {}),
    ("reshape_like", (*spread(_RNG, (2, 3)), np.array([3, 2])), {"like": Unknown("@t")}),
    ("sum_to", tuple(spread(_RNG, (2, 4, 3))), {"shape": (dim(1), dim(3)), "like": None}),
    ("vdot", tuple(spread(_RNG, (4,), (4,))), {}),
    ("vecdot", tuple(spread(_RNG, (3, 4), (3, 4))), {}),
    ("vecdot", tuple(spread(_RNG, (2, 3, 4), (2, 3, 4))), {}),
    ("columns", tuple(spread(_RNG, (2, 5, 4, 3))), _WINDOW),
    ("columns", tuple(spread(_RNG, (2, 5, 2))), {"size": (dim(2),), "stride": (1,), "dilation": (2,)}),
    ("add_columns", tuple(spread(_RNG, (8, 18))), {**_WINDOW, "shape": tuple(map(dim, (2, 5, 4, 3)))}),
    ("product_as", tuple(spread(_RNG, (2, 3), (3, 4))), {"shape": tuple(map(dim, (2, 2, 2)))}),
    ("product_as", tuple(spread(_RNG, (2, 2, 3), (2, 3, 2))), {"shape": tuple(map(dim, (4, 2)))}),
    ("in_order", tuple(spread(_RNG, (2, 3))), {}),
    ("add_part", tuple(spread(_RNG, (4, 3), (3, 2))), {"pattern": ((1, None, None), (None, 2, None))}),
    ("add_part", (*spread(_RNG, (4, 3), (4,)), np.arange(4), _LABELS), {"pattern": (ARRAY, ARRAY), "minus": True}),
    ("max_windows", (_IMAGES,), _POOL),
    ("max_unpool", (_POOLED * 0.5, _IMAGES, _POOLED), _POOL),
    ("max_pick", (_IMAGES * 0.5, _IMAGES, _POOLED), _POOL),
    ("sum_windows", (_IMAGES,), _POOL),
    ("spread_windows", (_POOLED,), {**_POOL, "shape": tuple(map(dim, _IMAGES.shape))}),
]
# Their gradients are 0 by definition and not by calculus.
BY_DEFINITION = {"finite", "largest", "stop_gradient"}

_BORDER = ((0, 0), (0, 0), (1, 1), (0, 2))
_SEEN = np.array([[True, False, True], [True, True, False]])

# Where the value is not finite, so that its derivative cannot be measured: what the gradient is for a cotangent c.
INFINITE: list[tuple[str, tuple[Any, ...], dict[str, Any], Callable[[Any], Any]]] = [
    ("keep_scores", (*spread(_RNG, (2, 3)), _SEEN), {}, lambda c: c * _SEEN),
    ("lowest_border", tuple(spread(_RNG, (1, 2, 3, 4))), {"width": _BORDER}, lambda c: c[:, :, 1:-1, :-2]),
]


def _programs() -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Texts and arguments, and the operation they are about: kinks first, then cases, then second derivatives."""
    for text, arguments, _ in KINKS:
        yield text, arguments, "a kink"
    for name in names():
        whole = [c for c in cases(name) if c.smooth and all(np.size(v) for v in c.arguments.values())]
        for case in whole if len(whole) <= 30 else [whole[i * len(whole) // 30] for i in range(30)]:
            yield case.text(), case.arguments, name
    for name in DIFFERENTIABLE:
        for case in [c for c in choose(name) if all(np.size(v) for v in c.arguments.values())][:3]:
            with quietly():
                text, arguments, _ = program(case)
            yield text, arguments, name


def _types(op: str, arrays: tuple[Any, ...]) -> tuple[Type, ...]:
    kinds = {"f": "float", "i": "int", "b": "bool"}
    types = [Type(tuple(map(dim, x.shape)), kinds[x.dtype.kind]) for x in arrays]
    return tuple(types) if op != "reshape_like" else (types[0], Type((), "shape"))


Entry = tuple[tuple[Any, ...], tuple[Type, ...], dict[str, Any], bool]


@cache
def _gathered() -> dict[str, list[Entry]]:
    """Per operation what the programs hold of it: kinks first, then its own cases, then others, of all attributes."""
    found: dict[str, dict[str, tuple[tuple[int, int], Entry]]] = {}
    for op, arrays, attrs in EXTRA:
        types = _types(op, arrays)
        found.setdefault(op, {})[f"extra {types}"] = ((0, 0), (arrays, types, attrs, False))
    for text, arguments, about in _programs():
        try:
            with quietly():
                _gather(found, text, arguments, about)
        except Exception as error:
            raise AssertionError(f"{text}: {error}") from error
    return {name: [entry for _, entry in sorted(own.values(), key=lambda item: item[0])] for name, own in found.items()}


def _gather(found: dict[str, Any], text: str, arguments: Mapping[str, Any], about: str) -> None:
    graph = eliminate_dead_code(graphc.differentiate(graphc.parse(text)))
    expanded, moved = expand_tracking(graph)
    seeds = {n: _seed(graph, id) for n, id in graph.cotangents.items()}
    values = interpret(expanded, {k: np.asarray(v) for k, v in arguments.items()}, seeds)
    whole = [(graph, node, moved) for node in graph]
    inside = [(expanded, node, None) for node in expanded]  # what definitions are made of
    for of, node, map in [*whole, *inside]:
        types = tuple(of[u].type for u in node.operands)
        open = any(isinstance(t.shape, Unknown) or t.dtype == "shape" for t in types)
        if not types or open or not node.type.is_float:
            continue
        own = found.setdefault(node.op, {})
        program = f"{text} {arguments}" if about in ("a kink", node.op) else ""
        shown = f"{program} {types} {node.attrs}"
        if shown not in own:
            arrays = tuple(np.asarray(values[map[u] if map else u]) for u in node.operands)
            rank = {"a kink": 0, node.op: 1}.get(about, 2)
            alike = sum(1 for _, entry in own.values() if entry[2] == dict(node.attrs))
            own[shown] = ((rank, alike), (arrays, types, dict(node.attrs), about == "a kink"))


def _seed(graph: Graph, id: int) -> Any:
    shape = tuple(d.evaluate({}) for d in graph[id].type.dims)
    return np.random.default_rng(3).standard_normal(shape)


@cache
def instances(name: str) -> tuple[Instance, ...]:
    """Instances of an operation whose numerical derivative is reliable, and those at kinks."""
    op = lookup(name)
    made: list[Instance] = []
    for infinite, arrays, attributes, right in INFINITE:
        if infinite == name:
            types = _types(name, arrays)
            _, _, cotangent = _cotangent(op, arrays, types, attributes)
            made.append(Instance(name, arrays, types, attributes, cotangent, exact={0: right(cotangent)}))
    kinks = len(made)
    for values, types, attrs, kink in _gathered().get(name, []):
        if len(made) - kinks >= EACH and not kink:
            continue
        if kink or name in BY_DEFINITION:
            made.append(_at_kink(op, values, types, attrs))
            kinks += kink
        elif (instance := _measured(op, values, types, attrs)) is not None:
            made.append(instance)
    return tuple(made)


def _cotangent(
    op: Op, values: tuple[Any, ...], types: tuple[Type, ...], attrs: Mapping[str, Any]
) -> tuple[Any, Any, Any]:
    forward, _, _ = rule_graph(op, types, dict(attrs), {})
    sample = {f"x{k}": value for k, value in enumerate(values)}
    rng = np.random.default_rng(zlib.crc32(f"{op.name}{types}{attrs}".encode()))
    with quietly():
        y = np.asarray(interpret(forward, sample)[forward.outputs["y"]], float)
    return forward, rng, rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)


def _at_kink(op: Op, values: tuple[Any, ...], types: tuple[Type, ...], attrs: Mapping[str, Any]) -> Instance:
    _, _, cotangent = _cotangent(op, values, types, attrs)
    instance = Instance(op.name, values, types, attrs, cotangent)
    return Instance(op.name, values, types, attrs, cotangent, exact=gradients_at(op, instance))


def _measured(op: Op, values: tuple[Any, ...], types: tuple[Type, ...], attrs: Mapping[str, Any]) -> Instance | None:
    forward, rng, cotangent = _cotangent(op, values, types, attrs)
    sample = {f"x{k}": value for k, value in enumerate(values)}
    directions, numerical, scales = {}, {}, {}
    for k, type in enumerate(types):
        x = values[k]
        if not type.is_float or not x.size or not np.isfinite(x).all():
            continue
        v = rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)

        def weighted(moved: Any, k: int = k) -> float:
            y = interpret(forward, {**sample, f"x{k}": moved})[forward.outputs["y"]]
            return float(np.sum(cotangent * y))

        with quietly(), np.errstate(all="ignore"):
            for step in (1e-3, 2e-5):
                slope, doubt = directional_derivative(weighted, x, v, step)
                scale = max(abs(slope), 1e-2)
                if np.isfinite(slope) and doubt <= TOLERANCE * scale / 3:
                    directions[k], numerical[k], scales[k] = v, slope, scale
                    break
    return Instance(op.name, values, types, attrs, cotangent, {}, directions, numerical, scales) if numerical else None
