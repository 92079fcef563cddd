"""graphc: a few lines of network mathematics to readable, stand-alone NumPy, forward and backward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphc.version import __version__

if TYPE_CHECKING:
    from graphc.api import compile, differentiate, emit, load, parse
    from graphc.flat import flatten
    from graphc.ir.graph import Graph
    from graphc.language.diagnostics import GraphcError, GraphcWarning

__all__ = [
    "Graph", "GraphcError", "GraphcWarning", "__version__", "compile", "differentiate", "emit", "flatten", "load",
    "parse",
]  # fmt: skip

_HOMES = {
    "Graph": "graphc.ir.graph", "GraphcError": "graphc.language.diagnostics",
    "GraphcWarning": "graphc.language.diagnostics", "flatten": "graphc.flat",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `graphc --help` needs neither NumPy nor networkx nor Lark."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "graphc.api")), name)
