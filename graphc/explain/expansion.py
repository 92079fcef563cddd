"""Products of sums multiplied out: `Σ_i a_i (b_i + c_i)` is `Σ_i a_i b_i + Σ_i a_i c_i`."""

from __future__ import annotations

from graphc.explain.indices import renewed, total
from graphc.explain.products import add, mul
from graphc.explain.terms import Add, Expr, Mul, Sum

__all__ = ["expanded"]


def expanded(e: Expr) -> Expr:
    """Products of sums multiplied out, inside sums over indices as well."""
    match e:
        case Mul():
            factors = [expanded(f) for f in e.factors]
            for k, factor in enumerate(factors):
                if isinstance(factor, Add):
                    rest = factors[:k] + factors[k + 1 :]
                    return add(*(expanded(mul(*map(renewed, rest), renewed(term))) for term in factor.terms))
            return mul(*factors)
        case Sum():
            body = expanded(e.body)
            return total(e.index, body)
        case Add():
            return add(*map(expanded, e.terms))
        case _:
            return e
