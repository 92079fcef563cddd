"""How sizes are written: as Python expressions that people read.

    N - max(N - 3, 0)                          min(N, 3)
    max(N - 1, 0) - max(N - 3, 0)              min(max(N - 1, 0), 2)
    K + max(N - K, 0)                          max(N, K)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from graphc.ir.dims import Atom, Dim, Monomial, dim, of_symbol, of_terms

__all__ = ["displayed", "in_brackets", "written"]


def written(size: Dim, name: Callable[[str], str] = str, tight: bool = False) -> str:
    """As a Python expression; `name` says how a symbol is written; `tight` adds parentheses round a sum."""
    size = size.displayed
    if not size.terms:
        return "0"
    single = size.symbol
    if single is not None and not tight:
        return name(single)
    positive = [t for t in size.terms if t[1] > 0]
    parts: list[str] = []
    for monomial, coefficient in positive + [t for t in size.terms if t[1] < 0]:
        factors: list[str] = []
        if abs(coefficient) != 1 or not monomial:
            factors.append(str(abs(coefficient)))
        for symbol, power in monomial:
            if isinstance(symbol, str):
                text = name(symbol)
            else:
                text = symbol.text(name)
                alone = len(monomial) == 1 and abs(coefficient) == 1 and power == 1
                signed = coefficient < 0 and not parts  # Python reads -N//2 as (-N)//2
                if symbol.kind in ("floordiv", "mod") and (not alone or signed):
                    text = f"({text})"
            factors.append(text if power == 1 else f"{text}**{power}")
        sign = "-" if coefficient < 0 else ("+" if parts else "")
        parts.append(sign + "*".join(factors))
    text = "".join(f" {p[0]} {p[1:]}" if i and p[0] in "+-" else p for i, p in enumerate(parts))
    compound = len(parts) > 1 or parts[0].startswith("-") or ("*" in text or "//" in text or "%" in text)
    return f"({text})" if tight and compound else text


def in_brackets(size: Dim) -> bool:
    """Whether the text is the larger or smaller of two sizes and nothing else: brackets are round it already."""
    terms = size.displayed.terms
    if len(terms) != 1 or terms[0][1] != 1 or len(terms[0][0]) != 1:
        return False
    ((symbol, power),) = terms[0][0]
    return power == 1 and not isinstance(symbol, str) and symbol.kind in ("max", "min", "bcast")


# ---------------------------------------------------------------- bounds

def displayed(size: Dim) -> Dim:
    """The terms that are written: with the smaller of two sizes, and the larger of two that are not 0."""
    bounds = list(_bounds(size))
    if not bounds:
        return size
    left = dict(size.terms)
    for rewrite in (_turned, _smaller, _span, _larger):
        for factor, atom in bounds:
            rewrite(left, factor, atom)
    return of_terms(left.items())


def _bounds(size: Dim) -> Iterator[tuple[Monomial, Atom]]:
    """The bounds of a sum, each with what it is multiplied by."""
    for monomial, _ in size.terms:
        bounds = [s for s, p in monomial if isinstance(s, Atom) and s.kind == "max" and p == 1]
        if len(bounds) == 1:
            yield tuple((s, p) for s, p in monomial if s != bounds[0]), bounds[0]


def _times(factor: Monomial, size: Dim) -> Dim:
    return Dim(((factor, 1),)) * size


def _take(left: dict[Monomial, int], size: Dim, count: int) -> None:
    for monomial, coefficient in size.terms:
        left[monomial] = left.get(monomial, 0) + count * coefficient


def _holds(left: dict[Monomial, int], size: Dim, count: int) -> bool:
    """Whether each term is there, with the same sign and at least so often."""
    each = [(left.get(monomial, 0), count * coefficient) for monomial, coefficient in size.terms]
    return bool(each) and all(have * wanted > 0 and abs(have) >= abs(wanted) for have, wanted in each)


def _count(left: dict[Monomial, int], factor: Monomial, atom: Atom) -> int:
    return left.get(_times(factor, of_symbol(atom)).terms[0][0], 0)


def _replace(left: dict[Monomial, int], factor: Monomial, old: tuple[Dim, int], new: tuple[Dim, int]) -> None:
    """Put `count*size` in place of another, both multiplied by the factor."""
    _take(left, _times(factor, old[0]), -old[1])
    _take(left, _times(factor, new[0]), new[1])


def _turned(left: dict[Monomial, int], factor: Monomial, atom: Atom) -> None:
    """`max(a - b, 0) - (a - b)` is `max(b - a, 0)`."""
    count, argument = _count(left, factor, atom), atom.args[0]
    if count and len(atom.args) == 2 and _holds(left, _times(factor, argument), -count):
        turned = of_symbol(Atom("max", (-argument, dim(0))))
        _replace(left, factor, (of_symbol(atom) - argument, count), (turned, count))


def _smaller(left: dict[Monomial, int], factor: Monomial, atom: Atom) -> None:
    """`a - max(a - b, 0)` is `min(a, b)`."""
    count = -_count(left, factor, atom)
    if count <= 0:
        return
    for argument in atom.args[:-1]:
        for first in _written_apart(argument):
            others = [first - each for each in atom.args[:-1]]
            if _are_legible(others) and _holds(left, _times(factor, first), count):
                smallest = of_symbol(Atom("min", (first, *others)))
                _replace(left, factor, (first - of_symbol(atom), count), (smallest, count))
                return


def _span(left: dict[Monomial, int], factor: Monomial, atom: Atom) -> None:
    """`max(a, 0) - max(a - b, 0)` is `min(max(a, 0), b)`."""
    for monomial, coefficient in list(left.items()):
        for other, later in _bounds(Dim(((monomial, 1),))):
            count = min(_count(left, factor, atom), -coefficient)
            if count <= 0 or other != factor or len(atom.args) != 2 or len(later.args) != 2:
                continue
            length = atom.args[0] - later.args[0]
            if length.terms and all(c > 0 for _, c in length.terms):
                span = of_symbol(Atom("min", (of_symbol(atom), length)))
                _replace(left, factor, (of_symbol(atom) - of_symbol(later), count), (span, count))


def _larger(left: dict[Monomial, int], factor: Monomial, atom: Atom) -> None:
    """`b + max(a - b, 0)` is `max(a, b)`."""
    count = _count(left, factor, atom)
    if count <= 0:
        return
    for argument in atom.args[:-1]:
        for last in _written_apart(-argument):
            others = [each + last for each in atom.args[:-1]]
            if _are_legible(others) and _holds(left, _times(factor, last), count):
                largest = of_symbol(Atom("max", (*reversed(others), last)))
                _replace(left, factor, (last + of_symbol(atom), count), (largest, count))
                return


def _written_apart(difference: Dim) -> list[Dim]:
    """What a may have been in `a - b`: the names with a plus, with the number or without it."""
    names = Dim(tuple((m, c) for m, c in difference.terms if c > 0 and m))
    number = Dim(tuple(term for term in difference.terms if not term[0]))
    if all(c > 0 or not m for m, c in difference.terms):  # of `N - 3` the number is b
        return [names] if names.terms else [number]
    return [names + number, names] if names.terms else [number]


def _are_legible(sizes: list[Dim]) -> bool:
    """One may be anything, as what is subtracted is; of several none should be negative."""
    return len(sizes) == 1 or all(c > 0 for size in sizes for _, c in size.terms)
