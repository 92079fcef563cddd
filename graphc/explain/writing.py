"""Index expressions as formulas: where parentheses stand, `1 − Y²` or `1{Z > 0}`, what stands above and below a line.

Indices count from 1 on paper and from 0 in programs: what is written here counts from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

from graphc.explain.cotangents import is_gradient
from graphc.explain.index_ranges import ends_elsewhere, filled
from graphc.explain.indices import counted_from_zero, rebuild, renewed
from graphc.explain.letters import Letters
from graphc.explain.notation import Big, Fence, Frac, Layout, Name, Op, Partial, Row, Script, Word, space
from graphc.explain.places import has_entries, has_values, indices_of, is_place, off_label, ranges
from graphc.explain.products import add, apply, mul
from graphc.explain.size_formulas import spelled, summands
from graphc.explain.terms import (
    ONE,
    ZERO,
    Add,
    Entry,
    Expr,
    Extreme,
    Func,
    Index,
    Is,
    Mul,
    Num,
    Power,
    Size,
    Sum,
    Tensor,
    children,
    number,
    size,
)
from graphc.ir.dim_text import in_brackets
from graphc.ir.dims import Dim

__all__ = ["ATOM", "PRODUCT", "SUM_LEVEL", "Writer", "joined"]

LOOSE, SUM_LEVEL, PRODUCT, ATOM = range(4)
_WORDS = {
    "sigmoid": "σ", "at_most": "min", "at_least": "max", "below": "min", "above": "max", "log_or_zero": "log",
    "clamped_log": "log",
    "sqrt": "√",
}  # fmt: skip


def joined(items: Sequence[Layout], sign: Layout) -> Layout:
    row: list[Layout] = []
    for k, item in enumerate(items):
        row += [sign, item] if k else [item]
    return row[0] if len(row) == 1 else Row(tuple(row))


class Writer:
    """Writes expressions whose free indices have letters. `dropped` leaves the indices out, for matrices."""

    def __init__(
        self, letters: Letters, loss: str, env: Mapping[Index, str] | None = None,
        doubled: frozenset[Dim] = frozenset(), entry: Callable[[Entry], Layout] | None = None,
    ) -> None:
        self.letters, self.loss, self.doubled = letters, loss, doubled
        self.env: dict[Index, str] = dict(env or {})
        self.special = entry

    def with_indices(self, indices: Sequence[Index]) -> Writer:
        """The writer with letters for more free indices."""
        writer = Writer(self.letters, self.loss, self.env, self.doubled, self.special)
        for index in indices:
            if index not in writer.env:
                writer.env[index] = self.letters.choose(index, writer.env.values(), self.doubled)
        return writer

    def write(self, e: Expr, level: int = LOOSE) -> Layout:
        layout, own = self.written(e)
        return layout if own >= level else Fence("(", layout, ")")

    def entry(self, tensor: Tensor, indices: Sequence[Expr]) -> Layout:
        """`W_hc`, `∂L/∂W_hc`, `S_{i,y_i}`."""
        return self.subscripted(tensor, self._indices(indices))

    def subscripted(self, tensor: Tensor, sub: Layout | None) -> Layout:
        """`W_{1:n}`, `∂L/∂W_{1:n}`."""
        name: Layout = Name(tensor.name)
        entry = Script(name, sub) if sub is not None else name
        if not is_gradient(tensor):
            return entry
        partial = Partial(Name(self.loss), entry)
        mark = str(tensor.id).partition("#")[2]
        return Script(Fence("(", partial, ")"), Op(mark)) if mark else partial

    def _indices(self, indices: Sequence[Expr]) -> Layout | None:
        if not indices:
            return None
        items = [self.place(index) for index in indices]
        plain = all(isinstance(i, Index) or (isinstance(i, Num) and 0 <= i.value < 9) for i in indices)
        return joined(items, Op(",")) if not plain else (Row(tuple(items)) if len(items) > 1 else items[0])

    def place(self, index: Expr) -> Layout:
        """An index counted from 1."""
        if isinstance(index, Entry) and not index.tensor.from_zero:
            return self.entry(index.tensor, index.indices)
        if isinstance(index, Index) and index.dim == 1:
            return Op("1")
        return self.write(self._lettered(add(counted_from_zero(index, indices=True), ONE)))

    def _lettered(self, e: Expr) -> Expr:
        """The expression with letters in the place of indices: numbers that are written as they are."""
        if isinstance(e, Index):
            return Entry(Tensor(f"letter {e.mark}", self.env.get(e, "?")), ())
        return e if isinstance(e, Entry) else rebuild(e, [self._lettered(part) for part in children(e)])

    def _as_number(self, e: Expr) -> Expr:
        """A term with an index in it, as the program counts: of `2 j` the j that is written is one more."""
        factors = e.factors if isinstance(e, Mul) else (e,)
        if not all(isinstance(f, (Num, Index)) for f in factors) or sum(isinstance(f, Index) for f in factors) != 1:
            return e
        (index,) = (f for f in factors if isinstance(f, Index))
        rest = mul(*(f for f in factors if f is not index))
        return ZERO if index.dim == 1 else add(mul(rest, self._lettered(index)), mul(number(-1), rest))

    def written(self, e: Expr) -> tuple[Layout, int]:
        e = spelled(e)
        match e:
            case Num():
                return _number(e.value), ATOM if e.value >= 0 else SUM_LEVEL
            case Size():
                if len(e.dim.displayed.terms) > 1:
                    return self._sum(Add((e,))), SUM_LEVEL
                written = self.letters.size(e.dim)
                if written.isidentifier():
                    return Name(written), ATOM
                return Word(written), ATOM if in_brackets(e.dim) else SUM_LEVEL
            case Index():
                return self.written(self._as_number(e))
            case Entry():
                return (self.special(e) if self.special else self.entry(e.tensor, e.indices)), ATOM
            case Add() if any(self._as_number(term) is not term for term in e.terms):
                return self.written(add(*map(self._as_number, e.terms)))
            case Add():
                return self._sum(e), SUM_LEVEL
            case Mul():
                return self._product(e)
            case Power():
                return self._power(e)
            case Func():
                return self._function(e)
            case Sum():
                return self._summation(e), SUM_LEVEL + 1
            case Extreme():
                return self._extreme(e), SUM_LEVEL + 1
            case Is():
                return self.condition(e), ATOM

    def _summation(self, e: Sum) -> Layout:
        """`Σ_i Σ_b` is `Σ_ib`, its letters in the order in which the indices are met."""
        over = [e.index]
        rest, label = off_label(e.body, e.index)
        rest = _lifted(rest)
        while label is None and isinstance(rest, Sum) and off_label(rest.body, rest.index)[1] is None:
            over.append(rest.index)
            rest = _lifted(rest.body)
        met = list(dict.fromkeys(_met(rest)))
        inner = self.with_indices(sorted(over, key=lambda index: met.index(index) if index in met else len(met)))
        if label is not None:
            below: Layout = Row((Name(inner.env[e.index]), Op("≠"), inner.place(label)))
        else:
            below = inner._running([index for index in inner.env if index in over], rest)
        return Row((Big("Σ", below), inner.write(rest, PRODUCT)))

    def _running(self, over: Sequence[Index], body: Expr) -> Layout:
        """What stands below a sum: `ij`, and `i;k≤2` where no entry in it ends where k does."""
        parts: list[Layout] = []
        before = False
        for index in over:
            bounded = ends_elsewhere(index, body)
            parts += [Op("," if before else ";")] if parts and (before or bounded) else []
            parts.append(Name(self.env[index]))
            parts += [Op("≤"), self.write(size(filled(index.dim)))] if bounded else []
            before = bounded
        return Row(tuple(parts)) if len(parts) > 1 else parts[0]

    def _extreme(self, e: Extreme) -> Layout:
        inner, below, rest = self.with_indices([e.index]), [e.index], e.body
        while isinstance(rest, Extreme) and rest.kind == e.kind:  # max_i max_j is max_ij
            inner = inner.with_indices([rest.index])
            below.append(rest.index)
            rest = rest.body
        sign = {"prod": "Π", "first": "max"}.get(e.kind, e.kind)
        return Row((Big(sign, inner._running(below, rest)), inner.write(rest, PRODUCT)))

    def _sum(self, e: Add) -> Layout:
        row: list[Layout] = []
        for k, term in enumerate(_positive_first(summands(e))):
            negative, size = _sign(term)
            if k:
                row.append(Op("−" if negative else "+", spaced=True))
            elif negative:
                row.append(Op("−"))
            row.append(self.write(size, PRODUCT))
        return Row(tuple(row))

    def _product(self, e: Mul) -> tuple[Layout, int]:
        negative, size = _sign(e)
        if negative:
            return Row((Op("−"), self.write(size, PRODUCT))), SUM_LEVEL
        above: list[Expr] = []
        below: list[Expr] = []
        for factor in e.factors:
            if isinstance(factor, Power) and isinstance(factor.exponent, Num) and factor.exponent.value < 0:
                below.append(_inverse(factor))
            elif isinstance(factor, Num) and isinstance(factor.value, Fraction) and 1 < factor.value.denominator < 100:
                above += [Num(Fraction(factor.value.numerator))] if factor.value.numerator != 1 else []
                below.insert(0, Num(Fraction(factor.value.denominator)))
            else:
                above.append(factor)
        if not below:
            return self.factors(above), PRODUCT
        return Frac(self.factors(above), self.write(below[0]) if len(below) == 1 else self.factors(below)), PRODUCT

    def factors(self, factors: list[Expr]) -> Layout:
        order = sorted(factors, key=_rank)
        if not order:
            return Op("1")
        items: list[Layout] = []
        bounded = ranges(order)
        order = [f for f in order if f not in bounded]
        tail = [self.within(low, high) for low, high in dict.fromkeys(bounded.values())]
        for k, f in enumerate(order):
            is_last = k == len(order) - 1 and not tail
            items.append(self.write(f, PRODUCT if isinstance(f, (Sum, Extreme)) and is_last else ATOM))
        return joined([*items, *tail], space)

    def within(self, low: Is, high: Is) -> Layout:
        """`1{1 ≤ u + w − 2 ≤ 4}`: a place lies within an array; `1{0 < x ≤ 1}`: a number between two others."""
        if not is_place(low.left):
            sides = self.write(low.right), self.write(low.left), self.write(high.right)
            signs = (Op({"≥": "≤", ">": "<"}[low.relation], spaced=True), Op(high.relation, spaced=True))
            row = (sides[0], signs[0], sides[1], signs[1], sides[2])
            return Row((Op("1"), Fence("{", Row(row), "}")))
        terms = low.left.terms if isinstance(low.left, Add) else ()
        constant = add(*(t for t in terms if isinstance(t, Num)))
        if constant != ZERO and len(terms) == 2 and any(isinstance(t, Index) for t in terms):  # an index by itself
            low, high = (Is(c.relation, *(add(e, mul(number(-1), constant)) for e in (c.left, c.right))) for c in
                         (low, high))  # fmt: skip
            last = add(high.right, number(-1) if high.relation == "<" else ZERO)
            parts = [self.place(low.right), self.place(low.left), self.place(last)]
            return Row((Op("1"), Fence("{", joined(parts, Op("≤", spaced=True)), "}")))
        first = mul(number(-1), low.right)
        last = add(high.right, first, number(-1) if high.relation == "<" else ZERO)
        parts = [Op("1"), self.place(add(low.left, first)), self.place(last)]
        return Row((Op("1"), Fence("{", joined(parts, Op("≤", spaced=True)), "}")))

    def _power(self, e: Power) -> tuple[Layout, int]:
        if isinstance(e.exponent, Num) and e.exponent.value < 0:
            return Frac(Op("1"), self.write(_inverse(e))), PRODUCT
        base = self.write(e.base, ATOM)
        if isinstance(base, Script) and base.sup is not None:  # of a transposed array
            base = Fence("(", base, ")")
        return Script(base, sup=self.write(e.exponent)), ATOM

    def _function(self, e: Func) -> tuple[Layout, int]:
        arguments = [self.write(a) for a in e.arguments]
        match e.name:
            case "pi":
                return Name("π"), ATOM
            case "huber":
                return self.written(_huber(*e.arguments))
            case "relu":
                return Row((Word("max"), Fence("(", Row((Op("0, "), arguments[0])), ")"))), ATOM
            case "negative_part":
                return Row((Word("min"), Fence("(", Row((Op("0, "), arguments[0])), ")"))), ATOM
            case "abs":
                return Fence("|", arguments[0], "|"), ATOM
            case "floordiv":
                return Fence("⌊", Frac(arguments[0], arguments[1]), "⌋"), ATOM
        word = _WORDS.get(e.name, e.name)
        name: Layout = Name(word) if word in "σ√" else Word(word)
        return Row((name, Fence("(", joined(arguments, Op(", ")), ")"))), ATOM

    def condition(self, e: Is) -> Layout:
        if e.relation == "=" and isinstance(e.left, Index) and isinstance(e.right, Index):
            return Script(Name("δ"), Row((self.place(e.left), self.place(e.right))))
        if e.relation in "=≠" and any(isinstance(side, Index) for side in (e.left, e.right)):
            left, right = sorted((e.left, e.right), key=lambda side: not isinstance(side, Index))
            sides = [self.place(left), self.place(right)]
        elif (is_place(e.left) or is_place(e.right)) and not any(map(has_values, (e.left, e.right))):
            if e.relation == "<" and not indices_of(e.right):  # `j < H + 1` is `j ≤ H`
                e = Is("≤", e.left, add(e.right, number(-1)))
            terms = e.left.terms if isinstance(e.left, Add) else ()
            constant = add(*(t for t in terms if isinstance(t, (Num, Size))))
            left = add(e.left, mul(number(-1), constant))  # `d − 1 ≥ 1` is `d ≥ 2`
            sides = [self.place(left), self.place(add(e.right, mul(number(-1), constant)))]
        else:
            sides = [self.write(e.left), self.write(e.right)]
        relation = Op(e.relation, spaced=True)
        return Row((Op("1"), Fence("{", Row((sides[0], relation, sides[1])), "}")))


def _met(e: Expr) -> Iterator[Index]:
    """The indices as a reader meets them in entries, and then those of conditions alone."""
    if isinstance(e, Index):
        yield e
    parts = sorted(e.factors, key=lambda f: (isinstance(f, Is), _rank(f))) if isinstance(e, Mul) else children(e)
    for part in parts:
        yield from _met(part)


def _lifted(e: Expr) -> Expr:
    """In a sum the sums of a product stand before it, too: `a Σ_j 1{u = 2 i + j}` as `Σ_j a 1{u = 2 i + j}`."""
    sums = [f for f in e.factors if isinstance(f, Sum)] if isinstance(e, Mul) else []
    bare = [f for f in sums if not has_entries(f)]
    if not isinstance(e, Mul) or not (bare or len(sums) == 1) or off_label(sums[0].body, sums[0].index)[1] is not None:
        return e
    chosen = (bare or sums)[0]
    inner = renewed(chosen)
    assert isinstance(inner, Sum)
    return Sum(inner.index, mul(*(inner.body if f is chosen else f for f in e.factors)))


def _huber(d: Expr, delta: Expr) -> Expr:
    limited = apply("at_most", apply("at_least", d, mul(number(-1), delta)), delta)
    return mul(limited, add(d, mul(number(-0.5), limited)))


def _inverse(e: Power) -> Expr:
    assert isinstance(e.exponent, Num)
    return e.base if e.exponent.value == -1 else Power(e.base, Num(-e.exponent.value))


def _sign(e: Expr) -> tuple[bool, Expr]:
    if isinstance(e, Num) and e.value < 0:
        return True, Num(-e.value)
    if isinstance(e, Mul) and isinstance(e.factors[0], Num) and e.factors[0].value < 0:
        return True, mul(Num(-e.factors[0].value), *e.factors[1:])
    return False, e


def _positive_first(terms: Sequence[Expr]) -> list[Expr]:
    """`1 − y` and not `−y + 1`."""
    return sorted(terms, key=lambda term: _sign(term)[0]) if _sign(terms[0])[0] else list(terms)


def _rank(e: Expr) -> int:
    """Numbers, gradients, what has no sum in it, sums."""
    if isinstance(e, (Num, Size)):
        return 0
    if isinstance(e, Entry) and is_gradient(e.tensor):
        return 1
    if isinstance(e, (Sum, Extreme)):
        return 4
    return 3 if isinstance(e, Add) else 2


def _number(value: Fraction | float) -> Layout:
    if isinstance(value, float):
        return Op(f"{value:.6g}".replace("-", "−"))
    if value.denominator == 1:
        return Op(str(value.numerator).replace("-", "−"))
    decimal = f"{float(value):.12f}".rstrip("0")
    if Fraction(decimal) == value:
        return Op(decimal.replace("-", "−"))
    sign = [Op("−")] if value < 0 else []
    return Row((*sign, Frac(Op(str(abs(value.numerator))), Op(str(value.denominator)))))
