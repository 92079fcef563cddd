"""A derivation as one HTML file: MathML that browsers show by themselves, no script, nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Sequence

from graphc.explain.derivation_markdown import broken
from graphc.explain.diagram import diagram, forward_part
from graphc.explain.notation import mathml, text
from graphc.explain.plain_svg import plain_svg
from graphc.explain.steps import Derivation, Formula, Part, Step

__all__ = ["STYLE", "document", "html_fragment", "html_page"]

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fdfdfc; --faint: #62626c; --line: #d9d9de;
  --code: #f3f3f0; --accent: #1d5fa8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6ea; --paper: #17171a; --faint: #a2a2ad; --line: #3a3a42; --code: #222226; --accent: #8ab8f2 }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid var(--line) }
h3 { font-size: .95rem; margin: 1rem 0 .3rem; color: var(--faint); font-weight: 600 }
h2 code { font-size: 1em; background: none; padding: 0 } .place, .remark { color: var(--faint); font-size: .85rem }
a { color: var(--accent) } nav ol { columns: 16rem; padding-left: 1.5rem } nav code { background: none; padding: 0 }
code, pre { font-family: ui-monospace, monospace; font-size: .85rem; background: var(--code); border-radius: 4px }
code { padding: .1em .3em } pre { padding: .6rem .8rem; overflow-x: auto; margin: .4rem 0 }
.part { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 1.5rem; align-items: start }
.formulas { min-width: 0; overflow-x: auto; padding: .15rem 0 }
.formula { margin: .6rem 0 } .formula math { font-size: 1.1rem; display: inline-block; max-width: none }
.formula .more { margin: .5rem 0 0 2.5rem } .formula .remark { margin-left: 1rem; white-space: normal }
figure { margin: 1rem 0; overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; padding: .5rem }
figure svg { display: block; margin: 0 auto; max-width: max(100%, 40rem); height: auto }
figcaption { color: var(--faint); font-size: .85rem }
table.shapes { border-collapse: collapse; font-size: .9rem } .scroll { overflow-x: auto }
@media (max-width: 48rem) { .part { grid-template-columns: minmax(0, 1fr) } body { padding: .7rem } }
"""


def html_page(derivation: Derivation) -> str:
    return document(derivation.title, html_fragment(derivation))


def document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def html_fragment(derivation: Derivation) -> str:
    """What stands in the body; a notebook shows it by itself."""
    out = [f"<h1>{html.escape(derivation.title)}</h1>", f"<pre>{html.escape(derivation.source)}</pre>"]
    out.append(f"<p>{html.escape(derivation.question)}</p>")
    out += _figure(derivation)
    out.append("<ul>" + "".join(f"<li>{_signs(html.escape(line))}</li>" for line in derivation.conventions) + "</ul>")
    out.append("<p>Shapes: " + ", ".join(f"<code>{html.escape(s)}</code>" for s in derivation.shapes) + "</p>")
    out.append("<nav><h2>Contents</h2><ol>")
    for number, step in enumerate(derivation.steps, 1):
        out.append(f'<li><a href="#step-{number}"><code>{html.escape(step.statement)}</code></a>{_wanted(step)}</li>')
    out.append("</ol></nav>")
    for number, step in enumerate(derivation.steps, 1):
        out += _step(number, step)
    for part in derivation.sums:
        out += [f"<h2>All uses of {html.escape(part.name)}</h2>", *_part(part)]
    out += [f"<p>{html.escape(line)}</p>" for line in derivation.results]
    return "\n".join(out)


DRAWN = 300
"""A graph with more boxes than this is no figure for a page."""


def _figure(derivation: Derivation) -> list[str]:
    if derivation.graph is None:
        return []
    made = diagram(forward_part(derivation.graph))
    if len(made.boxes) > DRAWN:
        return [f"<p>The graph has {len(made.boxes)} values: <code>graphc draw</code> makes a picture of it.</p>"]
    return [f"<figure>{plain_svg(made)}<figcaption>The graph of the program.</figcaption></figure>"]


def _wanted(step: Step) -> str:
    names = ", ".join(html.escape(part.name) for part in step.parts)
    return f' <span class="place">{names}</span>' if names else ""


def _step(number: int, step: Step) -> list[str]:
    out = [f'<section id="step-{number}">']
    place = f' <span class="place">{html.escape(step.place)}</span>' if step.place else ""
    out.append(f"<h2>{number}. <code>{html.escape(step.statement)}</code>{place}</h2>")
    out += [f'<p class="remark">{html.escape(remark)}</p>' for remark in step.remarks]
    out.append(f'<div class="formulas">{_formulas(step.definitions)}</div>')
    for part in [*step.sums, *step.parts]:
        out += _part(part)
    return [*out, "</section>"]


def _part(part: Part) -> list[str]:
    formulas = _formulas([*part.entries, *part.matrices, *part.expanded])
    code = f"<pre>{html.escape(chr(10).join(part.code))}</pre>" if part.code else ""
    return [
        f"<h3>The gradient of {html.escape(part.name)}</h3>",
        f'<div class="part"><div class="formulas">{formulas}</div><div>{code}</div></div>',
    ]


LINE = 58
"""So many characters of a formula stand on a line beside the code; what is longer is continued below."""


def _formulas(formulas: Sequence[Formula]) -> str:
    out = []
    for formula in formulas:
        lines = _lines(formula)
        words = f"<math>{mathml(formula.where)}</math>" if formula.where is not None else html.escape(formula.remark)
        remark = f'<span class="remark">{words}</span>' if formula.remark else ""
        first, *others = (f'<math display="inline" displaystyle="true"><mrow>{line}</mrow></math>' for line in lines)
        rest = [f'<div class="more">{line}</div>' for line in others]
        if rest:
            rest[-1] = rest[-1].replace("</div>", f"{remark}</div>")
        out.append(f'<div class="formula">{first}{"" if rest else remark}{"".join(rest)}</div>')
    return "\n".join(out)


def _lines(formula: Formula) -> list[str]:
    """The equation on one line if it fits, else each right-hand side on lines of its own."""
    whole = len(text(formula.left)) + sum(len(text(right)) + 3 for right in formula.rights)
    left, equals = mathml(formula.left), "<mo>=</mo>"
    if whole <= LINE:
        return [left + "".join(equals + mathml(right) for right in formula.rights)]
    lines: list[str] = []
    for right in formula.rights:
        first, *others = broken(right, LINE - (0 if lines else len(text(formula.left))))
        lines.append((equals if lines else left + equals) + mathml(first))
        lines += map(mathml, others)
    return lines


def _signs(written: str) -> str:
    """The delta of the conventions with its indices lowered."""
    return written.replace("δ_ij", "δ<sub>ij</sub>")


def notebook_style(fragment: str) -> str:
    """A fragment with its style, which holds for nothing else on the page; a cell has one anchor for all its steps."""
    style = STYLE.replace(":root", ":scope").replace("body {", ":scope {")
    return f'<div class="graphc"><style>@scope {{{style}}}</style>{fragment}</div>'
