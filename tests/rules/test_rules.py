"""Every rule: complete, closed, linear, right by numbers wherever a program holds its operation, and right at kinks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.language import tree
from graphc.ops.table import find, lookup, names
from graphc.rules.python import BUILDERS
from graphc.rules.table import builtin_rule, rule_names
from graphc.verify.rules import rule_error
from ops.running import quietly
from rules.instances import gradients_at, instances, wrong
from rules.kinks import KINKS

WITH_RULE = sorted({*rule_names(), *BUILDERS})

# Lowering replaces these when they are called, so no node of theirs is ever differentiated; or they have no operand.
LEAVES = {"argument", "seed", "const", "size"}


def contributions(rule: tree.RuleDef) -> dict[str, tree.Expr]:
    """The lines d<operand> of a rule."""
    operands = {f"d{p.name}" for p in rule.signature.operands}
    return {
        s.targets[0].id: s.value for s in rule.body if isinstance(s, tree.Assign) and s.targets[0].id in operands
    }


def gives_nothing(rule: tree.RuleDef) -> bool:
    """Whether all lines of a rule say `none`."""
    return all(isinstance(e, tree.Constant) and e.value is None for e in contributions(rule).values())


# ---------------------------------------------------------------- the text of the rules


@pytest.mark.parametrize("name", rule_names())
def test_a_rule_has_one_line_per_operand(name: str) -> None:
    rule = builtin_rule(name)
    assert rule is not None
    assert list(contributions(rule)) == [f"d{p.name}" for p in rule.signature.operands] or set(
        contributions(rule)
    ) == {f"d{p.name}" for p in rule.signature.operands}
    targets = [s.targets[0].id for s in rule.body if isinstance(s, tree.Assign)]
    assert len(targets) == len(set(targets)), "a line stands twice"


@pytest.mark.parametrize("name", rule_names())
def test_a_rule_has_the_operands_and_attributes_of_its_operation(name: str) -> None:
    rule, op = builtin_rule(name), find(name)
    assert rule is not None and op is not None, f"no operation {name}"
    assert tuple(p.name for p in rule.signature.operands) == op.operands
    assert {p.name for p in rule.signature.attributes} <= set(op.attributes)


@pytest.mark.parametrize("name", rule_names())
def test_what_a_rule_calls_exists(name: str) -> None:
    rule = builtin_rule(name)
    assert rule is not None
    for function in sorted({f for s in rule.body if isinstance(s, tree.Assign) for f in _called(s.value)}):
        assert function == "shape" or find(function) is not None, function


def _called(expr: Any) -> Iterator[str]:
    if isinstance(expr, tree.Call):
        yield expr.function
    for field in getattr(expr, "__dataclass_fields__", ()):
        value = getattr(expr, field)
        for item in value if isinstance(value, tuple) else (value,):
            if hasattr(item, "__dataclass_fields__") and "span" not in field:
                yield from _called(item)


def test_every_operation_that_stands_in_a_graph_has_a_rule() -> None:
    """Found in the graphs of all cases, their gradients and second derivatives: the set of operations is closed."""
    from rules.instances import _gathered

    without = [
        name for name in _gathered()
        if name not in WITH_RULE and name not in LEAVES and not (lookup(name).definition and not lookup(name).rule)
    ]  # fmt: skip
    assert not without, f"no rule for: {', '.join(without)}"


def test_rule_files_name_their_family() -> None:
    """A rule stands in the file of the family that its operation is declared in, as far as both exist."""
    folder = Path(graphc.__file__).parent / "rules"
    assert {path.stem for path in folder.glob("*.g")} >= {lookup(name).family for name in rule_names()} - {"core"}


# ---------------------------------------------------------------- by numbers


def test_every_rule_is_met() -> None:
    """Each rule that gives a gradient has instances it is checked on."""
    unmet = []
    for name in WITH_RULE:
        rule = None if name in BUILDERS else builtin_rule(name)
        if (rule is None or not gives_nothing(rule)) and not instances(name):
            unmet.append(name)
    assert not unmet, f"no instance for: {', '.join(unmet)}"


@pytest.mark.parametrize("name", WITH_RULE)
def test_a_rule_is_right_wherever_it_is_met(name: str) -> None:
    op = lookup(name)
    found = [f"{instance}: {complaint}" for instance in instances(name) if (complaint := wrong(op, instance))]
    assert not found, "\n".join(found[:6])


@pytest.mark.parametrize("name", WITH_RULE)
def test_a_rule_is_linear_in_the_cotangent(name: str) -> None:
    op = lookup(name)
    rng = np.random.default_rng(4)
    for instance in instances(name)[:6]:
        if instance.exact and not all(np.isfinite(g).all() for g in instance.exact.values()):
            continue
        other = rng.standard_normal(np.shape(instance.cotangent))
        a, b = gradients_at(op, instance), gradients_at(op, replace(instance, cotangent=other))
        both = gradients_at(op, replace(instance, cotangent=3 * instance.cotangent - other))
        for k in a:
            err = float(np.max(np.abs(both[k] - (3 * a[k] - b[k])), initial=0.0))
            scale = 1 + float(np.max(np.abs(a[k]), initial=0.0)) + float(np.max(np.abs(b[k]), initial=0.0))
            assert err <= 1e-12 * scale, f"{instance}, operand {k}"


@pytest.mark.parametrize("name", ["matmul", "multiply", "softmax", "sum", "tanh"])
def test_the_checker_of_programs_finds_a_wrong_rule(name: str) -> None:
    """`rule_error`, which checks the rules that programs bring, sees a sign; the right rule passes it."""
    op = lookup(name)
    rule = builtin_rule(name)
    assert rule is not None
    body = list(rule.body)
    last = body[-1]
    assert isinstance(last, tree.Assign)
    body[-1] = replace(last, value=tree.Unary("-", last.value, last.span))
    bad = replace(op, rule=replace(rule, body=tuple(body)))
    instance = next(i for i in instances(name) if not i.exact)
    with quietly():
        right, _ = rule_error(op, instance.values, instance.types, dict(instance.attrs), {}, 0)
        off, _ = rule_error(bad, instance.values, instance.types, dict(instance.attrs), {name: bad}, 0)
    assert right <= 1e-5
    assert off >= 0.1


# ---------------------------------------------------------------- kinks


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize(("text", "arguments", "expected"), KINKS, ids=[text.split("\n")[1] for text, _, _ in KINKS])
def test_gradient_at_a_kink(text: str, arguments: Mapping[str, Any], expected: Mapping[str, Any], level: int) -> None:
    module = graphc.load(text, level=level, verify=False)
    given = {n: np.asarray(v, int if n == "k" else bool if n == "c" else float) for n, v in arguments.items()}
    with quietly():
        outputs, cache = module.forward(**given)
        gradients = module.backward(cache, np.ones(np.shape(outputs)))
    for name, want in expected.items():
        np.testing.assert_allclose(gradients[name], np.asarray(want, float), rtol=1e-12, atol=1e-15, err_msg=name)


def test_every_name_is_looked_up() -> None:
    """The table of operations and the rules speak of the same operations."""
    assert set(rule_names()) <= set(names(hidden=True))
