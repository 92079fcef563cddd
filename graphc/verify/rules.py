"""Single rules checked by numbers: every rule that a program brings, and the search for the one that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Argument, Builder, Graph
from graphc.ir.interpret import interpret
from graphc.ir.types import ShapeError, Solver, Type, Unknown
from graphc.language import tree
from graphc.language.diagnostics import Diagnostic, Diagnostics
from graphc.language.source import Span
from graphc.language.values import Fault, Silent
from graphc.ops.base import REQUIRED, CallError, Op
from graphc.verify.numerical import TOLERANCE, derivative, deviation, doubt
from graphc.verify.program import standing
from graphc.verify.sampling import draw_values

__all__ = ["UNFIT", "Fault", "check_rules", "line_of", "rule_error", "rule_graph"]

UNFIT = (ShapeError, CallError, ValueError, AssertionError, IndexError, np.linalg.LinAlgError)
"""What an operation or NumPy says to operands that do not suit it."""
SHAPES: tuple[tuple[int, ...], ...] = ((3, 4), (3, 3), (3,), (), (2, 3, 4), (2, 2, 4, 4))
FALLBACK = (0.7, 2, 1)
MOST_KINDS = 3
"""Of operands, with which a rule is checked."""


def rule_graph(
    op: Op, types: Sequence[Type], attrs: dict[str, Any], ops: Any, none_is_zero: bool = False
) -> tuple[Graph, Graph, list[str]]:
    """The operation on arguments of these types and its vjp, both of primitive operations; which operands have one.

    An operand that the rule gives `none` has none, or zeros if `none_is_zero`. Raises what the operation's shape
    function and its rule raise.
    """
    from graphc.language.expand import at_rule, expand_rule
    from graphc.passes.dce import eliminate_dead_code
    from graphc.passes.differentiate import sum_to_type, zeros_of
    from graphc.passes.expand import expand

    builder = Builder(ops)
    names = [f"x{k}" for k in range(len(types))]
    ids = [builder.add("argument", (), {"name": n}, type=t, name=n) for n, t in zip(names, types, strict=True)]
    result = builder.add(op.name, ids, attrs)
    arguments = tuple(Argument(n, i, "free") for n, i in zip(names, ids, strict=True))
    forward = Graph(
        nodes=dict(builder.nodes), arguments=arguments, outputs={"y": result}, values={"y": result}, ops=ops
    )
    seed = builder.add("seed", (), {"name": "y"}, type=builder.type(result))
    contributions = expand_rule(builder, op, builder[result], seed)
    gradients = {}
    for place, (name, id, contribution) in enumerate(zip(names, ids, contributions, strict=True)):
        if not builder.type(id).is_float:
            continue
        if contribution is None and none_is_zero:
            gradients[name] = zeros_of(builder, id)
        elif contribution is not None:
            try:
                gradients[name] = sum_to_type(builder, contribution, id, op.title)
            except Fault as fault:
                raise at_rule(fault, op, place, None) from None
    reverse = Graph(
        nodes=builder.nodes,
        arguments=arguments,
        outputs={"y": result},
        gradients=gradients,
        cotangents={"y": seed},
        ops=ops,
    )
    # a product with a Jacobian leaves behind what it was derived from, which no cotangent reaches
    return expand(forward, False), eliminate_dead_code(expand(reverse, False)), list(gradients)


def rule_error(
    op: Op, values: Sequence[Any], types: Sequence[Type], attrs: dict[str, Any], ops: Any, seed: int,
    none_is_zero: bool = False,
) -> tuple[float, str]:  # fmt: skip
    """The worst relative error of a rule's gradients at given operands, and the operand.

    nan: it cannot be told, and why stands in the place of the operand.
    """
    forward, reverse, names = rule_graph(op, types, attrs, ops, none_is_zero)
    sample = {f"x{k}": v for k, v in enumerate(values)}
    base = interpret(forward, sample)
    y = np.asarray(base[forward.outputs["y"]], dtype=float)
    still = standing(forward, base)
    rng = np.random.default_rng(seed)
    cotangent = rng.standard_normal(y.shape)
    gradients = interpret(reverse, sample, {"y": cotangent})
    worst, where = 0.0, ""
    for name in names:
        gradient = np.asarray(gradients[reverse.gradients[name]], dtype=float)
        value = np.asarray(sample[name], dtype=float)
        if gradient.shape != value.shape:
            return float("inf"), name
        direction = rng.standard_normal(value.shape)

        def moved(t: float, name: str = name, value: Any = value, direction: Any = direction) -> float:
            out = interpret(forward, {**sample, name: value + t * direction}, overrides=still)[forward.outputs["y"]]
            return float(np.sum(cotangent * out))

        analytic = float(np.sum(gradient * direction))
        slope, terms = derivative(moved), float(np.sum(np.abs(gradient * direction)))
        error = deviation(analytic, slope, terms)
        if np.isnan(error):
            formal = op.operands[min(int(name[1:]), len(op.operands) - 1)].lstrip("*")
            return error, f"for `{formal}`, {doubt(analytic, slope, terms)}"
        if error > worst:
            worst, where = error, name
    return worst, where


def check_rules(graph: Graph, diagnostics: Diagnostics, seed: int = 0) -> None:
    """Check every rule that the program brings, used or not, with random operands and cotangents."""
    for op in graph.ops.values():
        if op.rule is not None:
            _check_own(op, graph, diagnostics, seed)


def _check_own(op: Op, graph: Graph, diagnostics: Diagnostics, seed: int) -> None:
    """Try operands of each kind that the program uses; if none of them serves, usual ones until some do."""
    assert op.rule is not None
    reason = "no shape of the operands that was tried fits"
    refused: Fault | None = None
    doubtful = checked = False
    tried = _kinds(op, graph)
    for attempt, (types, attrs) in enumerate([*tried, *_candidates(op)]):
        if checked and attempt >= len(tried):
            return
        concrete, attrs = [_concrete(t) for t in types], {name: _numbers(value) for name, value in attrs.items()}
        if doubtful and any(t.dtype == "int" for t in types):
            continue  # it takes floating operands: integers would leave lines of the rule unchecked
        if not _fits(op, concrete, attrs):
            continue
        for values in _operands(concrete, seed + attempt):
            try:
                error, where = rule_error(op, values, concrete, attrs, graph.ops, seed)
            except Fault as fault:
                refused = refused or (None if checked else fault)
                break
            except UNFIT as problem:
                reason = str(problem) or reason
                break
            if np.isnan(error):
                reason, doubtful = where, True
                continue
            if error > TOLERANCE:
                diagnostics.add(_wrong(op, where, error))
                return
            checked = True
            break
        if refused is not None and attempt < len(tried):
            break
    if refused is not None:
        place = refused.span or op.rule.span
        diagnostics.error(refused.code, refused.message, place, refused.label, tuple(refused.notes), refused.help)
    elif not checked:
        diagnostics.warning("W0301", f"the rule of `{op.title}` was not checked: {reason}", op.rule.signature.name_span)


def _kinds(op: Op, graph: Graph) -> list[tuple[list[Type], dict[str, Any]]]:
    """The types of operands and the attributes that the program uses an operation with: the first few."""
    kinds: list[tuple[list[Type], dict[str, Any]]] = []
    for node in graph:
        if node.op == op.name and len(kinds) < MOST_KINDS:
            kind = [graph[u].type for u in node.operands], dict(node.attrs)
            if kind not in kinds:
                kinds.append(kind)
    return kinds


def _wrong(op: Op, where: str, error: float) -> Diagnostic:
    assert op.rule is not None and op.definition is not None
    place = int(where[1:])
    return Diagnostic(
        "E0304",
        "error",
        f"the rule of `{op.title}` gives a wrong gradient for `{op.rule.signature.operands[place].name}`",
        line_of(op, place),
        f"differs from the numerical derivative by {error:.1e} (relative)",
        (("the operation is defined here", op.definition.span),),
        _without_cotangent(op, line_of(op, place)),
    )


def _without_cotangent(op: Op, line: Span) -> str | None:
    """The help for a line that has the derivative alone."""
    assert op.rule is not None
    given = f"d{op.rule.results[0].id}"
    own = {target.id for s in op.rule.body if isinstance(s, tree.Assign) for target in s.targets}
    if set(re.findall(r"\w+", line.text.partition("=")[2])) & {given, *own}:
        return None
    return f"a contribution is `{given}`, the gradient of the result, times the derivative"


def line_of(op: Op, operand: int) -> Span:
    """The line of an operation's own rule that makes the gradient of an operand."""
    assert op.rule is not None
    name = f"d{op.rule.signature.operands[operand].name}"
    lines = [s for s in op.rule.body if isinstance(s, tree.Assign) and any(t.id == name for t in s.targets)]
    return lines[0].span if lines else op.rule.span


