"""Dimensions in declarations: `2*D` of `input X[N, 2*D]`, and whether arguments tell every name in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from graphc.ir.dims import Dim, dim
from graphc.language import tree
from graphc.language.literals import LARGEST_EXPONENT, arithmetic, check_number
from graphc.language.source import Span
from graphc.language.values import Fault, Value

__all__ = ["declared_size", "hidden_sizes", "size_names"]


def declared_size(expr: tree.Expr, constants: Mapping[str, Value]) -> Dim:
    """A dimension in a declaration: every name in it is a dimension's."""
    chain = []
    while isinstance(expr, tree.Binary) and expr.op in ("+", "-", "*", "//", "%", "**"):
        chain.append(expr)  # `N + N + …` may be long
        expr = expr.left
    size = _plain_size(expr, constants)
    for binary in reversed(chain):
        right: Value = declared_size(binary.right, constants)
        left = size if size.value is None or right.value is None else size.value
        if right.value is not None and (binary.op == "**" or left is not size):
            right = right.value
        result = arithmetic(binary.op, left, right, binary.span)
        if result is NotImplemented:
            raise _no_power(binary)
        if not isinstance(result, (int, Dim)):
            raise _no_size(binary.span)
        size = _positive(dim(result), binary.span)
    return size


def _plain_size(expr: tree.Expr, constants: Mapping[str, Value]) -> Dim:
    if isinstance(expr, tree.Name) and not expr.subscripts:
        constant = constants.get(expr.id)
        return dim(constant) if isinstance(constant, int) and not isinstance(constant, bool) else dim(expr.id)
    if isinstance(expr, tree.Number) and isinstance(expr.value, int):
        return _positive(dim(check_number(expr.value, expr.span)), expr.span)
    if isinstance(expr, tree.Unary):
        size = declared_size(expr.operand, constants)
        return _positive(-size if expr.op == "-" else size, expr.span)
    if isinstance(expr, tree.Binary) and expr.op == "/":
        raise Fault("E0204", "a dimension is an integer, and `/` gives none", expr.span, help="write `//`")
    raise _no_size(expr.span)


def _positive(size: Dim, span: Span) -> Dim:
    if size.value is not None and size.value < 0:
        raise Fault("E0204", f"a dimension is not negative, and this is {size}", span)
    return size


def _no_power(binary: tree.Binary) -> Fault:
    message = f"the exponent in a dimension is an integer from 0 to {LARGEST_EXPONENT}"
    return Fault("E0204", message, binary.right.span, help="give the whole a name of its own")


def _no_size(span: Span) -> Fault:
    message = "a dimension is an integer, a name, or an expression over them"
    return Fault("E0204", message, span, help="for example `[N, 2*D]`")


def size_names(expr: tree.Expr) -> Iterator[str]:
    """The names in a dimension expression."""
    stack = [expr]
    while stack:
        expr = stack.pop()
        if isinstance(expr, tree.Name):
            yield expr.id
        elif isinstance(expr, tree.Binary):
            stack += [expr.left, expr.right]
        elif isinstance(expr, tree.Unary):
            stack.append(expr.operand)


def hidden_sizes(sizes: Iterable[tuple[Dim, Span]]) -> Iterator[Fault]:
    """Every name in a dimension must be found from the shapes of the arguments when the module runs; which are not."""
    pending = list(sizes)
    different = dict.fromkeys(size for size, _ in pending)
    known: set[str] = set()
    while True:
        found = {name for size in different if not set(size.names()) <= known for name in _solvable(size, known)}
        if not found:
            break
        known |= found
    left = [(size, span) for size, span in pending if not set(size.names()) <= known]
    for size, span in left:
        name = min(set(size.names()) - known)
        if not name.startswith("?"):
            help = f"give it a place of its own, as in `input x[{name}]`, or another name to the whole"
            yield Fault("E0204", f"the size `{name}` cannot be found from `{size}` alone", span, help=help)


def _solvable(size: Dim, known: set[str]) -> list[str]:
    """The one name in a size that is not known, if the size tells it."""
    unknown = set(size.names()) - known
    parts = size.linear_in(min(unknown)) if len(unknown) == 1 else None
    return [*unknown] if parts is not None and parts[0].terms else []
