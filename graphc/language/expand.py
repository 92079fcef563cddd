"""Operations that are written in the language: composite operations, and derivation rules applied to a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Node
from graphc.ir.replay import replayed
from graphc.ir.types import Solver, Type, Unknown
from graphc.language import tree
from graphc.language.evaluate import Evaluator
from graphc.language.mismatch import inside
from graphc.language.scope import Environment, Scope
from graphc.language.values import Fault, Tensor
from graphc.ops.base import Op
from graphc.passes.branches import masked
from graphc.rules.table import builtin_rule, signature_parts

__all__ = ["at_rule", "composite_op", "expand_definition", "expand_rule", "rule_of"]

Limit: TypeAlias = "tuple[int, Dim, str]"
"""Which operand of an operation holds integers, of how many things, and whether they are labels or indices."""


def composite_op(
    statement: tree.OpDef,
    rule: tree.RuleDef | None,
    *,
    family: str,
    doc: str = "",
    math: str = "",
    source: str = "",
    domain: Mapping[str, str] | None = None,
    hidden: bool = False,
    environment: Environment | None = None,
    indices: tuple[str, ...] = (),
    shape: str = "",
    aliases: Mapping[str, str] | None = None,
    name: str | None = None,
) -> Op:
    """The operation that an `op` statement defines; with a rule it stays one node until after differentiation.

    `shape` names the operand whose shape the result has, where that is more than the definition tells: over an
    operand of unknown rank. `name` is what nodes of it are called, where that is not what calls say.
    """
    operands, attributes, optional = signature_parts(statement.signature)

    # What the last solver was asked: operations that use one another twice would take exponential time.
    asked: list[tuple[Solver, dict[Any, tuple[Type, list[Limit]]]]] = []

    def infer(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
        return answer(solver, types, attrs)[0]

    def answer(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> tuple[Type, list[Limit]]:
        last = asked[0] if asked else None
        if last is None or last[0] is not solver:
            last = solver, {}
            asked[:] = [last]
        known = last[1]
        key = (*types, *sorted((name, type(value).__name__, value) for name, value in attrs.items()))
        if key not in known:
            known[key] = compute(solver, types, attrs)
        return known[key]

    def compute(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> tuple[Type, list[Limit]]:
        scratch = Builder(environment.ops if environment else None, solver)
        evaluator = Evaluator(scratch)
        ids = [
            scratch.add("argument", (), {"name": name}, type=type, name=name)
            for name, type in zip(operands, types, strict=True)
        ]
        result = scratch.type(evaluator.inline(op, ids, attrs)[0])
        for demand in evaluator.minimums:
            solver.at_least(*demand)
        limits = [(operands.index(name), size, kind) for name, size, kind in evaluator.limits]
        if shape and isinstance(result.shape, Unknown):
            result = result.with_shape(types[operands.index(shape)].shape)
        return result, limits

    op = Op(
        name=name or statement.signature.name,
        family=family,
        operands=operands,
        attributes=attributes,
        positional=tuple(attributes),
        infer=infer,
        limits=lambda solver, types, attrs: answer(solver, types, attrs)[1],
        doc=doc,
        math=math,
        source=source,
        domain=domain or {},
        hidden=hidden,
        definition=statement,
        rule=rule,
        environment=environment,
        optional=optional,
        indices=indices,
        aliases=aliases or {},
        cost="dear",
    )
    return op


def expand_definition(builder: Builder, op: Op, operands: list[int], attrs: Mapping[str, Any]) -> int:
    """The nodes that a composite operation stands for."""
    return Evaluator(builder).inline(op, operands, attrs)[0]


def rule_of(op: Op) -> tree.RuleDef | None:
    """The derivation rule of an operation: its program's own, else the table's."""
    return op.rule or builtin_rule(op.name)


class _RuleEvaluator(Evaluator):
    """Evaluates a rule's body: `dx` there is the rule's own name and says nothing in the generated code.

    Where it `chooses`, what is made of the cotangent is not multiplied by a mask: the mask chooses between that and 0.
    """

    def __init__(self, builder: Builder, cotangent: int, chooses: bool) -> None:
        super().__init__(builder)
        self.made_of_it = {cotangent}
        self.chooses = chooses

    def add(
        self, op: str, operands: Sequence[int] = (), attrs: Mapping[str, Any] | None = None, type: Type | None = None
    ) -> int:
        if not self.chooses:
            return super().add(op, operands, attrs, type)
        made = None
        if op == "multiply":
            for factor, mask in (operands, operands[::-1]):
                if self.type(mask).dtype == "bool" and self.type(factor).is_float and factor in self.made_of_it:
                    made = masked(self.builder, mask, factor)
        made = super().add(op, operands, attrs, type) if made is None else made
        if not self.made_of_it.isdisjoint(operands):
            self.made_of_it.add(made)
        return made

    def named(self, id: int, name: str, scope: Scope) -> None:
        if name[1:] not in scope.values:
            super().named(id, name, scope)


def expand_rule(
    builder: Builder, op: Op, node: Node, cotangent: int, chooses: bool = False
) -> Sequence[int | None]:
    """The contributions of a node's cotangent to its operands, one per operand; None where there is no gradient.

    Where the rule's masks multiply the cotangent they choose between it and 0 if it `chooses`.
    """
    inputs = (*node.operands, node.id, cotangent)
    what = "rule that chooses" if chooses else "rule"
    return replayed(
        builder, what, node.op, node.attrs, inputs, lambda: _evaluated(builder, op, node, cotangent, chooses)
    )


def _evaluated(builder: Builder, op: Op, node: Node, cotangent: int, chooses: bool) -> list[int | None]:
    from graphc.rules.python import BUILDERS

    evaluator = _RuleEvaluator(builder, cotangent, chooses)
    build = BUILDERS.get(op.name)
    if build is not None and op.rule is None:
        return build(evaluator, node, cotangent)
    rule = rule_of(op)
    assert rule is not None, f"operation {op.name} has no rule"
    scope = Scope(op.environment or Environment(), inside=f"the rule of `{op.title}`")
    formals = [p.name for p in rule.signature.operands]
    for name, operand in zip(formals, node.operands, strict=True):
        scope.values[name] = Tensor(operand)
    scope.values.update({p.name: node.attr(p.name) for p in rule.signature.attributes})
    result = rule.results[0].id
    scope.values[result] = Tensor(node.id)
    scope.values["d" + result] = Tensor(cotangent)
    derived = op.name  # with other arguments as well: no rule has an end to that
    if derived in builder.deriving:  # by `vjp` and its like
        help = "write the gradient out; without a rule it is that of the definition"
        raise Fault("E0208", f"the rule of `{op.title}` differentiates `{op.title}` itself", rule.span, help=help)
    builder.deriving.append(derived)
    try:
        evaluator.body(rule.body, scope)
    except Fault as fault:
        place = node.origin.span if node.origin else None
        raise inside(fault, f"the rule of `{op.title}` is applied to this", place) from None
    finally:
        builder.deriving.pop()
    contributions: list[int | None] = []
    for name in formals:
        key = "d" + name
        if key not in scope.values:
            raise Fault(
                "E0302",
                f"the rule of `{op.title}` has no line for `{key}`",
                rule.span,
                help=f"write `{key} = none` if `{name}` has no gradient",
            )
        value = scope.values[key]
        contributions.append(None if value is None else evaluator.tensor(value))
    return contributions


def at_rule(fault: Fault, op: Op, operand: int, node: Node | None) -> Fault:
    """The fault of a contribution that does not fit its operand, at the line of the rule that makes it."""
    rule = rule_of(op)
    if fault.span is not None or rule is None:
        return fault
    key = f"d{rule.signature.operands[min(operand, len(rule.signature.operands) - 1)].name}"
    lines = [s for s in rule.body if isinstance(s, tree.Assign) and any(t.id == key for t in s.targets)]
    fault.span = lines[0].span if lines else rule.span
    place = node.origin.span if node is not None and node.origin else None
    return inside(fault, f"the rule of `{op.title}` is applied to this", place)
