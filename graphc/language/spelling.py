"""Names, numbers and strings as they are written.

The grammar's terminals take whatever a user may have meant by one of these; here it is read, or a `Flaw` says exactly
which character is wrong. Offsets in a `Flaw` count from the beginning of the token.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

from graphc.language.complaints import (
    BAD_CHARACTER,
    BAD_NUMBER,
    BAD_STRING,
    NO_CONTINUATION,
    RESERVED_NAME,
    Complaint,
    Flaw,
)

__all__ = ["CONSTANTS", "name", "number", "stray", "string", "target", "unreadable"]

CONSTANTS: Final[dict[str, object]] = {
    "true": True,
    "false": False,
    "none": None,
    "True": True,
    "False": False,
    "None": None,
}
LONGEST_NAME: Final = 1000
LONGEST_NUMBER: Final = 4300
"""Python itself refuses to read integers of more digits, unless told otherwise."""

# What people write or paste where the language has an ASCII sign.
_MEANT: Final[dict[str, str]] = {
    **dict.fromkeys("⊙×·∘⋅∗•⊗＊", "`*`"),
    **dict.fromkeys("−–—‐‑－", "`-`"),
    **dict.fromkeys("÷∕⁄／", "`/`"),
    **dict.fromkeys("“”„‟«»＂", '`"`'),
    **dict.fromkeys("‘’‚‛＇´", "`'`"),
    **dict.fromkeys("⊤ᵗ′", "`.T`"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\u3000\u200b", "an ordinary space"),
    "≤": "`<=`", "≥": "`>=`", "≠": "`!=`", "←": "`<-`", "→": "`->`", "⇒": "`=>`", "≔": "`=`", "＝": "`=`", "＋": "`+`",
    "（": "`(`", "）": "`)`", "［": "`[`", "］": "`]`", "｛": "`{`", "｝": "`}`", "，": "`,`", "：": "`:`", "；": "`;`",
    "²": "`**2`", "³": "`**3`", "√": "`sqrt(…)`", "∑": "`sum(…)`", "∏": "`prod(…)`", "…": "`...`", "∞": "a number",
    "^": "`**` for a power", "|": "`abs(…)` or `maximum(…)`", "&": "`*` for \"and\" of conditions",
    "?": "`where(c, a, b)` to choose between values", "∂": "`grad(L, x)` for a derivative",
    "∇": "`grad(L, x)` for a gradient",
    "!": "`!=`, or `1 - c` for \"not\" of a condition", "~": "`1 - c` for \"not\" of a condition",
}  # fmt: skip
_ENTRY_BY_ENTRY: Final = {
    ".*": "`*`, which works entry by entry", "./": "`/`, which works entry by entry",
    ".^": "`**`, which works entry by entry", ".'": "`.T` for the transpose", "..": "`:` for a range",
    "&&": '`*` for "and" of conditions', "||": "`maximum(a, b)` for \"or\" of conditions, or `norm(…)`",
}  # fmt: skip
_ABOVE: Final = (
    (re.compile(r"\^\s*(?:\{\s*)?(?:T\b|\\top|⊤)"), "`.T` for the transpose"),
    (
        re.compile(r"\^\s*(?:-\s*1(?![\w.])|[({]\s*-\s*1\s*[)}])"),
        "`inv(A)` for the inverse of a matrix, `**` for a power",
    ),
)
"""What stands above a line in a formula."""
_ESCAPES: Final = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}
_ODD_IN_STRING: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|\\(.?)", re.DOTALL)
_SUBSCRIPT_DIGITS: Final = "₀₁₂₃₄₅₆₇₈₉"


def name(text: str) -> str:
    """The name in normal form, which is the one that is compared."""
    if len(text) > LONGEST_NAME:
        label = f"this one has {len(text)}"
        raise Flaw("E0213", f"a name has at most {LONGEST_NAME} characters", 0, len(text), label)
    if text.isascii():
        return text
    normal = unicodedata.normalize("NFKC", text)
    if text.isidentifier() and normal.isidentifier():
        return normal
    raise _bad_character(text, _first_bad(text))


def target(text: str) -> str:
    """As `name`, for a name that is declared or assigned."""
    normal = name(text)
    if normal in CONSTANTS:
        help = f"choose another name, such as `{normal}_`"
        raise Flaw(RESERVED_NAME, f"`{normal}` is reserved", 0, len(text), "this name always means the constant", help)
    return normal


def number(text: str) -> int | float:
    """The value of a literal: Python's forms of integers and floats."""
    try:
        if len(text) > LONGEST_NUMBER:
            raise Flaw(
                BAD_NUMBER, f"a number has at most {LONGEST_NUMBER} characters", 0, len(text), f"{len(text)} characters"
            )
        if text.isascii():
            try:
                return int(text, 0)
            except ValueError:
                value = float(text)
            if math.isinf(value):
                raise Flaw(BAD_NUMBER, "this number is too large", 0, len(text), "the largest is about 1.8e308")
            if not re.fullmatch(r"0[0-9_]+", text):  # float reads 007
                return value
    except ValueError:
        pass
    raise _bad_number(text)


