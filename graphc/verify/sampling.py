"""Sizes and arguments to check a program on: small, with a size 1 among them, in the domain where it is defined."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from graphc.ir.dims import Atom, Dim, shown
from graphc.ir.graph import Argument, Graph
from graphc.ir.types import Shape, Unknown

__all__ = ["Sample", "Sampler", "draw_values", "samples"]

Sample = dict[str, Any]
DOMAINS = ("normal", "positive", "probability", "above_one", "negative", "large", "tiny", "spd", "huge")
MOST_ENTRIES = 10**7
"""Of one array of a sample, and of what the program makes of it."""
MOST_IN_ALL = 5 * 10**7
LARGEST_FACTOR = 360
"""Sizes are drawn as multiples of what the program divides them by, up to this."""
LONG, LARGE = 300, 3000
"""Of a long graph, with more nodes, gradients vanish or explode at many points, of a large one at most."""
TRIES = 4
"""So many samples come from the domain that the operations ask for before others are tried."""
EVEN = {"matmul": "near_identity", "multiply": "factor", "divide": "factor", "convolve": "near_delta"}
"""The domains of an operation's arguments that keep the size of what is computed with them."""
EVEN_BEFORE = {
    "sigmoid": ("near_difference", "near_difference"),
    "softmax": ("near_multiple", "faint"),
}
"""What keeps it instead where one of these is applied to the product: of its matrices, and of an input among them."""
CARRYING = {"add", "subtract", "slice", "reshape", "transpose", "expand_dims", "squeeze", "split"}
"""What may stand between the product and that."""
SPREAD, STEPS = 0.1, 900
"""How far matrices are from the identity and factors from 1 where values are to keep their size: so far in a program of
so many nodes, and less in a longer one. What n factors e^(±s) multiply to is about e^(s√n)."""
OPEN = [(2, 3), (1, 3), (), (3,)]
"""The shapes of arguments whose rank is open,"""
DEEP = [(2, 3, 2), (3, 1, 2, 2), (2, 2, 3, 1, 2), (2, 1, 2, 2, 1, 2)]
"""and those that come next if a program has refused all of these, as `sum(x, axis=2)` does."""
PATIENCE = 400
"""So many configurations of sizes are tried in a row before none is thought to fit."""


def samples(graph: Graph, seed: int, sizes: Mapping[str, int] | None = None) -> Iterator[Sample]:
    """Arguments for the program, one configuration of sizes after another."""
    return iter(Sampler(graph, seed, sizes))


