"""Finding operations: the primitive ones of the family files, the composite ones of `graphc/rules/*.g`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from threading import RLock

import graphc.ops
from graphc.ops.base import Op, registry

__all__ = ["find", "lookup", "names", "spelt"]

_loaded = _loading = False
_lock = RLock()


def _load() -> None:
    """Import the family files, once; each registers its operations. Other threads wait until all are there, and a file
    that asks for an operation meanwhile gets those that are."""
    global _loaded, _loading
    if _loaded:
        return
    with _lock:
        if _loaded or _loading:
            return
        _loading = True
        try:
            for family in sorted(module.name for module in iter_modules(graphc.ops.__path__)):
                import_module(f"graphc.ops.{family}")
            _loaded = True
        finally:
            _loading = False


def find(name: str) -> Op | None:
    """The operation of that name, or None."""
    _load()
    op = registry.get(name)
    if op is None:
        from graphc.rules.table import composite

        op = composite(name)
        if op is not None:
            registry[name] = op
    return op


def lookup(name: str) -> Op:
    """The operation of that name; it must exist."""
    op = find(name)
    assert op is not None, f"no operation {name}"
    return op


def spelt() -> set[str]:
    """As `names`, with no definition read, so that the parser itself may ask; some only rules use are among them."""
    from graphc.rules.table import composite_names

    _load()
    return {name for name, op in registry.items() if not op.hidden} | set(composite_names())


def names(hidden: bool = False) -> list[str]:
    """All names that a program may call, sorted; with `hidden` also those that only rules use."""
    from graphc.rules.table import composite_names

    _load()
    composite = [name for name in composite_names() if not lookup(name).hidden or hidden]
    return sorted({name for name, op in registry.items() if hidden or not op.hidden} | set(composite))
