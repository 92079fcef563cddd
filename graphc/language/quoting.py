"""What an error at run time calls a value: the argument, or the text it was written as and the arguments in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphc.ir.graph import Node

__all__ = ["MOST_NAMED", "quotation"]

LONGEST = 50
MOST_NAMED = 4
"""So many arguments are named of a value whose text does not show them."""

_WORD = re.compile(r"\w+")
_STATEMENT = re.compile(r"[^()\[\]\"']+=[^=]")


def quotation(node: Node, arguments: Sequence[str], otherwise: str) -> str:
    """`argument a`, `a[0:2]`, or `s (of a, b)`; `otherwise` is said where the text is too long to be quoted."""
    if node.op == "argument":
        return f"argument {node.attr('name')}"
    span = node.origin.span if node.origin else None
    text = " ".join(span.text.split()) if span else ""
    if node.name or not text or len(text) > LONGEST:
        text = node.name or otherwise
    elif _STATEMENT.match(text):  # of what a function's body computes, the statement that calls it is known
        text = f"a value in `{text}`"
    seen = set(_WORD.findall(text))
    unseen = [name for name in arguments if name not in seen]
    more = ", …" if len(unseen) > MOST_NAMED else ""
    return f"{text} (of {', '.join(unseen[:MOST_NAMED])}{more})" if unseen else text
