"""Program text in the generated module: quoted and escaped, so that data never becomes code."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.language.source import lines_of

__all__ = ["WIDTH", "bracketed", "comment_text", "docstring", "quoted", "shown_lines"]

WIDTH = 100


def _visible(text: str) -> str:
    """The text with everything escaped that could end a line, hide, or turn the direction of writing.

    What turns the direction is no printable character."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def comment_text(text: str) -> str:
    """Text for a comment or a one-line docstring."""
    shown = _visible(text)
    return shown.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') if '"""' in text or "\\" in text else shown


def _shown(line: str) -> str:
    return _visible(line.expandtabs(4)).rstrip()


def shown_lines(source: str) -> list[str]:
    """The lines of a program as the module's docstring shows them."""
    return [_shown("    " + line) for line in lines_of(source.strip("\r\n"))]


def docstring(lines: Sequence[str]) -> str:
    """A docstring of these lines. Quotes and backslashes in them are escaped."""
    safe = [_shown(line).replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for line in lines]
    body = "\n".join(safe)
    return f'"""{body}\n"""\n'


def quoted(value: str | Sequence[str]) -> str:
    """A string, or a tuple of strings, as a literal."""
    if isinstance(value, str):
        return _literal(value)
    return "(" + ", ".join(map(_literal, value)) + ("," if len(value) == 1 else "") + ")"


def _literal(text: str) -> str:
    plain = repr(text)
    if plain.isprintable():
        return '"' + plain[1:-1] + '"' if '"' not in plain and "\\'" not in plain else plain
    return ascii(text)


def bracketed(head: str, items: Sequence[str], tail: str, tuple_: bool = False) -> list[str]:
    """`head` + the items between brackets + `tail`, over several lines if it would be too wide."""
    if tuple_:
        inner = f"({items[0]},)" if len(items) == 1 else ", ".join(items)
        if len(head) + len(inner) + len(tail) <= WIDTH:
            return [f"{head}{inner}{tail}"]
        head, tail = head + "(", ")" + tail
    single = "," if len(items) == 1 and head.endswith("(") and not tuple_ else ""
    line = f"{head}{', '.join(items)}{single}{tail}"
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()))
    lines, current = [head], ""
    for item in items:
        if current and len(indent) + 4 + len(current) + len(item) + 2 > WIDTH:
            lines.append(f"{indent}    {current.rstrip()}")
            current = ""
        current += item + ", "
    return [*lines, f"{indent}    {current.rstrip()}", f"{indent}{tail.lstrip() if tail.startswith(' ') else tail}"]
