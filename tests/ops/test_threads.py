"""Public operations in loops on threads, of which each has a row or two: the same numbers as at -O1."""

from __future__ import annotations

from types import ModuleType

import pytest

import graphc
from graphc.api import module_from
from graphc.ops.table import names
from ops.cases import Case, accepted, cases
from ops.running import Program, failures, quietly, report
from ops.test_workspace import same

EVERY = 8  # of an operation's cases; ops/test_workspace.py takes all of them, on one thread


@pytest.mark.parametrize("name", names())
def test_operation_on_threads(name: str) -> None:
    found = failures(cases(name)[::EVERY], check)
    assert not found, report(found)


def on_threads(text: str) -> ModuleType:
    """The -O2 module of a program; tiles have one row or two, and however few there are, three threads share them."""
    source = graphc.compile(text, level=2, threads=3, verify=False)
    smaller = {"TILE = 1048576": "TILE = 8", "< 4096": "< 0", ">= 32768": ">= 0", ">= 2 * THREADS": ">= 1"}
    for old, new in smaller.items():
        source = source.replace(old, new)
    return module_from(source, "threads.g")


def check(case: Case) -> None:
    with quietly():
        try:
            program = Program(case.text(), case.arguments)
        except ValueError:  # NumPy refuses, and so does the module
            return
        if accepted(case, symbolic=True) is not None:
            return
        module, plain = on_threads(case.text(True)), graphc.load(case.text(True), level=1, verify=False)
        extra = {} if program.joint.loss else {"cotangents": tuple(program.cotangents.values())}
        wanted = plain.value_and_grad(**program.arguments, **extra)
        workspace = module.Workspace(**program.arguments)
        for _ in range(2):
            same(module.value_and_grad(**program.arguments, **extra, workspace=workspace), wanted)
            outputs, cache = module.forward(**program.arguments, workspace=workspace)
            same((outputs, module.backward(cache, *extra.get("cotangents", ()), workspace=workspace)), wanted)