class Sampler:
    """Draws arguments for a program, one configuration of sizes after another.

    The first has small distinct sizes, the second ones among them, later ones vary. Configurations in which a size
    would be negative, an index would not fit or an array would be huge are left out. Whoever uses a sample says
    `keep()` if it lay in the program's domain; else the next ones come from other domains.
    """

    def __init__(self, graph: Graph, seed: int, sizes: Mapping[str, int] | None = None) -> None:
        self.graph, self.seed, self.given = graph, seed, sizes or {}
        counts: dict[int, list[Any]] = {}  # most nodes share their type with others
        for node in graph:
            type = node.type
            count = counts.get(id(type))
            if count is None:
                counts[id(type)] = [type, 1]
            else:
                count[1] += 1
        shapes: dict[Shape, int] = {}
        for type, number in counts.values():
            shapes[type.shape] = shapes.get(type.shape, 0) + number
        self.shapes: dict[tuple[Dim, ...], int] = {s: n for s, n in shapes.items() if not isinstance(s, Unknown)}
        self.dims = {d for shape in self.shapes for d in shape if d.value is None}
        self.names = sorted({n for shape in _ranked(graph) for d in shape for n in d.names()})
        self.partner = self._partner()
        self.least = self._least()
        self.factors = self._factors()
        self.within: dict[Any, tuple[Dim, ...]] = {}
        for inner, outer in graph.bounds:
            self.within.setdefault(inner, outer)
        self.wanted = _wanted(graph)
        self.even = _even(graph)
        self.even_before = {**self.even, **_even_before(graph)}
        self.tries, self.even_tries = (TRIES, 0) if len(graph) <= LONG else (1 if len(graph) <= LARGE else 0, TRIES)
        self.spread = SPREAD * min(1.0, math.sqrt(STEPS / max(len(graph), 1)))
        self.kept: dict[str, str] | None = None
        self.domains: dict[str, str] = {}
        self.missed = self.refused = 0
        self.open_shapes = OPEN
        self.reason = "no sizes were found that fit the program"

    def keep(self) -> None:
        """The last sample lay in the program's domain: stay there."""
        self.kept = self.domains

    def refuse(self) -> None:
        """The program refused the last sample: if it takes none, it may ask for more axes."""
        self.refused += 1
        if self.kept is None and self.refused == len(OPEN):
            self.open_shapes = [*DEEP, *OPEN]

    def __iter__(self) -> Iterator[Sample]:
        drawn = 0
        for attempt in range(10**6):
            chosen = self._sizes(attempt)
            if self.fits(chosen):
                drawn = attempt
                yield self._draw(chosen, attempt)
            elif attempt - drawn > PATIENCE or (not self.names and not self.shapes):
                return

    # ------------------------------------------------------------ sizes

    def _least(self) -> dict[str, int]:
        """The least sizes that the program's indices ask for, where one name alone decides."""
        least: dict[str, int] = {}
        for size, minimum, _ in self.graph.minimums:
            number = minimum.value if isinstance(minimum, Dim) else minimum
            if size.symbol and number is not None and number <= MOST_ENTRIES:
                least[size.symbol] = max(least.get(size.symbol, 0), number)
        return least

    def _partner(self) -> dict[str, str]:
        """The names of sizes that broadcast with that of an earlier name: they are equal, or one of them is 1."""
        partner: dict[str, str] = {}
        for pair in self.graph.agreeing:
            first, *others = dict.fromkeys(name for size in pair for name in size.names())
            for name in others:
                partner.setdefault(name, partner.get(first, first))
        return partner

    def _factors(self) -> dict[str, int]:
        """What each size is divided by in the program: `N//4` asks for multiples of 4."""
        factors: dict[str, int] = {}
        stack = [symbol for d in self.dims for m, _ in d.terms for symbol, _ in m if isinstance(symbol, Atom)]
        while stack:
            atom = stack.pop()
            stack += [s for arg in atom.args for m, _ in arg.terms for s, _ in m if isinstance(s, Atom)]
            divisor = atom.args[1].value
            if atom.kind in ("floordiv", "mod") and divisor and divisor > 0:
                for name in atom.args[0].names():
                    multiple = math.lcm(factors.get(name, 1), divisor)
                    factors[name] = multiple if multiple <= LARGEST_FACTOR else factors.get(name, 1)
        return factors

    def _sizes(self, attempt: int) -> dict[str, int]:
        """Small sizes; from configuration to configuration they change, and grow if nothing fits for long."""
        chosen = {}
        grow = attempt // 6 * 2 + (attempt // 24) ** 2
        for k, name in enumerate(self.names):
            if attempt % 2 == 1:  # every name is 1 in one of the first four
                size = 1 if k % 2 == attempt // 2 % 2 else 2 + k % 3
            else:
                size = 2 + (k * (1 + attempt // 3) + attempt) % 4
            size += grow if size != 1 else 0
            if attempt % 10 == 9:
                size = 4 + grow  # all alike: one may divide another
            if attempt % 2 == 0:
                size *= self.factors.get(name, 1)
            least = self.least.get(name, 0)
            chosen[name] = self.given.get(shown(name), size if size >= least else least + size - 1)
        for name, first in self.partner.items():
            if chosen.get(name, 1) != 1 and chosen.get(first, 1) != 1 and shown(name) not in self.given:
                chosen[name] = chosen[first]
        return chosen

    def fits(self, sizes: Mapping[str, int]) -> bool:
        """Whether the program has a meaning with these sizes, and bearable arrays."""
        try:
            return self._possible(sizes) and self._bearable(sizes)
        except (KeyError, ZeroDivisionError):
            return False

    def _possible(self, sizes: Mapping[str, int]) -> bool:
        if any(d.evaluate(sizes) < (1 if d.symbol is None else 0) for d in self.dims):
            return False
        for size, minimum, _ in self.graph.minimums:
            if size.evaluate(sizes) < (minimum.evaluate(sizes) if isinstance(minimum, Dim) else minimum):
                return False
        pairs = ((a.evaluate(sizes), b.evaluate(sizes)) for a, b in self.graph.agreeing)
        return all(a == b or 1 in (a, b) for a, b in pairs)

    def _bearable(self, sizes: Mapping[str, int]) -> bool:
        total = 0
        for shape, count in self.shapes.items():
            entries = math.prod(d.evaluate(sizes) for d in shape)
            total += entries * count
            if entries > MOST_ENTRIES or total > MOST_IN_ALL:
                self.reason = "its arrays are too large to be sampled"
                return False
        return True

    # ------------------------------------------------------------ values

    def at(self, sizes: Mapping[str, int]) -> Sample | None:
        """A sample of these sizes, however large, each argument of open rank being a row; None if they do not fit."""
        try:
            return self._draw(sizes, 0, plain=True) if self._possible(sizes) else None
        except (KeyError, ZeroDivisionError):
            return None

    def _domains(self, attempt: int, rng: np.random.Generator) -> dict[str, str]:
        """The domain of each argument: what its operations ask for, then all of one kind, then any mixture."""
        names = [a.name for a in self.graph.arguments]
        if self.kept is not None:
            return self.kept
        self.missed += 1
        turn = self.missed - self.tries
        if turn <= 0:
            return {name: self.wanted.get(name, "normal") for name in names}
        if turn <= self.even_tries:
            faint = dict.fromkeys(self.even, "faint")  # `x + tanh(x @ W)` keeps it by itself
            last = faint if self.even_before == self.even else self.even
            even = (self.even_before, faint, self.even_before, last)[turn - 1]
            return {name: self.wanted.get(name) or even.get(name, "small") for name in names}
        turn -= self.even_tries
        if turn <= len(DOMAINS):
            return {name: self.wanted.get(name, DOMAINS[turn - 1]) for name in names}
        return {name: DOMAINS[rng.integers(len(DOMAINS))] for name in names}

    def _draw(self, sizes: Mapping[str, int], attempt: int, plain: bool = False) -> Sample:
        """Random arguments for given sizes; `attempt` also varies the ranks of arguments whose rank is open, unless all
        of them are to be `plain`."""
        rng = np.random.default_rng(self.seed + attempt)
        self.domains = self._domains(attempt, rng)
        limits = self._limits(sizes)
        open_shape = self.open_shapes[attempt % len(self.open_shapes)]
        result: Sample = {}
        known: dict[Shape, tuple[int, ...]] = {}  # of many arguments most have the same few shapes
        for k, argument in enumerate(self.graph.arguments):
            shape, dtype = known.get(self.graph[argument.node].type.shape), self.graph[argument.node].type.dtype
            if shape is None:
                shape = self._shape(argument, sizes, 0 if plain else attempt + k, open_shape)
                if not isinstance(self.graph[argument.node].type.shape, Unknown):
                    known[self.graph[argument.node].type.shape] = shape
            if dtype == "int":
                low = 1 if attempt % 3 == 2 and argument.name not in limits else 0
                result[argument.name] = rng.integers(low, max(limits.get(argument.name, low + 3), low + 1), shape)
            elif dtype == "bool":
                result[argument.name] = rng.random(shape) < 0.5
            else:
                result[argument.name] = draw_values(rng, shape, self.domains[argument.name], self.spread)
        return result

    def _shape(
        self, argument: Argument, sizes: Mapping[str, int], variant: int, open_shape: tuple[int, ...]
    ) -> tuple[int, ...]:
        shape = self.graph[argument.node].type.shape
        if not isinstance(shape, Unknown):
            return tuple(d.evaluate(sizes) for d in shape)
        if shape in self.within:
            whole = tuple(d.evaluate(sizes) for d in self.within[shape])
            last = whole[-1:]
            choices = [
                last,
                (1, *last) if len(whole) > 1 else last,
                (1,) if whole else (),
                (),
                (*whole[:1], 1) if len(whole) == 2 else last,
                whole,
            ]
            return choices[variant % len(choices)]
        return open_shape

    def _limits(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Below what the integers of each argument must lie."""
        limits: dict[str, int] = {}
        for name, size, _ in self.graph.limits:
            top = size.evaluate(sizes)
            limits[name] = min(limits.get(name, top), top)
        return limits


def _ranked(graph: Graph) -> list[tuple[Dim, ...]]:
    shapes = [graph[argument.node].type.shape for argument in graph.arguments]
    return [shape for shape in shapes if not isinstance(shape, Unknown)]


def _wanted(graph: Graph) -> dict[str, str]:
    """Per argument the domain that the operations directly on it ask for."""
    found: dict[str, str] = {}
    arguments = {a.node: a.name for a in graph.arguments}
    asked: dict[str, list[str | None]] = {}  # by operation what it asks for of its operands
    for node in graph:
        domains = asked.get(node.op)
        if domains is None:
            op = graph.op(node)
            domains = asked[node.op] = [op.domain.get(name) for name in op.operands] if op.domain else []
        for domain, operand in zip(domains, node.operands, strict=False):
            if domain is not None and operand in arguments:
                found.setdefault(arguments[operand], domain)
    return found


def _even(graph: Graph) -> dict[str, str]:
    """Per argument a domain in which values and gradients keep their size on a long way through the program.

    Matrices of a product and kernels are near the identity, factors near 1 or -1; what is only added is so small that
    it still is when all of it has been added up."""
    found: dict[str, str] = {}
    arguments = {a.node: a.name for a in graph.arguments}
    for node in graph:
        if node.op in EVEN:
            for operand in node.operands:
                if operand in arguments:
                    found.setdefault(arguments[operand], EVEN[node.op])
    return found


def _even_before(graph: Graph) -> dict[str, str]:
    """The same for the matrices of products that something of `EVEN_BEFORE` is applied to."""
    found: dict[str, str] = {}
    arguments = {a.node: a for a in graph.arguments}
    domains: dict[int, tuple[str, str]] = {}  # what is asked of the matrices that a value is a product of
    for node in reversed(list(graph)):  # what uses a value stands behind it
        domain = EVEN_BEFORE.get(node.op) or (domains.get(node.id) if node.op in CARRYING else None)
        if domain is not None:
            domains |= dict.fromkeys(node.operands, domain)
        elif node.op == "matmul" and node.id in domains:
            given = [arguments[u] for u in node.operands if u in arguments]
            found |= {argument.name: domains[node.id][argument.kind == "input"] for argument in given}
    return found


def draw_values(rng: np.random.Generator, shape: tuple[int, ...], domain: str, spread: float = SPREAD) -> Any:
    """Random numbers of a domain; `spread` is that of those in which values keep their size."""
    x = rng.standard_normal(shape)
    if domain == "positive":
        return np.abs(x) + 0.4
    if domain == "negative":
        return -np.abs(x) - 0.4
    if domain == "probability":
        return rng.uniform(0.1, 0.9, shape)
    if domain == "unit":
        return rng.uniform(-0.85, 0.85, shape)
    if domain == "above_one":
        return np.abs(x) + 1.3
    if domain == "nonzero":
        return np.where(x < 0, x - 0.4, x + 0.4)
    if domain == "tiny":
        return 1e-3 * x
    if domain == "large":
        return 3 * np.abs(x) + 8
    if domain == "huge":
        return 20 * np.abs(x) + 60
    if domain == "simplex":
        y = np.abs(x) + 0.3
        return y / y.sum(axis=-1, keepdims=True) if y.ndim else np.ones(())
    if domain == "small":
        return spread**2 * x
    if domain == "faint":
        return 0.3 * math.sqrt(spread) * x
    if domain == "factor" or (domain.startswith("near_") and x.ndim < 2):
        return np.sign(x) * np.exp(spread * (np.abs(x) - 0.8))
    if domain == "near_delta":  # the middle of the kernel from each channel to its own, of (O, I, H, W)
        same = np.arange(min(shape[:2]))
        x *= spread
        x[(same, same, *[np.array(size // 2) for size in shape[2:]])] += 1
        return x
    if domain == "near_identity":
        return spread * x + np.eye(*x.shape[-2:])
    if domain == "near_multiple":  # n shares are near 1 / n, and so are their slopes
        return x.shape[-1] * (spread**2 * x + np.eye(*x.shape[-2:]))
    if domain == "near_difference":  # 4 (x_j - x_0) is near 0 for what sigmoids make of that, and its slope 4 / 4
        x = spread * x + 4 * np.eye(*x.shape[-2:])
        x[..., 0, :] -= 4
        return x
    if domain in ("spd", "invertible") and x.ndim >= 2 and x.shape[-1] == x.shape[-2]:
        eye = np.eye(x.shape[-1])
        return x @ np.swapaxes(x, -1, -2) + eye if domain == "spd" else x + 3 * eye
    if domain == "spd":
        return np.abs(x) + 0.4
    return x
