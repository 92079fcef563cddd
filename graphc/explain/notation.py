"""Formulas as they are laid out on a page, and how text, LaTeX and MathML write them.

One small tree serves all formats, so that they cannot say different things.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "Big", "Fence", "Frac", "Layout", "Name", "Op", "Partial", "Row", "Script", "Word", "latex", "mathml", "space",
    "text",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the program, or an index; `W_0` and `x_1_2` are written with subscripts."""

    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """A function's name or a remark, upright."""

    text: str


@dataclass(frozen=True, slots=True)
class Op:
    """A number or sign as it is; `spaced` signs stand between spaces."""

    text: str
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    items: tuple[Layout, ...]


@dataclass(frozen=True, slots=True)
class Script:
    base: Layout
    sub: Layout | None = None
    sup: Layout | None = None


@dataclass(frozen=True, slots=True)
class Frac:
    """A quotient; in text the parts are in parentheses where they need it."""

    above: Layout
    below: Layout


@dataclass(frozen=True, slots=True)
class Partial:
    """∂above/∂below."""

    above: Layout
    below: Layout


@dataclass(frozen=True, slots=True)
class Fence:
    left: str
    body: Layout
    right: str


@dataclass(frozen=True, slots=True)
class Big:
    """A sum, a product or an extreme over an index, which what follows belongs to."""

    sign: str
    index: Layout


Layout: TypeAlias = "Name | Word | Op | Row | Script | Frac | Partial | Fence | Big"

space = Op(" ")

_SUBSCRIPTS = str.maketrans("0123456789,", "₀₁₂₃₄₅₆₇₈₉,")
_SUPERSCRIPTS = {"T": "ᵀ", "2": "²", "3": "³", "1": "¹", "4": "⁴", "−1": "⁻¹", "−2": "⁻²", "−3": "⁻³"}


def _split(name: str) -> tuple[str, str]:
    """A name and its numbers: `W_0` is W with 0, `h_1_2` is h with 1,2."""
    match = re.fullmatch(r"(.+?)((?:_\d+)+)", name)
    return (match.group(1), match.group(2)[1:].replace("_", ",")) if match else (name, "")


# ---------------------------------------------------------------- text

def text(e: Layout) -> str:
    """In one line of Unicode."""
    match e:
        case Name():
            base, numbers = _split(e.text)
            return base + numbers.translate(_SUBSCRIPTS)
        case Word():
            return e.text
        case Op():
            return f" {e.text} " if e.spaced else e.text
        case Row():
            return "".join(map(text, e.items))
        case Script():
            written = text(e.base)
            if e.sub is not None:
                sub = text(e.sub)
                written += f"_{{{sub}}}" if re.search(r"[^\w′]", sub) or "_" in sub else f"_{sub}"
            if e.sup is not None:
                sup = text(e.sup)
                written += _SUPERSCRIPTS.get(sup, f"^{sup}" if sup.isalnum() else f"^({sup})")
            return written
        case Frac():
            return f"{_tight(e.above, ' + ')} / {_tight(e.below, ' ')}"
        case Partial():
            return f"∂{text(e.above)}/∂{text(e.below)}"
        case Fence():
            return f"{e.left}{text(e.body)}{e.right}"
        case Big():
            index = text(e.index)
            return f"{e.sign}_{index} " if index.isalnum() else f"{e.sign}_{{{index}}} "


def _tight(e: Layout, loose: str) -> str:
    written = text(e)
    bare = _outside(written)
    compound = any(sign in bare for sign in (" + ", " − ", " ⊙ ", "/", "Σ")) or (loose == " " and " " in bare)
    if loose != " ":
        compound = " + " in bare or " − " in bare
    return f"({written})" if compound else written


def _outside(written: str) -> str:
    """What stands outside of all brackets."""
    depth, kept = 0, []
    for character in written:
        depth += character in "({[⌊"
        if depth == 0:
            kept.append(character)
        depth -= character in ")}]⌋"
    return "".join(kept)


# ---------------------------------------------------------------- LaTeX

