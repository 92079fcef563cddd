"""Operands whose rank is known only when the module runs must not enlarge what they are combined with.

    Z = X @ W + f(b)      where nothing fixes the rank of f(b):      Z = X @ W + fits(f(b), shape of X @ W)
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.graph import Builder
from graphc.ir.types import Unknown

__all__ = ["bounded"]


def bounded(builder: Builder, op: str, operands: Sequence[int]) -> Sequence[int]:
    """Operands that must not enlarge their partner: a computed one of unknown rank is checked where it is used.

    Undeclared arguments themselves are checked at the top of the generated module.
    """
    shapes = [builder.type(u).shape for u in operands]
    computed = [isinstance(s, Unknown) and s.leaf is None and builder.type(u).dtype != "shape"
                for u, s in zip(operands, shapes, strict=True)]
    known = [s for s in shapes if not isinstance(s, Unknown) and s]
    if not any(computed) or not known or not builder.op(op).elementwise:
        return operands
    outer = max(known, key=len)
    return [
        builder.add("fits", [u], {"shape": outer}) if c and builder[u].op != "fits" else u
        for u, c in zip(operands, computed, strict=True)
    ]
