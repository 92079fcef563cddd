"""What is written instead of `W -= eta*grad(L, W)`, in the words of the program: `W <- W - eta*grad(L, W)`."""

from __future__ import annotations

import re

__all__ = ["about_augmented"]

LONGEST = 48
"""So many characters of the right side are repeated."""


def about_augmented(before: str, sign: str, after: str) -> str:
    """The help for `before sign= …`; `after` is what follows the sign on its line, from the `=` on."""
    found = re.search(r"(\w+)(_\{[^{}]*\})?\s*$", before)
    name = found[0].strip() if found else "W"
    value = _right_side(after[1:])
    changed = f"{name} {sign} {_operand(sign, value)}"
    update = f"`{name} <- {changed}`"
    if re.search(r"\bgrad\s*\(", value):
        return f"an update is written {update}"
    new = f"new_{found[1]}" if found else "y"
    return f"a name is assigned once: write `{new} = {changed}`, a new name, or {update} for an update of an argument"


def _right_side(text: str) -> str:
    """The expression up to the end of the statement; `…` where that is not on the line, or far away."""
    depth = 0
    for end, character in enumerate(text):
        if depth == 0 and character in ";#}":
            text = text[:end]
            break
        depth += (character in "([{") - (character in ")]}")
    value = text.strip()
    return value if value and depth == 0 and len(value) <= LONGEST else "…"


def _operand(sign: str, value: str) -> str:
    """The right side as an operand of the sign, in brackets where it has signs that bind no tighter."""
    bare, inner = value, ""
    while bare != inner:
        bare, inner = re.sub(r"[(\[{][^()\[\]{}]*[)\]}]", "", bare), bare
    bare = re.sub(r"(?<=\d)[eE][+-](?=\d)", "", bare)  # 1e-3
    looser = {"+": r"[<>=!]", "-": r"[<>=!+-]"}.get(sign, r"[<>=!+*/%@-]")
    return f"({value})" if re.search(looser, bare) else value
