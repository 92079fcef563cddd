"""Derivatives as values of a program: the same differentiation as for `backward`, on the graph so far.

`vjp` is reverse mode. `jvp` is the transpose of the transpose, so that forward mode needs no rules of its own; `hvp` is
forward over reverse. A Jacobian is one of the two for all unit vectors at once (`passes/batch.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from graphc.ir.dims import Dim, numel
from graphc.ir.types import Shape, ShapeError, Unknown, broadcast_shapes, shape_text
from graphc.language import tree
from graphc.language.values import Fault, Tensor, Value

if TYPE_CHECKING:
    from graphc.ir.graph import Builder
    from graphc.language.evaluate import Evaluator

__all__ = ["OPERATORS"]


def _tensors(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call, names: Sequence[str]) -> list[int]:
    if len(values) != len(names):
        once = f"`{expr.function}({', '.join(names)})`"
        raise Fault("E0206", f"`{expr.function}` takes {len(names)} arguments, not {len(values)}", expr.span,
                    help=f"one at a time: {once}" if len(values) > len(names) else once)  # fmt: skip
    ids = []
    for name, value, argument in zip(names, values, expr.arguments, strict=True):
        if name == "v" and not _holds_tensors(value):  # numbers and masks will do: nothing is differentiated by it
            value = float(value) if isinstance(value, int) else value
            id = evaluator.operand(value, argument.span)
            ids.append(id if evaluator.type(id).is_float else evaluator.add("as_float", [id]))
            continue
        if not isinstance(value, Tensor):
            several = isinstance(value, (list, tuple))
            help = f"one at a time: `{expr.function}({', '.join(names)})`" if several else None
            raise Fault("E0206", f"`{expr.function}` works on values of the program", argument.span, help=help)
        if not evaluator.type(value.id).is_float:
            kind = {"int": "integers", "bool": "truth values"}.get(evaluator.type(value.id).dtype, "sizes")
            message = f"`{argument.span.text}` holds {kind}, which have no gradient"
            raise Fault("E0402", message, argument.span)
        ids.append(value.id)
    return ids


def _holds_tensors(value: Value) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(part, Tensor) or _holds_tensors(part) for part in value)


def _scalar(evaluator: Evaluator, id: int, by: int, expr: tree.Call) -> None:
    """What is differentiated must be one number; an undeclared argument becomes one."""
    if evaluator.type(id).shape != () and _shape(evaluator, id, rank=0) != ():
        help = "`vjp(Y, X, v)` takes a cotangent for other values"
        depends = id == by or _is_made_of(evaluator.builder, id, by)
        if evaluator.type(by).shape == () and evaluator.builder[by].operands and not depends:
            first, second, *others = (argument.span.text for argument in expr.arguments)
            help = f"the scalar stands first: `{expr.function}({', '.join([second, first, *others])})`"
        raise Fault("E0401", f"`{expr.function}` differentiates a scalar, and this is {evaluator.type(id)}",
                    expr.arguments[0].span, help=help)  # fmt: skip


def _shape(evaluator: Evaluator, id: int, rank: int | None = None) -> tuple[Dim, ...]:
    """The shape of a value. Raises ShapeError, which names the argument to declare, where its rank is not known."""
    from graphc.passes.batch import rank_unknown

    shape = evaluator.type(id).shape
    if not isinstance(shape, Unknown):
        return shape
    if rank is None or shape.leaf is None:
        raise rank_unknown(evaluator.builder, id)
    return evaluator.shape(id, rank)


def _fitted(evaluator: Evaluator, v: int, whole: int, expr: tree.Call) -> int:
    """A cotangent as large as its value, a direction as what moves along it: one that broadcasts to that is spread."""
    shape, wanted = evaluator.type(v).shape, evaluator.type(whole).shape
    if shape == wanted:
        return v
    if isinstance(wanted, Unknown):  # which run time tells; what the program gives itself is spread
        given = shape == () or evaluator.builder[v].op in ("const", "as_float")
        return evaluator.add("multiply", [v, evaluator.add("ones_like", [whole])]) if given else v
    _check_fit(evaluator, shape, wanted, expr)
    spread: int = evaluator.call("broadcast_to", v, shape=wanted)
    return spread


def _check_fit(evaluator: Evaluator, shape: Shape, wanted: tuple[Dim, ...], expr: tree.Call) -> None:
    if isinstance(shape, Unknown) or any(size.is_open for size in (*shape, *wanted)):
        return  # whether open ones fit run time tells
    try:
        fits = broadcast_shapes(evaluator.builder.solver, wanted, shape) == wanted
    except ShapeError:
        fits = False
    if not fits:
        to = expr.arguments[0 if expr.function == "vjp" else 1].span.text
        message = f"`{expr.function}` takes an array of the shape of `{to}`, {shape_text(wanted)}"
        raise Fault("E0203", message, expr.arguments[2].span, f"this is {shape_text(shape)}")


def reverse(evaluator: Evaluator, seeds: dict[int, int], x: int) -> int:
    """The cotangent of x; zeros where the seeded values do not depend on it."""
    from graphc.passes.differentiate import Adjoint, zeros_of

    gradient = Adjoint(evaluator.builder, seeds, name=False).gradients([x])[0]
    return gradient if gradient is not None else zeros_of(evaluator.builder, x)


def _gradient(evaluator: Evaluator, loss: int, x: int, expr: tree.Call | None = None) -> int:
    """The gradient of a scalar. Several gradients of one loss share its reverse pass."""
    from graphc.passes.differentiate import Adjoint, zeros_of

    if loss not in evaluator.adjoints:
        evaluator.adjoints[loss] = Adjoint(evaluator.builder, {loss: evaluator.builder.const(1.0)}, name=False)
    gradient = evaluator.adjoints[loss].gradients([x])[0]
    if gradient is None and expr is not None:
        evaluator.zero_gradients.append((x, expr))
    return gradient if gradient is not None else zeros_of(evaluator.builder, x)


def _grad(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    loss, x = _tensors(evaluator, values, expr, ("L", "W"))
    _scalar(evaluator, loss, x, expr)
    return Tensor(_gradient(evaluator, loss, x, expr))


def _vjp(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    y, x, v = _tensors(evaluator, values, expr, ("Y", "X", "v"))
    return Tensor(reverse(evaluator, {y: _fitted(evaluator, v, y, expr)}, x))


def tangent(evaluator: Evaluator, y: int, x: int, v: int) -> int:
    """The derivative of y along v: the transpose of the transpose, so that forward mode needs no second rules."""
    builder = evaluator.builder
    if not isinstance(builder.type(y).shape, Unknown):
        probe = builder.add("seed", (), {"name": "probe"}, type=builder.type(y))
        along = reverse(evaluator, {reverse(evaluator, {y: probe}, x): v}, probe)
        if not _is_made_of(builder, along, probe):
            return along
    # the second transposition asks for a shape that the first has: it must be of a value that there is
    probe = builder.add("stop_gradient", [y])
    return reverse(evaluator, {reverse(evaluator, {y: probe}, x): v}, probe)


def _is_made_of(builder: Builder, id: int, source: int) -> bool:
    stack, seen = [id], {id}
    while stack:
        for u in builder[stack.pop()].operands:
            if u == source:
                return True
            if u > source and u not in seen:  # operands are older than what is made of them
                seen.add(u)
                stack.append(u)
    return False


def _jvp(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    y, x, v = _tensors(evaluator, values, expr, ("Y", "X", "v"))
    return Tensor(tangent(evaluator, y, x, _fitted(evaluator, v, x, expr)))


def _hvp(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    loss, w, v = _tensors(evaluator, values, expr, ("L", "W", "v"))
    _scalar(evaluator, loss, w, expr)
    along = _fitted(evaluator, v, w, expr)
    return Tensor(tangent(evaluator, _gradient(evaluator, loss, w), w, along))


def jacobian(evaluator: Evaluator, y: int, x: int) -> int:
    """All derivatives of y with respect to x, in the shape of y followed by that of x.

    A row of the Jacobian is a product with a unit vector from the left (reverse mode), a column one from the right
    (forward mode): whichever are fewer are computed as one batch.
    """
    from graphc.passes.cost import typical

    builder, ys, xs = evaluator.builder, _shape(evaluator, y), _shape(evaluator, x)
    if ys == ():
        return reverse(evaluator, {y: builder.const(1.0)}, x)
    if xs == ():
        return tangent(evaluator, y, x, builder.const(1.0))
    by_rows = typical(numel(ys)) <= typical(numel(xs))
    start, end = (y, x) if by_rows else (x, y)
    unit = builder.add("seed", (), {"name": "unit"}, type=builder.type(start))
    result = reverse(evaluator, {y: unit}, x) if by_rows else tangent(evaluator, y, x, unit)
    block = _for_all_units(evaluator, result, unit)
    if not by_rows:
        rank = len(_shape(evaluator, end))
        block = evaluator.call("transpose", block, axes=(*range(1, rank + 1), 0))
    full: int = evaluator.call("reshape", block, shape=(*ys, *xs))
    return full


def _for_all_units(evaluator: Evaluator, result: int, unit: int) -> int:
    """What a value is for each entry of `unit` being 1 and the others 0, one after the other along the first axis."""
    from graphc.passes.batch import batch

    shape = _shape(evaluator, unit)
    count = numel(shape)
    identity = evaluator.call("reshape", evaluator.call("eye", n=count), shape=(count, *shape))
    evaluator.builder.hint(identity, "units")
    return batch(evaluator.builder, [result], {unit: identity}, count)[0]


def _jacobian(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    y, x = _tensors(evaluator, values, expr, ("Y", "X"))
    return Tensor(jacobian(evaluator, y, x))


def _hessian(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    loss, w = _tensors(evaluator, values, expr, ("L", "W"))
    _scalar(evaluator, loss, w, expr)
    result = jacobian(evaluator, _gradient(evaluator, loss, w), w)
    evaluator.builder.hint(result, "hessian")
    return Tensor(result)


OPERATORS: dict[str, Callable[[Evaluator, Sequence[Value], tree.Call], Value]] = {
    "grad": _grad, "vjp": _vjp, "jvp": _jvp, "hvp": _hvp, "jacobian": _jacobian, "hessian": _hessian,
}  # fmt: skip
