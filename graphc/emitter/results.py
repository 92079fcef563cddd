"""How results leave a function: each an array that shares memory with nothing, in the type that its variable came in.

    return np.array(L, X.dtype), …        grads = {"X": dY.copy(), "Y": dY, "b": np.asarray(db, X.dtype)}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from graphc.emitter.body import Body
from graphc.emitter.text import bracketed
from graphc.ir.types import Unknown

__all__ = ["holders_of", "is_own", "let_go", "result_of", "typed_return"]


def result_of(body: Body, id: int, holders: Counter[int]) -> str:
    """A result as it leaves: an array that shares memory with nothing. Of those that share one all but the last are
    copied: what is copied is no holder any more."""
    node = body.context.node(id)
    text = body.texts[id]
    if node.type.shape == ():
        dtype = body.context.dtype() if node.type.is_float else node.type.dtype
        return f"np.array({text}, {dtype})"
    own = is_own(body, id, holders)
    if not own:
        let_go(body, id, holders)
    if isinstance(node.type.shape, Unknown):  # perhaps a NumPy scalar, which is not writable
        kind = f", {body.context.dtype()}" if node.type.is_float else ""
        return f"np.asarray({text}{kind})" if own else f"np.array({text}{kind})"
    if not own:
        return f"{text.within(6)}.copy()"
    return str(text)


def typed_return(name: str, results: list[str], helpers: set[str]) -> list[str]:
    """The last lines of a function that returns arrays by name."""
    helpers.add("as_types")
    return [
        *bracketed(f"    {name} = {{", results, "}"),
        f"    return {name} if types is None else as_types({name}, types)",
    ]


def holders_of(body: Body, kept: Iterable[int]) -> Counter[int]:
    """Of each value in memory, how many of those that leave the function may share it."""
    return Counter(value for id in kept for value in body.aliases.get(id, (id,)))


def let_go(body: Body, id: int, holders: Counter[int]) -> None:
    """A result leaves as a copy."""
    holders.subtract(body.aliases.get(id, (id,)))


def is_own(body: Body, id: int, holders: Counter[int]) -> bool:
    """Whether a result may leave as it is: an array of its own, which nothing else that leaves shares."""
    if body.context.node(id).op == "broadcast_to" and id not in body.fresh:
        return False
    shared = body.aliases.get(id, frozenset((id,)))
    return shared <= body.fresh and all(holders[each] <= 1 for each in shared)
