"""Planted mistakes are found: none is called right, and at least nine in ten are called by their names."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from graphc.grade.child import ask
from graphc.grade.explain import Verdict, judge
from graphc.grade.grading import request_for
from graphc.grade.kinds import KINDS
from graphc.grade.reference import Reference, Setting, read_source


def _planted() -> ModuleType:
    spec = importlib.util.spec_from_file_location("planted", Path(__file__).parent / "planted.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


CASES = _planted().CASES
WRT = {"normalised": ["X", "g", "b"]}


def verdict_of(source: str, reference: Reference, setting: Setting) -> Verdict | None:
    """The verdict for a file's text; None where it stops with an error, as with sizes that do not agree."""
    module = ModuleType("student")
    exec(compile(source, "student.py", "exec"), module.__dict__)
    try:
        answer = ask(module, setting.data(), request_for(reference))
    except ValueError:
        return None
    return judge(setting, answer)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_right_one_is_right(case: object) -> None:
    reference = Reference(read_source(case.program), WRT.get(case.name))  # type: ignore[attr-defined]
    for seed in range(3):
        for setting in reference.settings(seed):
            verdict = verdict_of(case.student, reference, setting)  # type: ignore[attr-defined]
            assert verdict is not None and verdict.ok
            assert not verdict.findings


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mistakes_are_named(case: object, seed: int) -> None:
    mistakes = case.mistakes  # type: ignore[attr-defined]
    assert len(mistakes) >= 20
    assert set().union(*(m.kinds for m in mistakes)) <= set(KINDS)
    reference = Reference(read_source(case.program), WRT.get(case.name))  # type: ignore[attr-defined]
    settings = reference.settings(seed)
    missed = []
    for planted in mistakes:
        verdicts = [verdict_of(case.wrong(planted), reference, setting) for setting in settings]  # type: ignore[attr-defined]
        wrong = next((v for v in verdicts if v is not None and not v.ok), None)
        assert wrong is not None, f"{planted.new!r} for {planted.old!r} is called right"
        assert wrong.findings
        if wrong.findings[0].kind not in planted.kinds:
            missed.append((planted, [(f.name, f.kind, f.text) for f in wrong.findings]))
    assert len(missed) <= 0.1 * len(mistakes), missed


def test_every_kind_that_the_classics_ask_for_is_planted() -> None:
    kinds = set().union(*(planted.kinds for case in CASES for planted in case.mistakes))
    asked = {"transpose", "sum", "1/N", "fan-out", "mask", "label", "axis", "chain", "regularisation", "factor 2"}
    assert asked | {"sign"} <= kinds
