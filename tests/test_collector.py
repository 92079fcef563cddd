"""The collector of cycles is paused while a program is compiled: then nothing large may lie in a cycle."""

from __future__ import annotations

import gc
import sys
import types
import weakref

import pytest

import graphc
from graphc.collector import collector_paused
from graphc.ir.graph import Node

DECLARED = "input X[N, D]\nparam W[D, D], s[]\nY = softmax(X @ W) * (2 * s + N)\nL = sum(Y**2) / (N - 1)"
UNDECLARED = "H = tanh(X @ W + b)\nL = sum(H * H * 3)"
UPDATED = "input X[N, D]\nparam w[D]\nL = mean((X @ w)**2)\ng = grad(L, w)\nw <- w - 0.1 * g"
RULED = "op twice(x) = 2 * x\nrule twice(x) -> y { dx = 2 * dy }\nparam x[N]\nL = sum(twice(x)**2)"


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("program", [DECLARED, UNDECLARED, UPDATED, RULED])
def test_what_a_compile_makes_is_free_when_it_is_done(program: str, level: int) -> None:
    gc.collect()
    with collector_paused():
        graphc.compile(program, level=level)
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            gc.collect()
            left = [each for each in gc.garbage if isinstance(each, Node)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
    assert not left


def test_the_collector_is_on_again_afterwards() -> None:
    with pytest.raises(graphc.GraphcError):
        graphc.compile("L = sum(")
    assert gc.isenabled()


def test_what_is_there_is_old_after_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next collection, of what is young, would go through the modules and all that was made."""
    gc.collect()
    with collector_paused():
        monkeypatch.setitem(sys.modules, "just_imported", types.ModuleType("just_imported"))
        made = [[k] for k in range(10_000)]
    young = gc.get_objects(generation=0)
    assert gc.is_tracked(made[0]) and len(young) < 1_000
    assert gc.get_freeze_count() == 0, "they are collected like others, later"


def test_modules_that_are_loaded_and_dropped_are_freed() -> None:
    """Without a collection asked for: functions and what they know of their module are a cycle."""
    dropped = [weakref.ref(graphc.load("L = sum(x * x)", level=0, verify=False).forward) for _ in range(60)]
    assert sum(each() is None for each in dropped) > 20


def test_what_the_process_has_frozen_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with collector_paused():
            monkeypatch.setitem(sys.modules, "just_imported", types.ModuleType("just_imported"))
        assert 0 < gc.get_freeze_count() <= frozen
    finally:
        gc.unfreeze()
