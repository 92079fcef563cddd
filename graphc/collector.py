"""The collector of cycles, paused while large structures are built.

A program of 10,000 operations is some million small objects on its way through the compiler: trees, graphs, texts. They
live until the module is there and make no cycles worth speaking of, but each time enough new ones have come the
collector walks through all of them: a quarter of the time of a compile.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collector_paused"]


@contextmanager
def collector_paused() -> Iterator[None]:
    """No collection of cycles meanwhile; afterwards as before. Also a decorator."""
    was_on, modules = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if len(sys.modules) > modules:
                _call_all_old()
            gc.enable()


def _call_all_old() -> None:
    """Have the collector take what there is for old, as it does with what it has walked through.

    It would walk at once through all that is new, most of it the modules that have just been imported, which stay.
    Not after each compile: what is old it looks at again only when much has grown old by its own count, and in a
    process that compiles over and over no module that was loaded and dropped would be freed. Frozen and thawed again
    objects are old; where the process itself has frozen some, they stay so.
    """
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()
