"""Which constants wait for the declarations: those that speak of an argument's shape.

    const n = 4; input x[n]                      a constant may be a size, so constants come first
    input x[3]; const M = [1, shape(x)[0]]       but this one is known by the declaration of `x` alone
    const k = 2*n                                and so are constants over it; what follows it stays behind it
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from graphc.language import tree
from graphc.language.declared_sizes import size_names
from graphc.language.depth import nodes_of

__all__ = ["of_shapes"]


def of_shapes(statements: Iterable[tree.Statement]) -> list[tree.Const]:
    """The constants of a program that come after its declarations."""
    constants = [s for s in statements if isinstance(s, tree.Const)]
    declared = [d for s in statements if isinstance(s, tree.Declaration) for d in s.names] if constants else []
    sizes = {name for d in declared for size in d.dims or () for name in size_names(size)}
    waiting = {d.name.id for d in declared}
    families = {_family(d.name.id) for d in declared if d.range is not None or d.name.id != _family(d.name.id)}
    plain = {constant.target.id for constant in constants}
    later: list[tree.Const] = []
    for constant in constants:
        waits = any(
            name.id in waiting or (_family(name.id) in families and (name.id not in plain or bool(name.subscripts)))
            for name in nodes_of(constant.value) if isinstance(name, tree.Name)
        )
        if waits or (later and constant.target.id not in sizes):
            later.append(constant)
            waiting.add(constant.target.id)
    return later


def _family(name: str) -> str:
    """What `W_0`, `W_{1}` and `W_{0:3}` have in common."""
    return re.sub(r"(_\d+)+$", "", name)
