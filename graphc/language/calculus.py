"""`grad`, `vjp`, `jvp`, `hvp` inside programs: the same differentiation as for `backward`, on the graph so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from graphc.ir.types import Unknown
from graphc.language import tree
from graphc.language.values import Fault, Tensor, Value

if TYPE_CHECKING:
    from graphc.language.evaluate import Evaluator

__all__ = ["OPERATORS"]


def _tensors(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call, names: Sequence[str]) -> list[int]:
    if len(values) != len(names):
        raise Fault("E0206", f"`{expr.function}` takes {len(names)} arguments, not {len(values)}", expr.span,
                    help=f"`{expr.function}({', '.join(names)})`")  # fmt: skip
    ids = []
    for value, argument in zip(values, expr.arguments, strict=True):
        if not isinstance(value, Tensor):
            raise Fault("E0206", f"`{expr.function}` works on values of the program", argument.span)
        if not evaluator.type(value.id).is_float:
            raise Fault("E0402", f"{evaluator.type(value.id).dtype} values have no gradient", argument.span)
        ids.append(value.id)
    return ids


def _scalar(evaluator: Evaluator, id: int, expr: tree.Call) -> None:
    type = evaluator.type(id)
    if type.shape != () and not isinstance(type.shape, Unknown):
        raise Fault("E0401", f"`{expr.function}` differentiates a scalar, and this is {type}", expr.arguments[0].span,
                    help="`vjp(Y, X, v)` takes a cotangent for other values")  # fmt: skip


def reverse(evaluator: Evaluator, seeds: dict[int, int], x: int) -> int:
    """The cotangent of x; zeros where the seeded values do not depend on it."""
    from graphc.passes.differentiate import Adjoint, zeros_of

    gradient = Adjoint(evaluator.builder, seeds, name=False).gradients([x])[0]
    return gradient if gradient is not None else zeros_of(evaluator.builder, x)


def _grad(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    from graphc.passes.differentiate import Adjoint, zeros_of

    loss, x = _tensors(evaluator, values, expr, ("L", "W"))
    _scalar(evaluator, loss, expr)
    cache: dict[int, Adjoint] = evaluator.__dict__.setdefault("adjoints", {})
    if loss not in cache:  # several gradients of one loss share its reverse pass
        cache[loss] = Adjoint(evaluator.builder, {loss: evaluator.builder.const(1.0)}, name=False)
    gradient = cache[loss].gradients([x])[0]
    return Tensor(gradient if gradient is not None else zeros_of(evaluator.builder, x))


def _vjp(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    y, x, v = _tensors(evaluator, values, expr, ("Y", "X", "v"))
    return Tensor(reverse(evaluator, {y: v}, x))


def tangent(evaluator: Evaluator, y: int, x: int, v: int) -> int:
    """The derivative of y along v: the transpose of the transpose, so that forward mode needs no second rules."""
    builder = evaluator.builder
    probe = builder.add("seed", (), {"name": "probe"}, type=builder.type(y))
    pulled = reverse(evaluator, {y: probe}, x)
    return reverse(evaluator, {pulled: v}, probe)


def _jvp(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    y, x, v = _tensors(evaluator, values, expr, ("Y", "X", "v"))
    return Tensor(tangent(evaluator, y, x, v))


def _hvp(evaluator: Evaluator, values: Sequence[Value], expr: tree.Call) -> Value:
    loss, w, v = _tensors(evaluator, values, expr, ("L", "W", "v"))
    _scalar(evaluator, loss, expr)
    gradient = reverse(evaluator, {loss: evaluator.builder.const(1.0)}, w)
    return Tensor(tangent(evaluator, gradient, w, v))


OPERATORS: dict[str, Callable[[Evaluator, Sequence[Value], tree.Call], Value]] = {
    "grad": _grad, "vjp": _vjp, "jvp": _jvp, "hvp": _hvp,
}  # fmt: skip
