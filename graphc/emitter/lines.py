"""Long lines of code, broken where a reader would break them.

    dA = (G - G.mean(axis=1, keepdims=True) - R * (G * R).mean(axis=1, keepdims=True)) / s    # (N, D)

becomes

    dA = (                                            # (N, D)
        G - G.mean(axis=1, keepdims=True)
        - R * (G * R).mean(axis=1, keepdims=True)
    ) / s

The longest brackets of a line are opened: at their commas, else before the operators that bind least. What is short
enough stays as it is.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from graphc.emitter.text import WIDTH

__all__ = ["broken", "broken_function"]

LONGEST: Final = 110  # code up to here stays on its line; what is broken is broken to WIDTH
LONGEST_WITH_COMMENT: Final = 120  # and with the shape beside it
LONGEST_BROKEN: Final = 20_000  # what is longer still, nobody reads
COMMENT_COLUMN: Final = 54
BINDING: Final = (("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "@", "//", "%"))
"""Operators that a line may be broken before, those that bind least first."""


def broken_function(text: str) -> str:
    """The function's text with its long lines broken; docstrings and comments stay."""
    lines: list[str] = []
    for line in text.split("\n"):
        if len(line) <= LONGEST:
            lines.append(line)
            continue
        code = line.lstrip()
        width = len(_without_comment(line))
        shape_outside = len(line) > LONGEST_WITH_COMMENT and width > LONGEST_WITH_COMMENT // 2
        whole = not (width > LONGEST or shape_outside) or len(line) > LONGEST_BROKEN or code.startswith(("#", '"""'))
        lines += [line] if whole else broken(line)
    return "\n".join(lines)


def _without_comment(line: str) -> str:
    return line.split("  # ", 1)[0].rstrip()


def broken(line: str) -> list[str]:
    """A statement of one line as several that are no wider than WIDTH, as far as its parts are."""
    if not WIDTH < len(line) <= LONGEST_BROKEN:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    tokens = _tokens(line.strip())
    comment = ""
    if tokens and tokens[-1].string.startswith("#"):
        comment = tokens.pop().string
    code = line.strip().removesuffix(comment).rstrip()
    lines = _statement(code, tokens, indent)
    if comment:
        lines[0] = f"{lines[0]:<{COMMENT_COLUMN - 2}}  {comment}"
    return lines


class _Token(NamedTuple):
    string: str
    start: int
    end: int
    depth: int  # of the brackets around it; that of a bracket itself is that of what stands beside it
    operator: bool


_TOKEN: Final = r"""
    (?P<word> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | \d+\.?\d*(?:[eE][+-]?\d+)? | [\w.]+ )
    | (?P<comment> \#.* )
    | (?P<operator> (?:\*\*|//|[-+*/@%])= | \*\* | // | [<>=!]= | [^\s\w] )
    """
_EACH: Final = re.compile(_TOKEN, re.VERBOSE)
_LISTS_AS_ONE: Final = re.compile(rf"(?P<list> [^\W\d][\w.]* (?: ,[ ] [^\W\d][\w.]* )+ ) | {_TOKEN}", re.VERBOSE)
_PLAIN: Final = re.compile(r"[\w.]+(?:, [\w.]+)+,?")
"""Names and numbers, which are broken at their commas."""
_ASSIGNING: Final = frozenset(["=", "+=", "-=", "*=", "/=", "@=", "%=", "//=", "**="])
_BEFORE_OPERAND: Final = frozenset(["", "(", "[", "{", ",", ":", *_ASSIGNING, *sum(BINDING, ())])
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def _tokens(code: str, commas: bool = False) -> list[_Token]:
    """What of a line may matter to where it is broken: operators, brackets, the word `for` and a comment. None of a
    line that is the beginning of something longer. One comma stands for all in a list of names, unless each of the
    `commas` is wanted."""
    found: list[_Token] = []
    depth = 0
    before = ""
    for match in (_EACH if commas else _LISTS_AS_ONE).finditer(code):
        text = match[0]
        if match.lastgroup == "operator":
            if text in _CLOSING:
                depth -= 1
            found.append(_Token(text, match.start(), match.end(), depth, before not in _BEFORE_OPERAND))
            if text in _OPENING:
                depth += 1
        elif match.lastgroup == "list":
            comma = match.start() + text.rindex(",")
            found.append(_Token(",", comma, comma + 1, depth, False))
        elif match.lastgroup == "comment" or text == "for":
            found.append(_Token(text, match.start(), match.end(), depth, False))
        before = text
    return found if depth == 0 else []


def _opened(code: str, tokens: list[_Token], indent: str) -> list[str]:
    """The code with its longest brackets opened, and what is in them broken again if need be."""
    widest = _widest(tokens)
    if len(indent) + len(code) <= WIDTH or widest is None:
        return [indent + code]
    first, last = widest
    inner = _pieces(code[first.end : last.start], indent + "    ")
    return [indent + code[: first.end], *inner, indent + code[last.start :]]


