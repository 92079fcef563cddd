"""Operands that do not agree, in the user's words: what each is, where it comes from, and what would make it fit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from graphc.ir.dims import Dim
from graphc.ir.graph import Argument, Node
from graphc.ir.types import ShapeError, Type, Unknown
from graphc.language.source import Source, Span
from graphc.language.values import Fault

__all__ = ["Operand", "inside", "mismatch"]

LONGEST = 60
"""An operand that takes more characters is not quoted."""
OURS = "graphc/rules/"
"""Places in the compiler's own files say nothing to a user."""
WIDEST = 100
"""Notes up to this width stand on one line."""


class Operand(NamedTuple):
    """One operand of the expression at fault: its node, its place; `called` where that is the place of several."""

    span: Span
    node: Node
    called: str | None = None

    @property
    def text(self) -> str:
        return self.called or self.span.text

    @property
    def type(self) -> Type:
        return self.node.type

    @property
    def quotable(self) -> bool:
        return len(self.text) <= LONGEST and "\n" not in self.text and "\r" not in self.text


def mismatch(
    error: ShapeError, span: Span, operands: Sequence[Operand], operator: str | None, arguments: Mapping[str, Argument]
) -> Fault:
    """The fault for operands whose shapes do not agree. `operator` is the sign between two of them, if it is one."""
    places = Counter(each.span for each in operands)
    operands = [o._replace(called=_called(o)) if places[o.span] > 1 else o for o in operands]
    place = span
    if error.operand is not None and error.operand < len(operands) and error.code == "E0203":
        place = operands[error.operand].span
    if error.code == "E0210":
        unknown = (o.span for o in operands if isinstance(o.type.shape, Unknown) and o.type.shape.leaf is None)
        place = next(unknown, span) if "the rank of this " in error.message else span
    help = error.help
    if operator and len(operands) == 2 and error.code == "E0203":
        scalar = any(o.type.shape == () for o in operands)
        if not scalar:
            place = span
        help = _mend(operator, operands[0], operands[1], arguments) or help
    notes = [] if error.code == "E0210" else _notes(operands, place.source)  # an unknown rank is all there is to say
    return Fault(error.code, error.message, place, error.label, notes, help)


def _called(operand: Operand) -> str | None:
    """What one of several operands that stand at one place is called there: `W.T` in `[W, W.T]`."""
    own = operand.node.origin.span if operand.node.origin else None
    whole = own is None or own == operand.span or not _within(own, operand)
    return operand.node.name or (None if whole else own.text)  # type: ignore[union-attr]


def _within(place: Span, operand: Operand) -> bool:
    outer = operand.span
    return place.source is outer.source and outer.start <= place.start and place.stop <= outer.stop


def inside(fault: Fault, what: str, place: Span | None) -> Fault:
    """The fault of something that was used at a place: with that place, too.

    One in the compiler's own files is put to the user at the place of use alone.
    """
    if fault.span is not None and not fault.span.source.name.startswith(OURS):
        if place is not None and not any(span == place for _, span in fault.notes):
            fault.notes.append((what, place))
        return fault
    notes = [(text, span) for text, span in fault.notes if span is None or not span.source.name.startswith(OURS)]
    return type(fault)(fault.code, fault.message, place, fault.label, notes, fault.help)


def _notes(operands: Sequence[Operand], source: Source) -> list[tuple[str, Span | None]]:
    quoted = [each for each in operands if each.quotable and each.node.op != "const"]  # a number shows what it is
    said = list(dict.fromkeys(_shape_of(each, source) for each in quoted))
    together = "; ".join(said)
    return [(text, None) for text in ([together] if len(together) <= WIDEST and said else said)]


def _shape_of(operand: Operand, source: Source) -> str:
    """"`H` is (N, H), from line 3", "`W2` is declared (K, C) on line 1"."""
    node, type = operand.node, operand.type
    place = node.origin.span if node.origin else None
    if place is not None and place.source.name.startswith(OURS):
        place = None
    line = ""
    if place is not None:
        line = f"line {place.line}" if place.source is source else f"line {place.line} of {place.source.name}"
    text = f"`{operand.text}`"
    unknown = isinstance(type.shape, Unknown)
    if node.op != "argument":
        shape = "has a shape that is not known here" if unknown else f"is {type}"
        return f"{text} {shape}" + (f", from {line}" if place is not None and not _within(place, operand) else "")
    called = str(node.attr("name"))
    own = "" if called == operand.text else f" is `{called}`,"
    if place is not None and place.text == called:  # its first use, or a declaration without a shape
        shape = "has a shape that is not known here" if unknown else f"is {type}"
        if own:
            return f"{text}{own} which {shape}"
        return f"{text} {shape}" + (f", first named on {line}" if line and place != operand.span else "")
    return f"{text}{own or ' is'} declared {type} on {line}" if line else f"{text} is {type}"