def string(text: str) -> str:
    """The value of a literal with its quotes."""
    body = text[1:-1]
    if "\\" not in body and body.isprintable():
        return body

    def meant(match: re.Match[str]) -> str:
        start = match.start() + 1
        if match[1] is None:
            raise _control(match[0], start)
        if match[1] not in _ESCAPES:
            message = f"there is no escape `{match[0]}` in a string"
            raise Flaw(BAD_STRING, message, start, start + 2, help="a backslash is written `\\\\`")
        return _ESCAPES[match[1]]

    return _ODD_IN_STRING.sub(meant, body)


def stray(kind: str, text: str) -> Flaw | None:
    """What is wrong with the spelling of a token that cannot stand where it stands: that comes before what it is."""
    try:
        if kind in ("NAME", "SUBSCRIPTED"):
            name(text.removesuffix("_{"))
        elif kind == "NUMBER":
            number(text)
        elif kind == "STRING":
            string(text)
    except Flaw as flaw:
        return flaw
    return None


def unreadable(text: str, start: int) -> Complaint:
    """About a character of a program with which no token begins."""
    char = text[start]
    if char in "\"'":
        end = re.compile(r"[^\r\n]*").match(text, start)
        assert end is not None
        help = "a string ends on the line it begins on"
        if char == "'" and re.match(r"[\w)\]]", text[max(start - 1, 0) : start]):
            help = "the transpose is written `.T`; a string has a `'` at its end, too"
        return Complaint(BAD_STRING, "this string is not closed", start, end.end(), f"no `{char}` follows", help)
    if char == "\\":
        help = "inside brackets a newline does not end a statement"
        if re.compile(r"[ \t]*[^\s#]").match(text, start + 1):
            help = "what solves `A x = b` is `solve(A, b)`"
            return Complaint(BAD_CHARACTER, "unknown character `\\`", start, start + 1, help=help)
        return Complaint(NO_CONTINUATION, "a line cannot be continued with `\\`", start, start + 1, help=help)
    flaw = _control(char, start) if ord(char) < 0x20 or ord(char) == 0x7F else _bad_character(text, start)
    return flaw.complaint


def _control(char: str, at: int) -> Flaw:
    message = f"the control character U+{ord(char):04X} cannot stand in a program"
    return Flaw(BAD_CHARACTER, message, at, at + 1)


def _first_bad(text: str) -> int:
    for i, char in enumerate(text):
        if not (f"a{char}" if i else char).isidentifier():
            return i
    return 0


def _bad_character(text: str, at: int) -> Flaw:
    char = text[at]
    code = f"U+{ord(char):04X}"
    if char.isprintable():
        what = f"`{char}`" if char.isascii() else f"`{char}` ({code})"
    else:
        what = f"{code} ({unicodedata.name(char, 'unnamed').lower()})"
    meant = _ENTRY_BY_ENTRY.get(text[at : at + 2]) or _MEANT.get(char)
    if char == "^":
        meant = next((instead for above, instead in _ABOVE if above.match(text, at)), meant)
    help = f"use {meant}" if meant else None
    if char in _SUBSCRIPT_DIGITS:
        help = f"use `_{_SUBSCRIPT_DIGITS.index(char)}`"
    return Flaw(BAD_CHARACTER, f"unknown character {what}", at, at + 1, help=help)


def _bad_number(text: str) -> Flaw:
    match = re.match(r"[0-9][0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+", text)
    digits = match[0] if match else ""
    rest = text[len(digits) :]
    size = len(text)
    if rest and not rest.isascii():
        bad = next((i for i, char in enumerate(text) if not f"a{char}".isidentifier() and char not in ".+-"), None)
        if bad is not None:
            return _bad_character(text, bad)
    if re.fullmatch(r"0[0-9_]*[0-9]", text):
        plain = text.lstrip("0_") or "0"
        return Flaw(BAD_NUMBER, "an integer does not begin with 0", 0, size, help=f"write `{plain}`")
    if rest in ("j", "J"):
        return Flaw(BAD_NUMBER, "there are no complex numbers", 0, size)
    if rest.startswith(".T"):
        return Flaw(BAD_NUMBER, "a number has no `.T`", 0, size)
    if text[:2].lower() not in ("0x", "0b", "0o") and digits and not digits.endswith("_") and _is_name(rest):
        help = f"to multiply, write `{digits}*{rest}`"
        return Flaw(BAD_NUMBER, f"expected an operator between `{digits}` and `{rest}`", 0, size, help=help)
    shown = text if size <= 30 else text[:29] + "…"
    if ".." in text:
        return Flaw(BAD_NUMBER, f"`{shown}` is not a number", 0, size, help="a range is written `0:3`")
    return Flaw(BAD_NUMBER, f"`{shown}` is not a number", 0, size)


def _is_name(text: str) -> bool:
    """Whether letters after a number look like a name, and not like half of an exponent."""
    return text.isidentifier() and text not in ("e", "E") and len(text) <= 30
