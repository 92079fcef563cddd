"""An operation explained: how it is called, what it is, the rule that differentiates it, and where that comes from."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

from graphc.explain.spelling import statement_lines
from graphc.language import tree
from graphc.ops.base import REQUIRED, Op

if TYPE_CHECKING:
    from graphc.explain.example import Example

__all__ = ["WITHOUT_TABLE", "describe", "signature"]

WIDTH = 100

WITHOUT_TABLE = {
    "grad(L, W)": "The gradient of a scalar, a value like any other: it may be differentiated again.",
    "jacobian(Y, X)": "All derivatives of Y, its axes before those of X.",
    "hessian(L, W)": "All second derivatives of a scalar.",
    "vjp(Y, X, v)": "The gradient with respect to X for the cotangent v of Y.",
    "jvp(Y, X, v)": "The derivative of Y along v, a direction of X.",
    "hvp(L, W, v)": "The Hessian of a scalar times v, without the Hessian.",
    "shape(x)": "The sizes of an array; `shape(x)[0]` is a number.",
}
"""Functions of the language that are no operations of the table: they make graphs of others."""


def signature(op: Op) -> str:
    """The call with its defaults: `softmax(x, axis=-1)`."""
    # `*like` and `like` are how the graph holds a shape that only run time knows; a call has no such thing.
    operands = [name.lstrip("*") for name in op.operands if name != "*like"]
    parts = [name + ("=none" if name in op.optional else "") for name in operands]
    attributes = {name: default for name, default in op.attributes.items() if f"*{name}" not in op.operands}
    written = [_parameter(name, default) for name, default in attributes.items()]
    if op.operands[:1] == ("*xs",) and any(default is REQUIRED for default in attributes.values()):
        parts = [*written, *operands]  # einsum: what is done comes before what it is done to
    else:
        parts += written
    return f"{op.name}({', '.join(parts)})"


def _parameter(name: str, default: Any) -> str:
    if default is REQUIRED:
        return name
    if default is None or isinstance(default, bool):
        return f"{name}={str(default).lower()}"
    return f'{name}="{default}"' if isinstance(default, str) else f"{name}={default}"


def describe(op: Op) -> str:
    """Everything there is to say about an operation, with an example if one can be made."""
    from graphc.explain.example import example
    from graphc.language.calls import OF_NUMPY

    lines = [signature(op), ""]
    lines += [*textwrap.wrap(op.doc, WIDTH), ""] if op.doc else []
    if op.hidden and op.name not in OF_NUMPY:
        lines += ["Rules and normal forms use it; programs do not call it.", ""]
    if op.aliases:
        others = ", ".join(f"{name}= for {own}" for name, own in op.aliases.items())
        lines += [*textwrap.wrap(f"Other names of its arguments: {others}.", WIDTH), ""]
    if op.math:
        lines += _part("formula", [_formula(op)])
    if op.definition is not None:
        lines += _part("definition", statement_lines(op.definition))
    shown = example(op)
    lines += _part("rule", _rule(op, shown))
    if op.source:
        lines += _part("source", [op.source])
    if shown is not None:
        lines += _part("for example", shown.program.splitlines())
        lines += _part("has in its forward", shown.forward.splitlines())
        if shown.backward:
            lines += _part("has in its backward", shown.backward.splitlines())
    return "\n".join(lines).rstrip() + "\n"


def _part(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"    {line}".rstrip() for line in lines), ""]


def _formula(op: Op) -> str:
    """The formula over the operation's own names."""
    return re.sub(r"\{(\w+)\}", r"\1", op.math)


def _rule(op: Op, shown: Example | None) -> list[str]:
    """The rule as it stands in its file, or in words what stands in for one, with the rules that it comes down to."""
    from graphc.language.expand import rule_of
    from graphc.ops.table import lookup
    from graphc.rules.python import BUILDERS

    rule = rule_of(op)
    if rule is not None:
        return [*_remarks(op), *_text_of(rule)]
    builder = BUILDERS.get(op.name)
    if builder is not None:
        remark = (builder.__doc__ or "").strip().split("\n")[0]
        return ["a builder in Python, in graphc/rules/python.py" + (f": {remark}" if remark else "")]
    if op.definition is not None:
        return ["none of its own: the definition is differentiated"]
    if not op.operands:
        return ["none: it has no operand"]
    parts = [lookup(name) for name in (shown.operations if shown is not None else ())]
    public = ", ".join(f"`{part.name}`" for part in parts if not part.hidden)
    lines = ["none of its own: a call becomes other operations, which have theirs" + (f": {public}" if public else "")]
    for part in parts:
        inner = rule_of(part) if part.hidden and part.operands else None
        if inner is not None:
            lines += ["", *_remarks(part), *_text_of(inner)]
    return lines


def _text_of(rule: tree.RuleDef) -> list[str]:
    """The text of a rule with its comments, that at the end of its last line too: there choices at kinks are stated."""
    text = rule.span.source.text
    stop = text.find("\n", rule.span.stop)
    shown = text[rule.span.start : stop if stop >= 0 else len(text)]
    return [re.sub(r" {3,}#", "  #", line) for line in shown.splitlines()]


def _remarks(op: Op) -> list[str]:
    """The comment above the rule in its file."""
    from graphc.rules.table import _entries

    entry = _entries().get(("rule", op.name)) if op.rule is None else None
    return [f"# {line}" for line in entry.comment if not line.startswith("---")] if entry else []
