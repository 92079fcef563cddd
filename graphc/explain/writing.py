"""Index expressions as formulas: where parentheses stand, `1 − Y²` or `1{Z > 0}`, what stands above and below a line.

Indices count from 1 on paper and from 0 in programs: what is written here counts from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from graphc.explain.cotangents import is_gradient
from graphc.explain.indices import counted_from_zero, renewed
from graphc.explain.letters import Letters
from graphc.explain.notation import Big, Fence, Frac, Layout, Name, Op, Partial, Row, Script, Word, space
from graphc.explain.products import add, mul
from graphc.explain.size_formulas import spelled
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
    key,
    number,
)
from graphc.ir.dim_text import in_brackets
from graphc.ir.dims import Dim

__all__ = ["ATOM", "PRODUCT", "SUM_LEVEL", "Writer", "joined"]

LOOSE, SUM_LEVEL, PRODUCT, ATOM = range(4)
_WORDS = {"sigmoid": "σ", "at_most": "min", "at_least": "max", "log_or_zero": "log", "sqrt": "√"}


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
        name: Layout = Name(tensor.name)
        sub = self._indices(indices)
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
        if isinstance(index, Entry):
            return self.entry(index.tensor, index.indices)
        if isinstance(index, Index) and index.dim == 1:
            return Op("1")
        return self.write(add(counted_from_zero(index, indices=True), ONE))

    def written(self, e: Expr) -> tuple[Layout, int]:
        e = spelled(e)
        match e:
            case Num():
                return _number(e.value), ATOM if e.value >= 0 else SUM_LEVEL
            case Size():
                written = self.letters.size(e.dim)
                if written.isidentifier():
                    return Name(written), ATOM
                return Word(written), ATOM if in_brackets(e.dim) else SUM_LEVEL
            case Index():
                return Name(self.env.get(e, "?")), ATOM
            case Entry():
                return (self.special(e) if self.special else self.entry(e.tensor, e.indices)), ATOM
            case Add():
                return self._sum(e), SUM_LEVEL
            case Mul():
                return self._product(e)
            case Power():
                return self._power(e)
            case Func():
                return self._function(e)
            case Sum() | Extreme():
                inner = self.with_indices([e.index])
                sign = "Σ" if isinstance(e, Sum) else {"prod": "Π", "first": "max"}.get(e.kind, e.kind)
                body: Layout
                below: list[Layout] = [Name(inner.env[e.index])]
                rest: Expr = e.body
                if isinstance(e, Sum):
                    rest, condition = _off_label(rest, e.index)
                    if condition is not None:
                        below += [Op("≠"), inner.place(condition)]
                rest = _lifted(rest) if isinstance(e, Sum) else rest
                while isinstance(e, Sum) and isinstance(rest, Sum) and len(below) == 1:
                    if _off_label(rest.body, rest.index)[1] is not None:
                        break
                    inner = inner.with_indices([rest.index])  # Σ_i Σ_b is Σ_ib
                    below = [Row((*_items(below[0]), Name(inner.env[rest.index])))]
                    rest = _lifted(rest.body)
                while isinstance(e, Extreme) and isinstance(rest, Extreme) and rest.kind == e.kind:
                    inner = inner.with_indices([rest.index])  # and max_i max_j is max_ij
                    below = [Row((*_items(below[0]), Name(inner.env[rest.index])))]
                    rest = rest.body
                body = inner.write(rest, PRODUCT)
                return Row((Big(sign, Row(tuple(below)) if len(below) > 1 else below[0]), body)), SUM_LEVEL + 1
            case Is():
                return self.condition(e), ATOM

    def _sum(self, e: Add) -> Layout:
        row: list[Layout] = []
        for k, term in enumerate(_positive_first(e.terms)):
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
        ranges = _ranges(order)
        order = [f for f in order if f not in ranges]
        tail = [self._range(low, high) for low, high in dict.fromkeys(ranges.values())]
        for k, f in enumerate(order):
            is_last = k == len(order) - 1 and not tail
            items.append(self.write(f, PRODUCT if isinstance(f, (Sum, Extreme)) and is_last else ATOM))
        return joined([*items, *tail], space)

    def _range(self, low: Is, high: Is) -> Layout:
        """`1{1 ≤ u + w − 2 ≤ 4}`: a place lies within an array."""
        first = mul(number(-1), low.right)
        last = add(high.right, first, number(-1) if high.relation == "<" else ZERO)
        parts = [Op("1"), self.place(add(low.left, first)), self.place(last)]
        return Row((Op("1"), Fence("{", joined(parts, Op("≤", spaced=True)), "}")))

    def _power(self, e: Power) -> tuple[Layout, int]:
        if isinstance(e.exponent, Num) and e.exponent.value < 0:
            return Frac(Op("1"), self.write(_inverse(e))), PRODUCT
        return Script(self.write(e.base, ATOM), sup=self.write(e.exponent)), ATOM

    def _function(self, e: Func) -> tuple[Layout, int]:
        arguments = [self.write(a) for a in e.arguments]
        match e.name:
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
        elif _is_place(e.left) or _is_place(e.right):
            if e.relation == "<" and not _indices_of(e.right):  # `j < H + 1` is `j ≤ H`
                e = Is("≤", e.left, add(e.right, number(-1)))
            terms = e.left.terms if isinstance(e.left, Add) else ()
            constant = add(*(t for t in terms if isinstance(t, (Num, Size))))
            left = add(e.left, mul(number(-1), constant))  # `d − 1 ≥ 1` is `d ≥ 2`
            sides = [self.place(left), self.place(add(e.right, mul(number(-1), constant)))]
        else:
            sides = [self.write(e.left), self.write(e.right)]
        relation = Op(e.relation, spaced=True)
        return Row((Op("1"), Fence("{", Row((sides[0], relation, sides[1])), "}")))


def _lifted(e: Expr) -> Expr:
    """In a sum the sums of a product stand before it, too: `a Σ_j 1{u = 2 i + j}` as `Σ_j a 1{u = 2 i + j}`."""
    sums = [f for f in e.factors if isinstance(f, Sum)] if isinstance(e, Mul) else []
    bare = [f for f in sums if not _has_entries(f)]
    if not isinstance(e, Mul) or not (bare or len(sums) == 1) or _off_label(sums[0].body, sums[0].index)[1] is not None:
        return e
    chosen = (bare or sums)[0]
    inner = renewed(chosen)
    assert isinstance(inner, Sum)
    return Sum(inner.index, mul(*(f for f in e.factors if f is not chosen), inner.body))


def _ranges(factors: Sequence[Expr]) -> dict[Expr, tuple[Is, Is]]:
    """Conditions in a product that bound one place from both sides."""
    found: dict[Expr, tuple[Is, Is]] = {}
    bounds = [f for f in factors if isinstance(f, Is) and _is_place(f.left) and not _indices_of(f.right)]
    for low in bounds:
        if low.relation == "≥" and low not in found:
            for high in bounds:
                if high.relation in "<≤" and high not in found and key(high.left) == key(low.left):
                    found[low] = found[high] = low, high
                    break
    return found


def _items(e: Layout) -> tuple[Layout, ...]:
    return e.items if isinstance(e, Row) else (e,)


def _off_label(body: Expr, index: Index) -> tuple[Expr, Expr | None]:
    """A sum over all but the label: the body without the condition, and the label."""
    if isinstance(body, (Mul, Is)):
        factors = body.factors if isinstance(body, Mul) else (body,)
        for factor in factors:
            if isinstance(factor, Is) and factor.relation == "≠" and index in (factor.left, factor.right):
                label = factor.right if factor.left == index else factor.left
                if isinstance(label, Entry):
                    return mul(*(f for f in factors if f is not factor)), label
    return body, None


def _is_place(e: Expr) -> bool:
    """Whether an expression is made of indices: a place, not a value."""
    return bool(_indices_of(e)) and not _has_entries(e)


def _has_entries(e: Expr) -> bool:
    return isinstance(e, Entry) or any(map(_has_entries, children(e)))


def _indices_of(e: Expr) -> set[Index]:
    return {e} if isinstance(e, Index) else {i for part in children(e) for i in _indices_of(part)}


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
