"""The syntax tree written out again, in one normal spelling: one statement a line, spaces round operators.

`Z=X@W1+b1;H = relu( Z )` becomes

    Z = X @ W1 + b1
    H = relu(Z)
"""

from __future__ import annotations

from collections.abc import Iterable

from graphc.language import tree

__all__ = ["expression", "statement_lines"]

INDENT = "    "

_COMPARE, _SUM, _PRODUCT, _SIGN, _POWER, _POSTFIX = range(1, 7)
_LEVEL = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), _COMPARE),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "//", "%", "@"), _PRODUCT),
    "**": _POWER,
}
_WORDS = {True: "true", False: "false", None: "none", Ellipsis: "..."}


def statement_lines(statement: tree.Statement) -> list[str]:
    """The lines of a statement."""
    if isinstance(statement, tree.For):
        return _block(f"for {expression(statement.variable)} in {expression(statement.range)}", statement.body)
    if isinstance(statement, (tree.Def, tree.OpDef)):
        head = f"{'def' if isinstance(statement, tree.Def) else 'op'} {_signature(statement.signature)}"
        body = statement.body
        if len(body) == 1 and isinstance(body[0], tree.Return):
            return [f"{head} = {_list(body[0].values)}"]
        return _block(head, body)
    if isinstance(statement, tree.RuleDef):
        return _block(f"rule {_signature(statement.signature)} -> {_list(statement.results)}", statement.body)
    return [_simple(statement)]


def _block(head: str, body: Iterable[tree.Statement]) -> list[str]:
    return [f"{head} {{", *(INDENT + line for each in body for line in statement_lines(each)), "}"]


def _simple(statement: tree.Statement) -> str:
    if isinstance(statement, tree.Assign):
        return f"{_list(statement.targets)} = {expression(statement.value)}"
    if isinstance(statement, tree.Update):
        return f"{expression(statement.target)} <- {expression(statement.value)}"
    if isinstance(statement, tree.Declaration):
        return f"{statement.kind} {', '.join(map(_declared, statement.names))}"
    if isinstance(statement, tree.Const):
        return f"const {expression(statement.target)} = {expression(statement.value)}"
    if isinstance(statement, tree.Output):
        return f"output {_list(statement.names)}"
    if isinstance(statement, tree.Loss):
        return f"loss {expression(statement.name)}"
    if isinstance(statement, tree.Import):
        return f"import {_string(statement.path)}"
    if isinstance(statement, tree.Return):
        return f"return {_list(statement.values)}"
    assert isinstance(statement, tree.Rewrite), statement
    return f"rewrite {expression(statement.pattern)} => {expression(statement.replacement)}"


def _declared(declared: tree.Declared) -> str:
    name = expression(declared.name)
    if declared.range is not None:
        name = f"{name}_{{{expression(declared.range)}}}"
    dims = "" if declared.dims is None else f"[{_list(declared.dims)}]"
    return f"{name}{dims}" + (f": {declared.type}" if declared.type else "")


def _signature(signature: tree.Signature) -> str:
    parts = [_parameter(each) for each in signature.operands]
    if signature.attributes:
        parts += ["*", *map(_parameter, signature.attributes)]
    return f"{signature.name}({', '.join(parts)})"


def _parameter(parameter: tree.Parameter) -> str:
    return parameter.name + (f"={expression(parameter.default)}" if parameter.default is not None else "")


def _list(items: Iterable[tree.Expr]) -> str:
    return ", ".join(map(expression, items))


def _string(value: str) -> str:
    quote = '"' if '"' not in value else "'"
    return quote + value + quote


def expression(node: tree.Expr) -> str:
    """An expression, with the parentheses it needs and no others."""
    return _written(node)[0]


def _within(node: tree.Expr, level: int) -> str:
    text, own = _written(node)
    return text if own >= level else f"({text})"


def _written(node: tree.Expr) -> tuple[str, int]:
    """The text of a node, and how tightly it binds."""
    if isinstance(node, tree.Name):
        subscripts = f"_{{{', '.join(map(expression, node.subscripts))}}}" if node.subscripts else ""
        return node.id + subscripts, _POSTFIX
    if isinstance(node, tree.Number):
        return node.span.text, _POSTFIX  # as written: 1e-3 stays, and a long number is not converted again
    if isinstance(node, tree.String):
        return _string(node.value), _POSTFIX
    if isinstance(node, tree.Constant):
        return _WORDS[node.value], _POSTFIX  # type: ignore[index]
    if isinstance(node, tree.Unary):
        return node.op + _within(node.operand, _SIGN), _SIGN
    if isinstance(node, tree.Binary):
        return _binary(node)
    if isinstance(node, tree.Transpose):
        return f"{_indexed(node.operand)}.T", _POSTFIX
    if isinstance(node, tree.Slice):
        parts = [expression(part) if part is not None else "" for part in (node.start, node.stop)]
        return ":".join(parts if node.step is None else [*parts, expression(node.step)]), 0
    if isinstance(node, tree.Index):
        return f"{_indexed(node.operand)}[{_list(node.items)}]", _POSTFIX
    if isinstance(node, tree.Sequence):
        inner = _list(node.items) + ("," if len(node.items) == 1 and not node.is_list else "")
        return (f"[{inner}]" if node.is_list else f"({inner})"), _POSTFIX
    keywords = [f"{keyword.name}={expression(keyword.value)}" for keyword in node.keywords]
    return f"{node.function}({', '.join([*map(expression, node.arguments), *keywords])})", _POSTFIX


def _indexed(node: tree.Expr) -> str:
    """What an index or `.T` follows; `2.T` would be the number `2.` and a T."""
    return f"({expression(node)})" if isinstance(node, tree.Number) else _within(node, _POSTFIX)


def _binary(node: tree.Binary) -> tuple[str, int]:
    level = _LEVEL[node.op]
    if level == _POWER:  # from the right; a sign may stand in the exponent
        return f"{_within(node.left, _POSTFIX)}**{_within(node.right, _SIGN)}", level
    left = _within(node.left, level + 1 if level == _COMPARE else level)
    return f"{left} {node.op} {_within(node.right, level + 1)}", level
