"""The tests of rules are tested: of every rule in the rule files mutants are made, and each must be caught.

Caught is: its gradient differs from the numerical one, or at a kink from the right one, in one of the instances; or it
cannot be applied. What cannot be caught because it is as right as the original is listed with the reason.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphc.ir.types import ShapeError
from graphc.language.values import Fault
from graphc.ops.base import CallError
from graphc.ops.table import lookup
from graphc.rules.table import builtin_rule, rule_names
from rules.equivalent import EQUIVALENT
from rules.instances import instances, wrong
from rules.mutants import Mutant, mutants

PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_every_mutant_is_caught(part: int) -> None:
    survivors = [f"{name}: {change}" for name in rule_names()[part::PARTS] for change in surviving(name)]
    unlisted = [survivor for survivor in survivors if survivor not in EQUIVALENT]
    assert not unlisted, f"{len(unlisted)} mutants are not caught:\n" + "\n".join(unlisted)


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_listed_as_equivalent_does_survive(part: int) -> None:
    names = set(rule_names()[part::PARTS])
    listed = {key for key in EQUIVALENT if key.partition(":")[0] in names}
    survivors = {f"{name}: {change}" for name in names for change in surviving(name)}
    assert listed <= survivors, f"no longer survive, or no longer exist: {sorted(listed - survivors)}"


_survivors: dict[str, list[str]] = {}


def surviving(name: str) -> list[str]:
    """The changes of the mutants of a rule that no instance catches."""
    if name not in _survivors:
        rule = builtin_rule(name)
        assert rule is not None
        _survivors[name] = [m.change for m in mutants(rule) if not caught(name, m)] if instances(name) else []
    return _survivors[name]


def caught(name: str, mutant: Mutant) -> bool:
    op = replace(lookup(name), rule=mutant.rule)
    for instance in instances(name):
        try:
            if wrong(op, instance) is not None:
                return True
        except (Fault, ShapeError, CallError, AssertionError, ValueError, TypeError, KeyError, IndexError):
            return True  # it cannot be applied
    return False
