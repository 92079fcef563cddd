"""Work counted rather than timed: seconds mean nothing on a busy machine."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import numpy as np

import graphc

__all__ = ["calls", "entrywise_calls", "lines"]


def calls(function: Callable[[], object]) -> int:
    """How many calls a function makes, of Python functions and of the interpreter's own."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def entrywise_calls(module: ModuleType, function: Callable[[], object]) -> list[tuple[str, list[tuple[int, ...]]]]:
    """The functions of NumPy by entries that a generated module calls meanwhile, each with its operands' shapes."""
    found: list[tuple[str, list[tuple[int, ...]]]] = []

    class Noted:
        """NumPy, but that it notes such calls."""

        def __getattr__(self, name: str) -> Any:
            known = getattr(np, name)
            if not isinstance(known, np.ufunc) or known.signature is not None:
                return known

            def call(*given: Any, **options: Any) -> Any:
                found.append((name, [np.shape(x) for x in given[: known.nin]]))
                return known(*given, **options)

            call.reduce, call.reduceat = known.reduce, known.reduceat  # type: ignore[attr-defined]  # as a ufunc has
            return call

    before = module.np
    module.np = Noted()  # type: ignore[assignment]  # a stand-in for the while
    try:
        function()
    finally:
        module.np = before
    return found


def lines(function: Callable[[], object]) -> Counter[tuple[str, int]]:
    """How often each line of graphc is run: `("passes/fold.py", 31)` -> count. A turn of a comprehension counts."""
    top = str(Path(graphc.__file__).parent)
    counts: Counter[tuple[Any, int]] = Counter()

    def line(frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            counts[frame.f_code, frame.f_lineno] += 1
        return line

    def call(frame: FrameType, event: str, argument: object) -> Any:
        return line if frame.f_code.co_filename.startswith(top) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        function()
    finally:
        sys.settrace(before)
    total: Counter[tuple[str, int]] = Counter()
    for (code, number), count in counts.items():
        total[str(Path(code.co_filename).relative_to(top)), number] += count
    return total
