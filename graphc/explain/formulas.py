"""Costs as formulas: polynomials with what is common written once, sizes in the order in which the program names them.

    N*D + N*H + N*C + H*C        N*(D + H + C) + H*C
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from math import gcd

from graphc.ir.dims import Dim, Symbol, dim, shown
from graphc.ir.graph import Graph
from graphc.ir.types import Unknown

__all__ = ["factored", "order_of_sizes"]

LARGEST_NUMBER = 99
"""Numbers are written before a bracket only where those inside become smaller than this."""

Term = tuple[dict[Symbol, int], int]


def order_of_sizes(graph: Graph) -> dict[str, int]:
    """The place of each size among the arguments."""
    order: dict[str, int] = {}
    for argument in graph.arguments:
        shape = graph[argument.node].type.shape
        for size in () if isinstance(shape, Unknown) else shape:
            for name in size.names():
                order.setdefault(name, len(order))
    return order


def factored(size: Dim, order: Mapping[str, int], name: Callable[[str], str] = shown) -> str:
    """A polynomial as an expression."""
    place = partial(_place, order)
    shown = size.displayed.terms
    terms = [(dict(sorted(monomial, key=lambda pair: place(pair[0]))), count) for monomial, count in shown]
    terms.sort(key=lambda term: (-sum(term[0].values()), [place(symbol) for symbol in term[0]]))
    return _sum(terms, place, name) if terms else "0"


def _place(order: Mapping[str, int], symbol: Symbol) -> tuple[int, str]:
    if isinstance(symbol, str):
        return (order.get(symbol, len(order)), symbol)
    return (len(order) + 1, symbol.text())


def _sum(terms: list[Term], place: Callable[[Symbol], tuple[int, str]], name: Callable[[str], str]) -> str:
    if len(terms) == 1:
        return _product(*terms[0], name)
    common, number = _common(terms)
    if common or number > 1:
        left = [{s: p - common.get(s, 0) for s, p in monomial.items()} for monomial, _ in terms]
        rest = [({s: p for s, p in m.items() if p}, c // number) for m, (_, c) in zip(left, terms, strict=True)]
        return f"{_product(common, number, name)}*({_sum(rest, place, name)})"
    frequent = Counter(symbol for monomial, _ in terms for symbol in monomial)
    most = min(frequent, key=lambda symbol: (-frequent[symbol], place(symbol)), default=None)
    if most is None or frequent[most] < 2:
        return _joined([_product(*term, name) for term in terms])
    inside = [term for term in terms if most in term[0]]
    outside = [term for term in terms if most not in term[0]]
    return _joined([_sum(inside, place, name), _sum(outside, place, name)])


def _common(terms: list[Term]) -> tuple[dict[Symbol, int], int]:
    """The factor of all terms."""
    first, count = terms[0]
    common, number = dict(first), abs(count)
    for monomial, coefficient in terms[1:]:
        common = {s: min(p, monomial[s]) for s, p in common.items() if s in monomial}
        number = gcd(number, coefficient)
    legible = all(abs(coefficient) // number <= LARGEST_NUMBER for _, coefficient in terms)
    return common, number if legible else 1


def _product(monomial: Mapping[Symbol, int], number: int, name: Callable[[str], str]) -> str:
    factors = [str(number)] if abs(number) != 1 or not monomial else []
    for symbol, power in monomial.items():
        text = name(symbol) if isinstance(symbol, str) else str(dim(0) + Dim(((((symbol, 1),), 1),)))
        text = f"({text})" if not isinstance(symbol, str) and not text.startswith(("(", "max", "min")) else text
        factors.append(text if power == 1 else f"{text}**{power}")
    return ("-" if number == -1 and monomial else "") + "*".join(factors)


def _joined(parts: list[str]) -> str:
    text = parts[0]
    for part in parts[1:]:
        text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
    return text