def _statement(code: str, tokens: list[_Token], indent: str) -> list[str]:
    """The code with its longest brackets opened if they hold most of it; else what it assigns is put between brackets,
    or what it assigns to."""
    widest = _widest(tokens)
    equals = next((token for token in reversed(tokens) if token.depth == 0 and token.string in _ASSIGNING), None)
    left, right = (code[: equals.start].rstrip(), code[equals.end :].lstrip()) if equals else ("", code)
    targets = left.split(" = ")
    if len(targets) > 1:
        return _chained(targets, right, indent)
    many = equals and equals.string == "=" and "," in left and not left.startswith("(")
    if many and (len(left) > len(right) or widest is None or len(indent) + widest[0].end > WIDTH):
        return [f"{indent}(", *_pieces(left, indent + "    "), *_closing(right, indent)]
    if widest is not None:
        inside = widest[1].start - widest[0].end
        if len(indent) + widest[0].end <= WIDTH and (not equals or 2 * inside > len(right)):
            return _opened(code, tokens, indent)
    if not equals:
        if not code.startswith("return ") or not tokens:  # or it is the beginning of something longer
            return [indent + code]
        return [f"{indent}return (", *_pieces(code.removeprefix("return "), indent + "    "), f"{indent})"]
    return [f"{indent}{left} {equals.string} (", *_pieces(right, indent + "    "), f"{indent})"]


def _chained(targets: list[str], right: str, indent: str) -> list[str]:
    """The names of one value: those that one line holds with it, then others as names of the first."""
    lines: list[str] = []
    current = ""
    value = right
    for target in targets:
        if current and len(indent) + len(current) + len(target) + len(value) + 6 > WIDTH:
            lines += broken(f"{indent}{current} = {value}") if not lines else [f"{indent}{current} = {value}"]
            current, value = "", targets[0]
        current = f"{current} = {target}" if current else target
    return [*lines, f"{indent}{current} = {value}"]


def _closing(right: str, indent: str) -> list[str]:
    """What follows the bracket that closes the targets."""
    line = f") = {right}"
    widest = _widest(_tokens(right))
    if len(indent) + len(line) <= WIDTH or widest is None:
        return [indent + line]
    first, last = widest
    inner = _pieces(right[first.end : last.start], indent + "    ")
    return [f"{indent}) = {right[: first.end]}", *inner, f"{indent}{right[last.start :]}"]


def _widest(tokens: list[_Token]) -> tuple[_Token, _Token] | None:
    groups = _groups(tokens)
    return max(groups, key=lambda group: group[1].start - group[0].end) if groups else None


def _groups(tokens: list[_Token]) -> list[tuple[_Token, _Token]]:
    """The pairs of brackets that stand in no others, and hold something."""
    groups: list[tuple[_Token, _Token]] = []
    opening: _Token | None = None
    for token in tokens:
        if token.depth == 0 and token.string in ("(", "[", "{"):
            opening = token
        elif token.depth == 0 and token.string in (")", "]", "}") and opening is not None:
            if token.start > opening.end:
                groups.append((opening, token))
            opening = None
    return groups


def _pieces(inner: str, indent: str) -> list[str]:
    """What stands between brackets, on as few lines as hold it."""
    inner = inner.strip()
    if len(indent) + len(inner) <= WIDTH:
        return [indent + inner]
    if _PLAIN.fullmatch(inner):
        return _filled(inner.replace(", ", ",, ").split(", "), indent)
    tokens = _tokens(inner, commas=True)
    clauses = [token.start for token in tokens if token.string == "for" and token.depth == 0]
    if clauses and len(indent) + len(inner) <= LONGEST_WITH_COMMENT:
        return [indent + inner]
    cuts = clauses or [token.end for token in tokens if token.depth == 0 and token.string == ","]
    for operators in BINDING:
        if not cuts:
            cuts = [t.start for t in tokens if t.depth == 0 and t.operator and t.string in operators]
    if not cuts:
        return _opened(inner, tokens, indent)
    return _filled([inner[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(inner)], strict=True)], indent)


def _filled(parts: list[str], indent: str) -> list[str]:
    """The parts on as few lines as hold them, those that none holds broken again."""
    lines: list[str] = []
    current = ""
    for part in filter(None, parts):
        if len(indent) + len(part) > WIDTH:
            lines += [indent + current] if current else []
            lines += _opened(part, _tokens(part), indent)
            current = ""
        elif current and len(indent) + len(current) + 1 + len(part) > WIDTH:
            lines.append(indent + current)
            current = part
        else:
            current = f"{current} {part}" if current else part
    return [*lines, indent + current] if current else lines