_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
}  # fmt: skip
_SIGNS = {
    "⊙": r"\odot", "−": "-", "≠": r"\ne", "≤": r"\le", "≥": r"\ge", "·": r"\cdot", "Σ": r"\sum", "Π": r"\prod",
    "max": r"\max", "min": r"\min", "δ": r"\delta", "σ": r"\sigma", "√": r"\sqrt", "{": r"\{", "}": r"\}",
    "1": r"1", "×": r"\times", "…": r"\dots", "∈": r"\in", "ℝ": r"\mathbb{R}", "⌊": r"\lfloor ", "⌋": r"\rfloor ",
    " ": r"\,", "%": r"\%", "ℓ": r"\ell", "←": r"\leftarrow", "⇒": r"\Rightarrow",
}  # fmt: skip
_ACCENTS = {"̃": "tilde", "̂": "hat", "̄": "bar", "̇": "dot", "̈": "ddot", "́": "acute", "̀": "grave"}


def latex(e: Layout) -> str:
    """For LaTeX's mathematics, also as Markdown on forges shows it."""
    match e:
        case Name():
            base, numbers = _split(e.text)
            return _latex_name(base) + (f"_{{{numbers}}}" if numbers else "")
        case Word():
            return rf"\mathrm{{{_latex_text(e.text)}}}"
        case Op():
            sign = _SIGNS[e.text] if e.text in _SIGNS else _latex_formula(e.text)
            return f" {sign} " if e.spaced or sign.startswith("\\") else sign
        case Row() if _is_root(e):
            return rf"\sqrt{{{latex(e.items[1].body)}}}"  # type: ignore[union-attr]
        case Row():
            return "".join(map(latex, e.items))
        case Script():
            base = latex(e.base)
            if isinstance(e.base, (Name, Partial)) and ("_" in base or isinstance(e.base, Partial)):
                base = f"{{{base}}}" if isinstance(e.base, Name) else rf"\left({base}\right)"
            sub = "" if e.sub is None else f"_{{{latex(e.sub)}}}"
            sup = "" if e.sup is None else rf"^{{{_latex_sup(e.sup)}}}"
            return base + sub + sup
        case Frac():
            return rf"\frac{{{latex(e.above)}}}{{{latex(e.below)}}}"
        case Partial():
            return rf"\frac{{\partial {latex(e.above)}}}{{\partial {latex(e.below)}}}"
        case Fence():
            left, right = (_SIGNS.get(side, side) for side in (e.left, e.right))
            return rf"\left{left} {latex(e.body)} \right{right}" if e.left else latex(e.body)
        case Big():
            sign = _SIGNS.get(e.sign, e.sign)
            return rf"{sign}_{{{latex(e.index)}}} "


def _is_root(e: Row) -> bool:
    """√(…), which has a sign of its own that goes over what is inside."""
    return len(e.items) == 2 and e.items[0] == Name("√") and isinstance(e.items[1], Fence)


_RAISED = {"ᵀ": r"\top ", "⁻": "-", "⁺": "+", "¹": "1", "²": "2", "³": "3", "ⁿ": "n"}
_LOWERED = {**{chr(0x2080 + k): str(k) for k in range(10)}, "ᵢ": "i"}
_OTHERS = {"∂": r"\partial ", "∞": r"\infty ", "‖": r"\|", "⊗": r"\otimes ", "⋆": r"\star ", "∧": r"\wedge ",
           "∨": r"\vee ", "¬": r"\neg ", "#": r"\#", "_": r"\_", "&": r"\&", "Σ": r"\sum "}  # fmt: skip
_PIECE = re.compile("[" + "".join(_RAISED) + "]+|[" + "".join(_LOWERED) + r"]+|[A-Za-z_][A-Za-z0-9_]*|.")


def _latex_formula(words: str) -> str:
    """A formula that is text: words upright, raised and lowered signs as such, in `x^(n + 1)` and `√(x)` all that
    stands in the brackets."""
    raised = re.search(r"(\^|√)(?:\(|\w+(?:\.\d+)?)", words)
    if raised is None:
        return "".join(_latex_piece(piece) for piece in _PIECE.findall(words))
    sign, at = raised[1] if raised[1] == "^" else r"\sqrt", raised.end()
    end = at if words[at - 1] != "(" else _closing(words, at)
    inside = words[at:end] or raised[0][1:]
    before, after = words[: raised.start()], words[end + (end > at) :]
    return f"{_latex_formula(before)}{sign}{{{_latex_formula(inside)}}}{_latex_formula(after)}"


