"""Mutants of derivation rules: their syntax trees with one small thing wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from graphc.language import tree

__all__ = ["Mutant", "mutants", "written"]


@dataclass(frozen=True)
class Mutant:
    """A rule with one thing wrong; `change` says what, in terms of its text."""

    rule: tree.RuleDef
    change: str


def mutants(rule: tree.RuleDef) -> Iterator[Mutant]:
    """All mutants of a rule, each once."""
    results = [name.id for name in rule.results]
    operands = [p.name for p in rule.signature.operands]
    seen = {_text(rule)}
    changes: Counter[str] = Counter()
    for body, change in _bodies(rule, operands, results):
        mutant = replace(rule, body=tuple(body))
        if (text := _text(mutant)) not in seen:
            seen.add(text)
            changes[change] += 1
            yield Mutant(mutant, change if changes[change] == 1 else f"{change} #{changes[change]}")


def _text(rule: tree.RuleDef) -> str:
    return "; ".join(f"{s.targets[0].id} = {written(s.value)}" for s in rule.body if isinstance(s, tree.Assign))


def _bodies(
    rule: tree.RuleDef, operands: Sequence[str], results: Sequence[str]
) -> Iterator[tuple[list[tree.Statement], str]]:
    body = list(rule.body)
    contributions = [
        i for i, s in enumerate(body) if isinstance(s, tree.Assign) and s.targets[0].id in {f"d{x}" for x in operands}
    ]
    for i, statement in enumerate(body):
        if not isinstance(statement, tree.Assign):
            continue
        target = statement.targets[0].id
        names = [*operands, *results, *(f"d{r}" for r in results)]
        for value, change in _variants(statement.value, names):
            yield [*body[:i], replace(statement, value=value), *body[i + 1 :]], f"{target}: {change}"
        if i in contributions and not _is_none(statement.value):
            span = statement.value.span
            double = tree.Binary("*", tree.Number(2, span), statement.value, span, span)
            yield [*body[:i], replace(statement, value=double), *body[i + 1 :]], f"{target}: 2 * (…)"
            negated = tree.Unary("-", statement.value, span)
            yield [*body[:i], replace(statement, value=negated), *body[i + 1 :]], f"{target}: -(…)"
            nothing = tree.Constant(None, span)
            yield [*body[:i], replace(statement, value=nothing), *body[i + 1 :]], f"{target}: none"
    for a, i in enumerate(contributions):
        for j in contributions[a + 1 :]:
            swapped = list(body)
            swapped[i] = replace(body[i], value=body[j].value)  # type: ignore[call-arg, union-attr]
            swapped[j] = replace(body[j], value=body[i].value)  # type: ignore[call-arg, union-attr]
            yield swapped, f"{body[i].targets[0].id} and {body[j].targets[0].id} exchanged"  # type: ignore[union-attr]


def _is_none(expr: tree.Expr) -> bool:
    return isinstance(expr, tree.Constant) and expr.value is None


# ---------------------------------------------------------------- expressions

_OPERATORS = {"+": "-", "-": "+", "*": "/", "/": "*", "@": "*"}
_COMPARISONS = {
    "<": ("<=", ">"), "<=": ("<", ">"), ">": (">=", "<"), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
}  # fmt: skip
_FUNCTIONS = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh", "tril": "triu", "triu": "tril",
              "maximum": "minimum", "minimum": "maximum", "max": "min", "sum": "mean", "mean": "sum"}  # fmt: skip


def _variants(expr: tree.Expr, names: Sequence[str]) -> Iterator[tuple[tree.Expr, str]]:
    """The expression with one thing changed in it, and what."""
    for changed in _here(expr, names):
        yield changed, f"{written(expr)} -> {written(changed)}"
    if isinstance(expr, tree.Binary):
        for left, change in _variants(expr.left, names):
            yield replace(expr, left=left), change
        for right, change in _variants(expr.right, names):
            yield replace(expr, right=right), change
    elif isinstance(expr, tree.Unary):
        for operand, change in _variants(expr.operand, names):
            yield replace(expr, operand=operand), change
    elif isinstance(expr, tree.Call):
        if expr.function == "shape":
            return
        for i, argument in enumerate(expr.arguments):
            for value, change in _variants(argument, names):
                arguments = (*expr.arguments[:i], value, *expr.arguments[i + 1 :])
                yield replace(expr, arguments=arguments), change


def _here(expr: tree.Expr, names: Sequence[str]) -> Iterator[tree.Expr]:
    if isinstance(expr, tree.Binary):
        if expr.op in _OPERATORS:
            yield replace(expr, op=_OPERATORS[expr.op])
        for op in _COMPARISONS.get(expr.op, ()):
            yield replace(expr, op=op)
        if expr.op == "*":
            yield replace(expr, op="+")
        if expr.op in ("@", "-", "/"):
            yield replace(expr, left=expr.right, right=expr.left)
        if expr.op not in _COMPARISONS:
            yield expr.left
            if expr.op != "**":
                yield expr.right
    elif isinstance(expr, (tree.Unary, tree.Transpose)):
        yield expr.operand
    elif isinstance(expr, tree.Number):
        yield replace(expr, value=expr.value + 1)
        yield replace(expr, value=-expr.value)
    elif isinstance(expr, tree.Name):
        if expr.id in names:
            for other in names:
                if other != expr.id and (expr.id.startswith("d") == other.startswith("d")):
                    yield replace(expr, id=other)
            span = expr.span
            yield tree.Binary("*", tree.Number(2, span), expr, span, span)
    elif isinstance(expr, tree.Call) and expr.function != "shape":
        if expr.arguments:
            yield expr.arguments[0]
        if expr.function in _FUNCTIONS:
            yield replace(expr, function=_FUNCTIONS[expr.function])
        for i, keyword in enumerate(expr.keywords):
            without = (*expr.keywords[:i], *expr.keywords[i + 1 :])
            if keyword.name not in ("shape", "n"):
                yield replace(expr, keywords=without)
            if isinstance(keyword.value, tree.Constant) and isinstance(keyword.value.value, bool):
                flipped = replace(keyword, value=replace(keyword.value, value=not keyword.value.value))
                yield replace(expr, keywords=(*expr.keywords[:i], flipped, *expr.keywords[i + 1 :]))
            if isinstance(keyword.value, tree.Unary):
                positive = replace(keyword, value=keyword.value.operand)
                yield replace(expr, keywords=(*expr.keywords[:i], positive, *expr.keywords[i + 1 :]))


def written(expr: tree.Expr) -> str:
    """The expression as text, with parentheses round everything that is compound inside something else."""
    match expr:
        case tree.Name():
            return expr.id
        case tree.Number() | tree.String():
            return repr(expr.value)
        case tree.Constant():
            return {True: "true", False: "false", None: "none"}.get(expr.value, "...")  # type: ignore[call-overload,no-any-return]
        case tree.Unary():
            return expr.op + _inner(expr.operand)
        case tree.Binary():
            return f"{_inner(expr.left)} {expr.op} {_inner(expr.right)}"
        case tree.Transpose():
            return _inner(expr.operand) + ".T"
        case tree.Call():
            keywords = [f"{k.name}={written(k.value)}" for k in expr.keywords]
            return f"{expr.function}({', '.join([*map(written, expr.arguments), *keywords])})"
        case tree.Index():
            return f"{_inner(expr.operand)}[{', '.join(map(written, expr.items))}]"
        case tree.Sequence():
            return "(" + ", ".join(map(written, expr.items)) + ",)"
        case _:
            return str(expr.span.text)


def _inner(expr: tree.Expr) -> str:
    return f"({written(expr)})" if isinstance(expr, (tree.Binary, tree.Unary)) else written(expr)