def _fits(op: Op, types: Sequence[Type], attrs: dict[str, Any]) -> bool:
    """Whether the operation itself takes operands of these types."""
    try:
        op.infer(Solver(), list(types), attrs)
    except (Fault, Silent, *UNFIT):
        return False
    return True


def _operands(types: Sequence[Type], seed: int) -> Iterator[list[Any]]:
    """Random operands, from one domain after the other."""
    rng = np.random.default_rng(seed)
    for domain in ("normal", "positive", "probability", "above_one", "spd"):
        yield [_draw(rng, type, domain) for type in types]


def _candidates(op: Op) -> Iterator[tuple[list[Type], dict[str, Any]]]:
    """Operands of one shape, then a chain of matrices; then with one of them holding indices."""
    count = len(op.operands)
    chain = [(2, 3), (3, 4), (4, 2), (2, 3)][:count]
    layer = [*chain[:-1], chain[-1][:1]] if count > 1 else []
    biased = [*chain[:2], chain[1][1:]] if count == 3 else []
    shapes = [[shape] * count for shape in SHAPES]
    shapes += [list(each) for each in (chain, layer, biased) if len(each) == count]
    for indices in (None, *range(count)):
        for fallback in FALLBACK:
            attrs = {name: fallback if default is REQUIRED else default for name, default in op.attributes.items()}
            for each in shapes:
                dtypes = ["int" if k == indices else "float" for k in range(count)]
                yield [Type(tuple(map(dim, s)), d) for s, d in zip(each, dtypes, strict=True)], attrs
            if all(default is not REQUIRED for default in op.attributes.values()):
                break


def _concrete(type: Type) -> Type:
    """The type with numbers for its sizes: equal names get equal numbers."""
    if isinstance(type.shape, Unknown):
        return Type((dim(2), dim(3)), type.dtype)
    return Type(tuple(dim(max(_number(d), 1)) for d in type.shape), type.dtype)


def _numbers(value: Any) -> Any:
    """A compile-time argument with the same numbers for its sizes."""
    if isinstance(value, Dim):
        return _number(value)
    return tuple(map(_numbers, value)) if isinstance(value, tuple) else value


def _number(size: Dim) -> int:
    return size.evaluate({name: 2 + sum(map(ord, name)) % 3 for name in size.names()})


def _draw(rng: np.random.Generator, type: Type, domain: str) -> Any:
    shape = tuple(d.evaluate({}) for d in type.dims)
    if type.dtype == "int":
        return rng.integers(0, 2, shape)
    if type.dtype == "bool":
        return rng.random(shape) < 0.5
    return draw_values(rng, shape, domain)
