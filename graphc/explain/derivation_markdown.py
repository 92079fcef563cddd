"""A derivation as Markdown with mathematics, as GitHub and GitLab show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.explain.notation import Fence, Layout, Name, Op, Row, latex, text
from graphc.explain.steps import Derivation, Formula, Part, Step

__all__ = ["aligned", "long_remarks", "markdown_page", "rows_of"]


def markdown_page(derivation: Derivation) -> str:
    lines = [f"# {derivation.title}", "", "```", *derivation.source.split("\n"), "```", ""]
    lines += [derivation.question, "", *(f"- {_escaped(line)}" for line in derivation.conventions), ""]
    lines += ["Shapes: " + "; ".join(f"`{shape}`" for shape in derivation.shapes), ""]
    for number, step in enumerate(derivation.steps, 1):
        lines += _step(number, step)
    for part in derivation.sums:
        lines += [f"## All uses of `{part.name}`", "", *_part(part)]
    lines += [f"{line}\n" for line in derivation.results]
    return "\n".join(lines).rstrip() + "\n"


def _escaped(text: str) -> str:
    return text.replace("_", r"\_").replace("*", r"\*").replace(r"δ\_ij", r"$\delta_{ij}$")


def _step(number: int, step: Step) -> list[str]:
    place = f" — {step.place}" if step.place else ""
    lines = [f"## {number}. `{step.statement}`{_escaped(place)}", ""]
    lines += [f"*{_escaped(remark)}*\n" for remark in step.remarks]
    lines += _block(step.definitions)
    for part in [*step.sums, *step.parts]:
        lines += _part(part)
    return lines


def _part(part: Part) -> list[str]:
    lines = [f"### The gradient of `{part.name}`", "", *_block(part.entries)]
    lines += _block(part.matrices)
    lines += _block(part.expanded)
    if part.code:
        lines += ["```python", *part.code, "```", ""]
    return lines


BESIDE = 44
"""A remark that is longer than this stands under its formula."""


def _block(formulas: Sequence[Formula]) -> list[str]:
    under = [line for remark in long_remarks(formulas) for line in (_escaped(remark), "")]
    return ["```math", *aligned(formulas), "```", "", *under] if formulas else []


def long_remarks(formulas: Sequence[Formula]) -> list[str]:
    return [formula.remark for formula in formulas if len(formula.remark) > BESIDE]


def aligned(formulas: Sequence[Formula]) -> list[str]:
    """The lines of an aligned display."""
    rows = rows_of(formulas)
    return [r"\begin{aligned}", *(f"{row} \\\\" for row in rows[:-1]), rows[-1], r"\end{aligned}"]


def rows_of(formulas: Sequence[Formula], fit: Callable[[str, int], str] = lambda written, length: written) -> list[str]:
    """A row for each equation, aligned at its sign; `fit` may make one smaller that so many characters are long."""
    rows: list[str] = []
    for formula in formulas:
        for k, right in enumerate(formula.rights):
            left = latex(formula.left) if k == 0 else ""
            remark = formula.remark if k == len(formula.rights) - 1 and len(formula.remark) <= BESIDE else ""
            words = latex(formula.where) if formula.where is not None else rf"\text{{{_text(remark)}}}"
            beside = f" && {words}" if remark else ""
            first, *others = broken(right, ROOM - (len(remark) + 4 if remark else 0))
            rows.append(f"{left} &= {fit(latex(first), len(text(first)))}")
            rows += [rf"&\quad {fit(latex(more), len(text(more)))}" for more in others]
            rows[-1] += beside
    return rows


ROOM = 76
"""So many characters a formula has before it is broken where it may be."""


def broken(e: Layout, room: int) -> list[Layout]:
    """A long sum in parts, each but the first beginning with its sign; one in brackets where there is no other."""
    if not isinstance(e, Row) or len(text(e)) <= room:
        return [e]
    if not any(map(_is_sign, e.items[1:])):
        e = _opened(e)
    parts: list[list[Layout]] = [[]]
    for k, item in enumerate(e.items):
        following = next((j for j in range(k + 1, len(e.items)) if _is_sign(e.items[j])), len(e.items))
        if _is_sign(item) and parts[-1] and len(text(Row((*parts[-1], *e.items[k:following])))) > room:
            parts.append([])
        parts[-1].append(item)
    return [Row(tuple(part)) for part in parts]


def _opened(e: Row) -> Row:
    """The longest sum in brackets as parts of the whole: brackets over several lines do not grow."""
    sums = [item for item in e.items if isinstance(item, Fence) and isinstance(item.body, Row)
            and any(map(_is_sign, item.body.items))]  # fmt: skip
    if not sums:
        return e
    longest = max(sums, key=lambda item: len(text(item)))
    place = e.items.index(longest)
    assert isinstance(longest.body, Row)
    inside = (Op(longest.left), *longest.body.items, Op(longest.right))
    return Row((*e.items[:place], *inside, *e.items[place + 1 :]))


def _is_sign(e: Layout) -> bool:
    return isinstance(e, Op) and e.spaced and e.text in ("+", "−")


_TEXT = {
    "×": "$\\times$", "Σ": "$\\sum$", "∂": "$\\partial$", "≠": "$\\neq$", "≤": "$\\leq$", "≥": "$\\geq$", "−": "$-$",
    "σ": "$\\sigma$", "⊙": "$\\odot$", "′": "$'$", "…": "\\dots{}", "_": "\\_", "{": "\\{", "}": "\\}", "%": "\\%",
    ">": "$>$", "<": "$<$", "²": "$^2$", "ᵀ": "$^\\top$", "√": "$\\surd$", "#": "\\#", "&": "\\&",
}  # fmt: skip


def _text(words: str) -> str:
    """Words in mathematics; signs go back to mathematics."""
    subscripts = {chr(0x2080 + k): f"$_{k}$" for k in range(10)}
    return "".join(c if c.isascii() and c not in _TEXT else _TEXT.get(c) or subscripts.get(c) or f"${latex(Name(c))}$"
                   for c in words)  # fmt: skip