def _closing(words: str, at: int) -> int:
    """Where the bracket closes that was opened before this place."""
    depth = 1
    for end in range(at, len(words)):
        depth += (words[end] == "(") - (words[end] == ")")
        if depth == 0:
            return end
    return len(words)


def _latex_piece(piece: str) -> str:
    if piece[0] in _RAISED:
        return f"^{{{''.join(map(_RAISED.__getitem__, piece)).strip()}}}"
    if piece[0] in _LOWERED:
        return f"_{{{''.join(map(_LOWERED.__getitem__, piece))}}}"
    if len(piece) > 1:
        return rf"\mathrm{{{_latex_text(piece)}}}"
    sign = _OTHERS.get(piece) or _SIGNS.get(piece, piece)
    return piece if sign == piece and piece.isascii() else sign + " " if sign != piece else _latex_letter(piece)


def _latex_sup(e: Layout) -> str:
    return r"\top" if isinstance(e, Op) and e.text == "T" else latex(e)


def _latex_name(base: str) -> str:
    letters = "".join(_latex_letter(c) for c in unicodedata.normalize("NFC", base))
    return letters if len(base) == 1 else rf"\mathit{{{letters}}}"


def _latex_letter(c: str) -> str:
    if c == "_":
        return r"\_"
    if c.isascii():
        return c
    if c in ("′", "ℓ"):
        return "'" if c == "′" else r"\ell "
    parts = unicodedata.normalize("NFD", c)
    if len(parts) == 2 and parts[1] in _ACCENTS:
        return rf"\{_ACCENTS[parts[1]]}{{{_latex_letter(parts[0])}}}"
    words = unicodedata.name(c, "").split()
    if words[:1] == ["GREEK"] and words[-1].lower() in _GREEK:
        name = words[-1].lower()
        return rf"\{name.capitalize() if c.isupper() else name} "
    return rf"\text{{{c}}}"


def _latex_text(words: str) -> str:
    return words.replace("_", r"\_").replace(" ", r"\ ").replace("%", r"\%")


# ---------------------------------------------------------------- MathML

def mathml(e: Layout) -> str:
    """For browsers, which all show it without help."""
    match e:
        case Name():
            base, numbers = _split(e.text)
            name = f"<mi>{html.escape(base)}</mi>"
            return f"<msub>{name}<mn>{numbers}</mn></msub>" if numbers else name
        case Word():
            gap = '<mspace width="0.3em"></mspace>' if e.text.endswith(" ") else ""
            return f'<mi mathvariant="normal">{html.escape(e.text.strip())}</mi>{gap}'
        case Op():
            if e.text == " ":
                return '<mspace width="0.25em"></mspace>'
            tag = "mn" if re.fullmatch(r"[\d.]+", e.text) else "mo"
            return f"<{tag}>{html.escape(e.text)}</{tag}>"
        case Row() if _is_root(e):
            return f"<msqrt>{mathml(e.items[1].body)}</msqrt>"  # type: ignore[union-attr]
        case Row():
            return "<mrow>" + "".join(map(mathml, e.items)) + "</mrow>"
        case Script():
            base = mathml(Fence("(", e.base, ")") if isinstance(e.base, Partial) else e.base)
            if e.sub is None:
                return base if e.sup is None else f"<msup>{base}{mathml(e.sup)}</msup>"
            if e.sup is None:
                return f"<msub>{base}{mathml(e.sub)}</msub>"
            return f"<msubsup>{base}{mathml(e.sub)}{mathml(e.sup)}</msubsup>"
        case Frac():
            return f"<mfrac>{mathml(e.above)}{mathml(e.below)}</mfrac>"
        case Partial():
            above, below = (f"<mrow><mo>∂</mo>{mathml(part)}</mrow>" for part in (e.above, e.below))
            return f"<mfrac>{above}{below}</mfrac>"
        case Fence():
            return f"<mrow><mo>{e.left}</mo>{mathml(e.body)}<mo>{e.right}</mo></mrow>"
        case Big():
            sign = {"Σ": "∑", "Π": "∏"}.get(e.sign, e.sign)
            return f"<munder><mo>{sign}</mo>{mathml(e.index)}</munder>"
