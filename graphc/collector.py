"""The collector of cycles, paused while large structures are built.

A program of 10,000 operations is some million small objects on its way through the compiler: trees, graphs, texts. They
live until the module is there and make no cycles worth speaking of, but each time enough new ones have come the
collector walks through all of them: a quarter of the time of a compile.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collector_paused"]


@contextmanager
def collector_paused() -> Iterator[None]:
    """No collection of cycles meanwhile; afterwards as before. Also a decorator."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
