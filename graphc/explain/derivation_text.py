"""A derivation as a page of text; `PAGES` has all formats."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence

from graphc.explain.notation import text
from graphc.explain.steps import Derivation, Formula, Part, Step

__all__ = ["PAGES", "text_page"]

WIDTH = 100


def text_page(derivation: Derivation) -> str:
    """Unicode, no line wider than a hundred columns."""
    lines = [derivation.title, "=" * len(derivation.title), ""]
    for line in derivation.source.split("\n"):
        lines += _source_line(f"    {line}".rstrip())
    lines += ["", *textwrap.wrap(derivation.question, WIDTH), ""]
    for convention in derivation.conventions:
        lines += textwrap.wrap(convention, WIDTH)
    lines += ["", *_listed("Shapes: ", derivation.shapes), ""]
    for number, step in enumerate(derivation.steps, 1):
        lines += [*_step(number, step), ""]
    for part in derivation.sums:
        head = f"All uses of {part.name}"
        lines += [head, "-" * len(head), *_part(part), ""]
    lines += derivation.results
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).rstrip() + "\n"


def _listed(head: str, items: Iterable[str]) -> list[str]:
    """The items one after another; none is broken in two."""
    whole = head + "; ".join(item.replace(" ", "\xa0") for item in items)
    lines = textwrap.wrap(whole, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines]


def _source_line(line: str) -> list[str]:
    """A line of the program; one that is too long is continued further in."""
    if len(line) <= WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent + " " * 8, break_on_hyphens=False)


def _step(number: int, step: Step) -> list[str]:
    head = f"{number}  {step.statement}"
    head = head if len(head) <= 72 else head[:71] + "…"
    lines = [head, "-" * len(head)]
    if step.place:
        room = WIDTH - len(step.place)
        lines = [f"{head:<{room}}{step.place}" if len(head) + 2 <= room else head, "-" * WIDTH]
        lines[1:1] = [] if len(head) + 2 <= room else [f"{step.place:>{WIDTH}}"[-WIDTH:]]
    lines += step.remarks
    lines += _formulas(step.definitions, "  ")
    for part in [*step.sums, *step.parts]:
        lines += ["", *_part(part)]
    return lines


def _part(part: Part) -> list[str]:
    lines = _formulas(part.entries, "  ")
    if part.matrices:
        lines += _formulas(part.matrices, "  so  ")
    if part.expanded:
        lines += _formulas(part.expanded, "      ")
    for line in part.code:
        lines += textwrap.wrap(line, WIDTH, initial_indent="      > ", subsequent_indent="            ",
                               break_long_words=False)  # fmt: skip
    return lines


def _formulas(formulas: Sequence[Formula], indent: str) -> list[str]:
    lines: list[str] = []
    width = max((len(text(f.left)) for f in formulas if len(text(f.left)) < 24), default=0)
    for formula in formulas:
        left = f"{text(formula.left):<{width}}"
        for k, right in enumerate(formula.rights):
            head = f"{indent}{left} = " if k == 0 else f"{' ' * (len(indent) + len(left))} = "
            lines += _wrapped(head, text(right), formula.remark if k == len(formula.rights) - 1 else "")
    return lines


def _wrapped(head: str, right: str, remark: str) -> list[str]:
    """The line, broken before a sign where it is too long; the remark beside it or under it."""
    lines = [head]
    continued = " " * min(len(head), 24)
    for piece in _pieces(right):
        if len(lines[-1]) + len(piece) > WIDTH and lines[-1].strip() not in ("", head.strip()):
            lines.append(continued + piece.lstrip())
        else:
            lines[-1] += piece
    lines = [part for line in lines for part in _hard(line, continued)]
    if remark:
        if len(lines[-1]) + len(remark) + 4 <= WIDTH:
            column = 44 if len(lines[-1]) < 44 and 48 + len(remark) <= WIDTH else len(lines[-1])
            lines[-1] = f"{lines[-1]:<{column}}    {remark}"
        else:
            lines += textwrap.wrap(remark, WIDTH, initial_indent=continued, subsequent_indent=continued)
    return lines


def _pieces(right: str) -> list[str]:
    """The formula cut before its signs: those outside of all brackets, or further in where a part is a line long."""
    for deepest in range(4):
        pieces, depth, start = [], 0, 0
        for k, character in enumerate(right):
            depth += (character in "({[") - (character in ")}]")
            sign = character == " " and right[k + 1 : k + 2] in ("+", "−", "⊙") and right[k + 2 : k + 3] == " "
            if sign and depth <= deepest:
                pieces.append(right[start:k])
                start = k
        pieces.append(right[start:])
        if max(map(len, pieces)) <= WIDTH - 24:
            break
    return pieces


def _hard(line: str, continued: str) -> Iterable[str]:
    if len(line) <= WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line.strip(), WIDTH, initial_indent=indent, subsequent_indent=continued)


def _markdown(derivation: Derivation) -> str:
    from graphc.explain.derivation_markdown import markdown_page

    return markdown_page(derivation)


def _latex(derivation: Derivation) -> str:
    from graphc.explain.derivation_latex import latex_page

    return latex_page(derivation)


def _html(derivation: Derivation) -> str:
    from graphc.explain.derivation_html import html_page

    return html_page(derivation)


PAGES: dict[str, Callable[[Derivation], str]] = {
    "text": text_page, "markdown": _markdown, "latex": _latex, "html": _html,
}  # fmt: skip
