"""What a mistake is, the kinds there are, and the numbers that get lost.

    Mistake("transpose", "it is `X dZ` in place of `Xᵀ dZ`", {7: X @ dZ})       operation 7 gives something else
    scales(N=6, D=5)        -1, 2, 1/2, 6, 1/6, 5, 1/5, 30, 1/30, 6/5, 5/6      the factors a gradient may be off by
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

from graphc.grade.reference import Make, Setting

__all__ = ["KINDS", "Mistake", "scales"]

KINDS = {
    "transpose": "transposition",
    "mask": "mask",
    "label": "label not subtracted",
    "sum": "sum missing or too many",
    "axis": "wrong axis",
    "regularisation": "regularisation term missing",
    "fan-out": "contribution missing",
    "1/N": "1/N missing or too many",
    "factor 2": "factor 2",
    "chain": "factor of the chain rule missing",
    "sign": "wrong sign",
    "constant": "constant factor",
    "power": "wrong power",
    "samples": "one sample only",
    "operand": "another value in its place",
    "product": "wrong kind of product",
    "copy": "another gradient in its place",
    "shape": "wrong shape",
    "zero": "not computed",
    "nan": "not a number",
}
"""The kinds of mistakes, the likelier first: of two that give the same numbers the first is told."""


@dataclass(frozen=True)
class Mistake:
    """One way to go wrong: what comes out where, its kind, and a clause that follows on `as if`."""

    kind: str
    text: str
    changes: Mapping[int, Make]
    plain: int = 0
    """0: a part is left out, turned round, or taken along another axis; 1: a factor of a whole gradient is lost;
    2: another value stands in a place; 3: what nobody does on purpose. Of two that give the same numbers the lower
    one is told."""
    where: int | None = None
    """The operation whose statement it belongs to, if that is not the changed one."""

    @property
    def place(self) -> int:
        return max(self.changes)


def scales(setting: Setting) -> Iterator[tuple[float, str, str]]:
    """Numbers that get lost or come in twice: the factor, its kind, and the clause that says so."""
    yield -1.0, "sign", "its sign is the other one"
    yield 2.0, "factor 2", "a factor 2 too many stands there"
    yield 0.5, "factor 2", "a factor 2 is left out"
    sizes = {name: value for name, value in setting.shown_sizes().items() if value > 1}
    products = {f"{a}*{b}": m * n for (a, m), (b, n) in combinations(sizes.items(), 2)}
    for name, value in {**sizes, **products}.items():
        yield float(value), "1/N", f"the division by {name} is left out"
        yield 1.0 / value, "1/N", f"a division by {name} too many stands there"
    for (a, m), (b, n) in permutations(sizes.items(), 2):
        yield m / n, "1/N", f"it is divided by {b} in place of {a}"
    for number in setting.reference.numbers:
        yield 1.0 / number, "constant", f"the factor {number:g} is left out"
        yield number, "constant", f"the factor {number:g} stands there once too often"
