"""Letters for indices by their sizes: with `X[N, D]`, `W[D, H]` the sum of `X W` is `Σ_d X_id W_dh`, as i runs to N."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count

from graphc.explain.terms import Expr, Extreme, Index, Sum, children
from graphc.ir.dims import Dim, shown

__all__ = ["Letters", "doubled_sizes"]

POOL = "ijklpqrstuvw"


class Letters:
    """Letters for indices by their sizes: h runs to H, i to N. `names` are for sizes without one; no index is called
    as a size or one of the `values` is."""

    def __init__(
        self, sizes: Iterable[Dim], names: Mapping[str, str] | None = None, values: Iterable[str] = ()
    ) -> None:
        self.base: dict[Dim, str] = {}
        self.names = names or {}
        sizes = list(dict.fromkeys(sizes))
        self.foreign = {*values, *(name for size in sizes for name in size.names())}
        rest: list[Dim] = []
        for size in sizes:
            symbol = self.names.get(size.symbol or "", size.symbol or "")
            letter = {"N": "i", "L": "p"}.get(symbol, symbol.lower() if len(symbol) == 1 and symbol.isupper() else "")
            if letter.isascii() and letter and letter not in self.foreign and letter not in self.base.values():
                self.base[size] = letter
            else:
                rest.append(size)
        for size in rest:
            self.base[size] = self._unused({*self.foreign, *self.base.values()})

    def size(self, size: Dim, tight: bool = False) -> str:
        """A size as a reader of the derivation knows it; `tight` in parentheses if it is more than a name."""
        return size.text(lambda symbol: self.names.get(symbol) or shown(symbol), tight)

    @staticmethod
    def _unused(taken: set[str]) -> str:
        return next(letter for letter in chain(POOL, _with_primes()) if letter not in taken)

    def choose(self, index: Index, taken: Iterable[str], doubled: frozenset[Dim] = frozenset()) -> str:
        """A letter for an index where others are taken; a size that runs twice in a formula gets j and k."""
        used, foreign = set(taken), {letter for size, letter in self.base.items() if size != index.dim} | self.foreign
        base = self.base.setdefault(index.dim, self._unused(foreign))
        wanted = [base] if index.dim not in doubled or base == "i" else []
        wanted += [letter for letter in "jk" if letter not in foreign]
        wanted += [letter for letter in POOL if letter not in foreign and letter != base]
        return next(letter for letter in chain(wanted, _with_primes()) if letter not in used)


def _with_primes() -> Iterator[str]:
    """i′, j′, …, i′′, j′′, … without end: two indices of one letter would be one."""
    yield from (letter + "′" * times for times in count(1) for letter in POOL)


def doubled_sizes(e: Expr, names: Sequence[Index]) -> frozenset[Dim]:
    """Sizes over which two indices run at once."""
    found: set[Dim] = set()

    def visit(part: Expr, scope: tuple[Index, ...]) -> None:
        if isinstance(part, (Sum, Extreme)):
            if any(other.dim == part.index.dim for other in scope):
                found.add(part.index.dim)
            scope = (*scope, part.index)
        for child in children(part):
            visit(child, scope)

    sizes = [index.dim for index in names]
    found |= {size for size in sizes if sizes.count(size) > 1}
    visit(e, tuple(names))
    return frozenset(found)
