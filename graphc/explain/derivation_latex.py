"""A derivation as a complete LaTeX document."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from graphc.explain.derivation_markdown import _text, long_remarks, rows_of
from graphc.explain.notation import Name, latex
from graphc.explain.steps import Derivation, Formula, Part, Step

__all__ = ["latex_page"]

HEAD = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb}
\usepackage{graphicx}
\usepackage[margin=2.2cm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
\allowdisplaybreaks
\begin{document}"""


def latex_page(derivation: Derivation) -> str:
    lines = [HEAD, rf"\section*{{{_escaped(derivation.title)}}}", *_verbatim(derivation.source.split("\n"))]
    lines += [_escaped(derivation.question), r"\begin{itemize}"]
    lines += [rf"\item {_escaped(line)}" for line in derivation.conventions]
    lines += [r"\end{itemize}", "Shapes: " + _escaped("; ".join(derivation.shapes)), ""]
    for number, step in enumerate(derivation.steps, 1):
        lines += _step(number, step)
    for part in derivation.sums:
        lines += [rf"\subsection*{{All uses of {_escaped(part.name)}}}", *_part(part)]
    lines += [_escaped(line) for line in derivation.results]
    page = "\n".join([*lines, r"\end{document}"]) + "\n"
    return page if page.isascii() else _ascii(page)


def _step(number: int, step: Step) -> list[str]:
    place = rf"\hfill {{\normalsize {_escaped(step.place)}}}"
    lines = [rf"\subsection*{{{number}\quad \texttt{{{_escaped(step.statement)}}}{place}}}"]
    lines += [rf"\emph{{{_escaped(remark)}}}" for remark in step.remarks]
    lines += _display(step.definitions)
    for part in [*step.sums, *step.parts]:
        lines += _part(part)
    return lines


def _part(part: Part) -> list[str]:
    return [*_display(part.entries), *_display(part.matrices), *_display(part.expanded), *_verbatim(part.code)]


def _display(formulas: Sequence[Formula]) -> list[str]:
    """An `align*`, which may break over pages."""
    if not formulas:
        return []
    rows = rows_of(formulas, _fitted)
    under = [rf"{{\small {_escaped(remark)}}}\par" for remark in long_remarks(formulas)]
    return [r"\begin{align*}", *(f"{row} \\\\" for row in rows[:-1]), rows[-1], r"\end{align*}", *under]


def _fitted(written: str, length: int) -> str:
    """What is longer than a line, and cannot be broken, is made smaller."""
    if length <= 84:
        return written
    return rf"\resizebox{{.66\linewidth}}{{!}}{{$\displaystyle {written}$}}"


SIZES = ((90, r"\small"), (100, r"\footnotesize"), (112, r"\scriptsize"))
"""So many letters go on a line of a page in this size."""


def _verbatim(lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    plain = [piece for line in map(_ascii, lines) for piece in _cut(line)]
    longest = max(map(len, plain))
    size = next(size for room, size in SIZES if longest <= room)
    return [rf"{{{size}\begin{{verbatim}}", *plain, r"\end{verbatim}}"]


def _cut(line: str) -> list[str]:
    room = SIZES[-1][0]
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, room, subsequent_indent=indent, break_on_hyphens=False) if len(line) > room else [line]


_PLAIN = {"−": "-", "·": ".", "′": "'", "…": "...", "∈": " in ", "ℝ": "R", "⊙": "*", "Σ": "sum ", "∂": "d", "ᵀ": "^T",
          "≠": "!=", "×": "x", "≤": "<=", "≥": ">=", "σ": "sigma", "—": "-", "–": "-"}  # fmt: skip


def _ascii(line: str) -> str:
    """Program text in letters that every TeX has; what it lacks is spelled out."""
    written = []
    for c in line:
        if c.isascii():
            written.append(c)
        elif c in _PLAIN:
            written.append(_PLAIN[c])
        else:
            base = unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode()
            name = unicodedata.name(c, "?").split()[-1].lower()
            written.append(base or name)
    return "".join(written)


_SPECIAL = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "$": r"\$", "δ": r"$\delta$",
    "ℓ": r"$\ell$",
}  # fmt: skip


def _escaped(words: str) -> str:
    written = "".join(_letter(c) for c in unicodedata.normalize("NFC", words))
    return written.replace(r"$\delta$\_ij", r"$\delta_{ij}$")


def _letter(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    known = _text(c)
    return known if c.isascii() or known != c else f"${latex(Name(c))}$"
