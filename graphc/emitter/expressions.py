"""Expressions as text with a precedence: the one table that NumPy and mathematical text share.

A template such as `"np.exp({x})"` or `"1 / (1 + np.exp(-{x}))"` names the operands in braces. Parentheses go round an
operand exactly where the place it stands in binds tighter than the operand does; between a bracket or comma and the
next one nothing is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

__all__ = ["ATOM", "COMPARE", "LOOSE", "POWER", "PRODUCT", "SUM", "UNARY", "Text", "binary", "fill", "unary"]

# Python's precedence, loosest first.
LOOSE, COMPARE, SUM, PRODUCT, UNARY, POWER, ATOM = range(7)

BINARY = {
    "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "@": PRODUCT, "**": POWER,
    "<": COMPARE, "<=": COMPARE, ">": COMPARE, ">=": COMPARE, "==": COMPARE, "!=": COMPARE,
}  # fmt: skip


@dataclass(slots=True, unsafe_hash=True)  # final fields: to make frozen ones takes several times as long
class Text:
    """A piece of expression text and how tightly it binds."""

    text: Final[str]
    precedence: Final[int] = ATOM

    def within(self, precedence: int) -> str:
        """The text, in parentheses if it binds looser than its place does."""
        return self.text if self.precedence >= precedence else f"({self.text})"

    def __str__(self) -> str:
        return self.text


def binary(op: str, left: Text, right: Text) -> Text:
    """`left op right` with the parentheses that Python's associativity needs."""
    precedence = BINARY[op]
    if op == "**":  # binds to the right, and tighter than a sign on its left
        return Text(f"{left.within(ATOM)}**{right.within(UNARY)}", precedence)
    if precedence == COMPARE:  # comparisons never chain here
        return Text(f"{left.within(SUM)} {op} {right.within(SUM)}", precedence)
    return Text(f"{left.within(precedence)} {op} {right.within(precedence + 1)}", precedence)


def unary(op: str, operand: Text) -> Text:
    return Text(f"{op}{operand.within(UNARY)}", UNARY)


@cache
def _pieces(template: str) -> tuple[tuple[str, str | None, int], ...]:
    """The template as (text before, operand, precedence its place asks for)."""
    pieces: list[tuple[str, str | None, int]] = []
    position = 0
    for match in re.finditer(r"\{(\w+)\}", template):
        before, after = template[: match.start()].rstrip(), template[match.end() :].lstrip()
        if (not before and not after) or (
            (not before or before[-1] in "([,=") and (not after or after[0] in ")],") and before and after
        ):
            place = LOOSE
        elif after[:1] in (".", "[") or before.endswith("**") or after.startswith("**"):
            place = ATOM
        elif before[-1:] in "-/@%" and before:
            place = POWER
        elif before[-1:] == "*" or after[:1] in ("*", "/", "@", "%"):
            place = UNARY
        else:
            place = PRODUCT
        pieces.append((template[position : match.start()], match.group(1), place))
        position = match.end()
    pieces.append((template[position:], None, LOOSE))
    return tuple(pieces)


def fill(template: str, operands: Mapping[str, Text], precedence: int = ATOM) -> Text:
    """The template with its operands; `precedence` is that of the whole."""
    parts: list[str] = []
    for before, name, place in _pieces(template):
        parts.append(before)
        if name is not None:
            parts.append(operands[name].within(place))
    return Text("".join(parts), precedence)
