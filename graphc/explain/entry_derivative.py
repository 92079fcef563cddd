"""The derivative of an index expression by an entry: that of `Σ_h H_nh W_hc` by `H_id` is `δ_ni W_dc`.

The chain rule sums it over the entries of a value: `∂L/∂H_id = Σ_n Σ_c ∂L/∂S_nc δ_ni W_dc`, which is
`Σ_c ∂L/∂S_ic W_dc`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.conditions import when
from graphc.explain.functions import FUNCTIONS
from graphc.explain.indices import renewed, total
from graphc.explain.products import add, apply, mul, power
from graphc.explain.terms import (
    ZERO,
    Add,
    Entry,
    Expr,
    Extreme,
    Func,
    Index,
    Is,
    Mul,
    Power,
    Sum,
    Tensor,
    children,
    number,
)

__all__ = ["contribution", "derivative", "mentioned", "mentions"]


def derivative(e: Expr, tensor: Tensor, at: Sequence[Index]) -> Expr:
    """∂e / ∂tensor[at]. The indices `at` are new ones: deltas say where the entry is one that `e` speaks of."""
    if not mentions(e, tensor):
        return ZERO
    match e:
        case Entry():
            if e.tensor != tensor:
                return ZERO
            return mul(*(when(here, "=", there) for here, there in zip(e.indices, at, strict=True)))
        case Add():
            return add(*(derivative(term, tensor, at) for term in e.terms))
        case Mul():
            return add(
                *(
                    mul(*e.factors[:k], derivative(factor, tensor, at), *e.factors[k + 1 :])
                    for k, factor in enumerate(e.factors)
                )
            )
        case Power():
            outer = mul(e.exponent, power(e.base, add(e.exponent, number(-1))))
            result = mul(outer, derivative(e.base, tensor, at))
            if mentions(e.exponent, tensor):
                result = add(result, mul(e, apply("log_or_zero", e.base), derivative(e.exponent, tensor, at)))
            return result
        case Func():
            slopes = FUNCTIONS[e.name].derivative(e, e.arguments, e.parameters)
            return add(*(mul(s, derivative(a, tensor, at)) for s, a in zip(slopes, e.arguments, strict=True)))
        case Sum():
            return total(e.index, derivative(e.body, tensor, at))
        case Extreme() if e.kind == "prod":
            other = renewed(e)
            assert isinstance(other, Extreme)
            skip = power(other.body, when(other.index, "≠", e.index))
            return total(e.index, mul(Extreme("prod", other.index, skip), derivative(e.body, tensor, at)))
        case Extreme() if e.kind == "first":
            window: list[Index] = []
            body: Expr = e
            while isinstance(body, Extreme) and body.kind == "first":
                window.append(body.index)
                body = body.body
            result = mul(when(body, "=", renewed(e)), derivative(body, tensor, at))
            for index in reversed(window):
                result = total(index, result)
            return result
        case Extreme():
            extreme = when(e.body, "=", renewed(e))
            ties = renewed(Sum(e.index, extreme))
            return mul(total(e.index, mul(extreme, derivative(e.body, tensor, at))), power(ties, number(-1)))
        case _:
            return ZERO


def mentions(e: Expr, tensor: Tensor) -> bool:
    """Whether the expression has an entry of the tensor in it."""
    if isinstance(e, Entry) and e.tensor == tensor:
        return True
    return not isinstance(e, Is) and any(mentions(part, tensor) for part in children(e))


def mentioned(e: Expr) -> set[Tensor]:
    """The tensors that the expression has entries of."""
    found = {e.tensor} if isinstance(e, Entry) else set()
    return found.union(*map(mentioned, children(e))) if not isinstance(e, Is) else set()


def contribution(
    e: Expr, out: Sequence[Index], cotangent: Tensor | None, tensor: Tensor, at: Sequence[Index]
) -> Expr:
    """The chain rule: Σ over a value's entries of its cotangent times ∂value/∂tensor[at]. None is a cotangent of 1."""
    body = derivative(e, tensor, at)
    if cotangent is not None:
        body = mul(Entry(cotangent, tuple(out)), body)
    for index in out:
        body = total(index, body)
    return body
