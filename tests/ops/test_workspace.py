"""Every public operation in the functions of -O2 that work in given memory: the same numbers as -O1.

Each case runs pure, in a workspace, and in the same workspace again; tiles are made so small that loops run often.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.api import module_from
from graphc.ops.table import names
from ops.cases import Case, accepted, cases
from ops.running import Program, close, failures, named, quietly, report


@pytest.mark.parametrize("name", names())
def test_operation_in_a_workspace(name: str) -> None:
    found = failures(cases(name), check)
    assert not found, report(found)


def with_small_tiles(text: str) -> ModuleType:
    """The -O2 module of a program, its tiles of one row or two."""
    source = graphc.compile(text, level=2, verify=False)
    return module_from(source.replace("131072", "64").replace("4096", "0").replace("32768", "0"), "tiled.g")


def check(case: Case) -> None:
    with quietly():
        try:
            program = Program(case.text(), case.arguments)
        except ValueError:  # NumPy refuses, and so does the module
            return
        for sizes in [False, *([True] if accepted(case, symbolic=True) is None else [])]:
            text = case.text(sizes)
            plain, module = graphc.load(text, level=1, verify=False), with_small_tiles(text)
            extra = {} if program.joint.loss else {"cotangents": tuple(program.cotangents.values())}
            wanted = plain.value_and_grad(**program.arguments, **extra)
            workspace = module.Workspace(**program.arguments)
            for memory in (None, workspace, workspace):
                have = module.value_and_grad(**program.arguments, **extra, workspace=memory)
                same(have, wanted)
                outputs, cache = module.forward(**program.arguments, workspace=memory)
                for _ in range(2):  # what is saved is not overwritten
                    same((outputs, module.backward(cache, *extra.get("cotangents", ()), workspace=memory)), wanted)


def same(have: Any, wanted: Any) -> None:
    for a, b in zip(named(have[0]), named(wanted[0]), strict=True):
        close(a, b, "the value")
        assert np.asarray(a).dtype == np.asarray(b).dtype
    assert list(have[1]) == list(wanted[1])
    for name, gradient in have[1].items():
        close(gradient, wanted[1][name], f"the gradient of {name}")
        assert gradient.dtype == wanted[1][name].dtype