# ------------------------------------------------------------------------------------------------ help


def _mend(operator: str, left: Operand, right: Operand, arguments: Mapping[str, Argument]) -> str | None:
    a, b = left.type.shape, right.type.shape
    if isinstance(a, Unknown) or isinstance(b, Unknown) or not (left.quotable and right.quotable):
        return None
    if operator == "@":
        return _mend_product(left, right, a, b, arguments)
    matrices = operator == "*" and len(a) == len(b) == 2 and a[1] == b[0] and a[::-1] != b
    product = f"a product of matrices is `{_bracketed(left.text)} @ {_bracketed(right.text)}`" if matrices else None
    return product or _mend_broadcast(left, right, a, b, arguments)


def _mend_product(
    left: Operand, right: Operand, a: tuple[Dim, ...], b: tuple[Dim, ...], arguments: Mapping[str, Argument]
) -> str | None:
    if not a or not b:
        return None
    for operand, have in ((right, b), (left, a)):
        if len(have) > 2 and operand.text.endswith(".T"):
            swapped = _swapped(operand.text.removesuffix(".T"))
            return f"`.T` turns all axes around; to exchange the last two: `{swapped}`"
    inner = b[-2] if len(b) > 1 else b[-1]
    ways = []
    for operand, axis in ((right, -1 if len(b) > 1 else None), (left, -2 if len(a) > 1 else None)):
        have, wanted = (b, a[-1]) if operand is right else (a, inner)
        if axis is not None and have[axis] == wanted:
            text = operand.text
            ways.append(_transpose(text) if len(have) == 2 else f"exchange its last two axes: `{_swapped(text)}`")
    if not ways and len(a) > 1 and len(b) > 1 and a[-2] == b[-1]:
        return f"exchange the operands: `{_bracketed(right.text)} @ {_bracketed(left.text)}`"
    declared = None if ways else _declaration(right, (*b[:-2], a[-1], *b[-1:]) if len(b) > 1 else (a[-1],), arguments)
    return ways[0] if ways else declared


def _mend_broadcast(
    left: Operand, right: Operand, a: tuple[Dim, ...], b: tuple[Dim, ...], arguments: Mapping[str, Argument]
) -> str | None:
    for operand, have, wanted in ((right, b, a), (left, a, b)):
        if len(have) == len(wanted) == 2 and all(n in (1, m) for n, m in zip(have[::-1], wanted, strict=True)):
            return _transpose(operand.text)
        if len(have) == 1 and len(wanted) == 2 and have[0] == wanted[0]:
            return f"to go along the rows, make a column of it: `{_bracketed(operand.text)}[:, None]`"
    for operand, have, wanted in ((right, b, a), (left, a, b)):
        if len(have) == 1 and len(wanted) > 1:
            return _declaration(operand, wanted[-1:], arguments)
    return None


def _declaration(operand: Operand, shape: tuple[Dim, ...], arguments: Mapping[str, Argument]) -> str | None:
    """The declaration that would fit, for an argument with a declared shape."""
    argument = arguments.get(operand.text) if operand.node.op == "argument" else None
    if argument is None or argument.kind == "free":
        return None
    kind = "" if argument.declared == "float" else f": {argument.declared}"
    return f"declare `{argument.kind} {operand.text}[{', '.join(map(str, shape))}]{kind}`"


def _transpose(text: str) -> str:
    if re.fullmatch(r"\w+\.T", text):
        return f"take it without the `.T`: `{text.removesuffix('.T')}`"
    return f"transpose it: `{_bracketed(text)}.T`"


def _swapped(text: str) -> str:
    return f"swapaxes({text}, -1, -2)"


def _bracketed(text: str) -> str:
    """The text such that a postfix may follow it."""
    if re.fullmatch(r"\w+(\.T)?(\([^()]*\)|\[[^\[\]]*\])?", text) or re.fullmatch(r"\([^()]*\)", text):
        return text
    return f"({text})"
