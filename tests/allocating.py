"""What the functions of an -O2 module allocate in a workspace, counted by tracemalloc, to which NumPy tells it."""

from __future__ import annotations

import inspect
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

import graphc
from graphc.api import module_from

__all__ = ["allocated", "in_one_tile", "small_buffers"]


@contextmanager
def small_buffers() -> Iterator[None]:
    """NumPy's own buffers for mixed types are made small, so that an array of booleans is seen as well."""
    before = np.setbufsize(1024)
    yield
    np.setbufsize(before)


def in_one_tile(text: str) -> ModuleType:
    """The -O2 module of a program, its tiles as long as its arrays: what is allocated in one is seen."""
    return module_from(graphc.compile(text, level=2, verify=False).replace("131072", str(1 << 30)), "large.g")


def allocated(module: ModuleType, given: dict[str, Any]) -> dict[str, int]:
    """The most that a call of each function takes beyond the workspace, in bytes."""
    together: dict[str, Any] = {}
    apart: tuple[Any, ...] = ()
    if "cotangents" in inspect.signature(module.value_and_grad).parameters:
        outputs, _ = module.forward(**given)
        apart = tuple(np.ones_like(output) for output in (outputs if isinstance(outputs, tuple) else (outputs,)))
        together = {"cotangents": apart}
    workspace = module.Workspace(**given)
    cache = module.forward(**given, workspace=workspace)[1]
    calls: dict[str, Callable[[], object]] = {
        "forward": lambda: module.forward(**given, workspace=workspace),
        "backward": lambda: module.backward(cache, *apart, workspace=workspace),
        "value_and_grad": lambda: module.value_and_grad(**given, **together, workspace=workspace),
    }
    peaks = {}
    for name, call in calls.items():
        call()
        call()
        tracemalloc.start()
        call()
        peaks[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peaks
