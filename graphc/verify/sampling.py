"""Sizes and arguments to check a program on: small, with a size 1 among them, in the domain where it is defined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from graphc.ir.dims import Dim, shown
from graphc.ir.graph import Argument, Graph
from graphc.ir.types import Unknown

__all__ = ["Sample", "domains_of", "draw", "samples"]

Sample = dict[str, Any]
DOMAINS = ("normal", "positive", "probability", "above_one", "spd")


def samples(graph: Graph, seed: int, sizes: Mapping[str, int] | None = None) -> Iterator[Sample]:
    """Arguments for the program, one configuration of sizes after another, without end.

    The first has small distinct sizes, the second ones among them, later ones vary. Configurations in which a size of
    an argument would be negative or an index would not fit are left out.
    """
    names = sorted(
        {
            n
            for a in graph.arguments
            if not isinstance(graph[a.node].type.shape, Unknown)
            for d in graph[a.node].type.dims
            for n in d.names()
        }
    )
    for attempt in range(10**6):
        chosen = _sizes(names, attempt, sizes or {})
        if _fits(graph, chosen):
            yield draw(graph, chosen, seed + attempt, attempt)
        elif (attempt > 60 and sizes) or attempt > 400:
            return


def _sizes(names: list[str], attempt: int, given: Mapping[str, int]) -> dict[str, int]:
    """Small sizes; from configuration to configuration they change, and grow if nothing fits for long."""
    chosen = {}
    grow = attempt // 6 * 2
    for k, name in enumerate(names):
        if attempt % 3 == 1:
            size = 1 if k % 2 == attempt // 3 % 2 else 2 + k % 3
        else:
            size = 2 + (k * (1 + attempt // 3) + attempt) % 4
        chosen[name] = given.get(shown(name), size + (grow if size != 1 else 0))
    return chosen


def _fits(graph: Graph, sizes: Mapping[str, int]) -> bool:
    for argument in graph.arguments:
        shape = graph[argument.node].type.shape
        if not isinstance(shape, Unknown) and any(d.evaluate(sizes) < 0 for d in shape):
            return False
    for size, minimum, _ in graph.minimums:
        least = minimum.evaluate(sizes) if isinstance(minimum, Dim) else minimum
        if size.evaluate(sizes) < least:
            return False
    for node in graph:
        if not isinstance(node.type.shape, Unknown):
            for d in node.type.shape:
                try:
                    if d.value is None and d.evaluate(sizes) < (1 if d.symbol is None else 0):
                        return False
                except (KeyError, ZeroDivisionError):
                    return False
    return True


def domains_of(graph: Graph) -> dict[str, str]:
    """Per argument the domain that the operations directly on it ask for, `normal` if none does."""
    found: dict[str, str] = {}
    arguments = {a.node: a.name for a in graph.arguments}
    for node in graph:
        op = graph.op(node)
        if op.domain:
            for name, operand in zip(op.operands, node.operands, strict=False):
                if operand in arguments and name in op.domain:
                    found.setdefault(arguments[operand], op.domain[name])
    return found


def draw(graph: Graph, sizes: Mapping[str, int], seed: int, attempt: int) -> Sample:
    """Random arguments for given sizes; `attempt` also varies the ranks of arguments whose rank is open."""
    rng = np.random.default_rng(seed)
    wanted = domains_of(graph)
    limits: dict[str, Dim] = {}
    for name, size, _ in graph.limits:
        limits.setdefault(name, size)
        if size.evaluate(sizes) < limits[name].evaluate(sizes):
            limits[name] = size
    fallback = DOMAINS[attempt // 4 % len(DOMAINS)] if attempt >= 4 else "normal"
    open_shape = [(2, 3), (1, 3), (), (3,)][attempt % 4]
    result: Sample = {}
    for k, argument in enumerate(graph.arguments):
        shape = _shape(graph, argument, sizes, attempt + k, open_shape)
        dtype = graph[argument.node].type.dtype
        if dtype == "int":
            top = limits[argument.name].evaluate(sizes) if argument.name in limits else 3
            result[argument.name] = rng.integers(0, max(top, 1), shape)
        elif dtype == "bool":
            result[argument.name] = rng.random(shape) < 0.5
        else:
            result[argument.name] = values(rng, shape, wanted.get(argument.name, fallback))
    return result


def _shape(
    graph: Graph, argument: Argument, sizes: Mapping[str, int], variant: int, open_shape: tuple[int, ...]
) -> tuple[int, ...]:
    shape = graph[argument.node].type.shape
    if not isinstance(shape, Unknown):
        exact = [d.evaluate(sizes) for d in shape]
        return tuple(exact)
    for inner, outer in graph.bounds:
        if inner == shape:
            whole = tuple(d.evaluate(sizes) for d in outer)
            last = whole[-1:]
            choices = [
                last,
                (1, *last) if len(whole) > 1 else last,
                (1,),
                (),
                (*whole[:1], 1) if len(whole) == 2 else last,
                whole,
            ]
            return choices[variant % len(choices)]
    return open_shape


def values(rng: np.random.Generator, shape: tuple[int, ...], domain: str) -> Any:
    """Random numbers of a domain."""
    x = rng.standard_normal(shape)
    if domain == "positive":
        return np.abs(x) + 0.4
    if domain == "probability":
        return rng.uniform(0.1, 0.9, shape)
    if domain == "unit":
        return rng.uniform(-0.85, 0.85, shape)
    if domain == "above_one":
        return np.abs(x) + 1.3
    if domain == "nonzero":
        return np.where(x < 0, x - 0.4, x + 0.4)
    if domain == "simplex":
        y = np.abs(x) + 0.3
        return y / y.sum(axis=-1, keepdims=True) if y.ndim else np.ones(())
    if domain in ("spd", "invertible") and x.ndim >= 2 and x.shape[-1] == x.shape[-2]:
        eye = np.eye(x.shape[-1])
        return x @ np.swapaxes(x, -1, -2) + eye if domain == "spd" else x + 3 * eye
    if domain == "spd":
        return np.abs(x) + 0.4
    return x
