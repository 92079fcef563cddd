"""The question whether a program's arrays are small: then to plan memory costs more than it saves.

    X: (N, D), W: (D, C)    S = X @ W                if few_entries(((X, 0), (W, 1))):      S has N*C entries
    a size that no argument shows                    if are_small(X, W):
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.text import bracketed
from graphc.ir.dims import Dim, numel
from graphc.ir.graph import Graph
from graphc.ir.types import Unknown

__all__ = ["ask_if_small"]

MOST_TOLD: Final = 8  # arrays; of more the sizes take long to look at
MOST_COMPARED: Final = 16  # shapes, each with each

# With fewer entries than this in each argument, to plan memory costs more than it saves.
CHECK_HELPERS["are_small"] = '''\
def are_small(*values):
    """Whether each of the arguments has few entries; what is no array is left to the check of the arguments."""
    try:
        return max(map(np.size, values)) < 4096
    except (TypeError, ValueError, RuntimeError):
        return True
'''
CHECK_HELPERS["few_entries"] = '''\
def few_entries(*arrays):
    """Whether no array on the way has many entries: then to plan memory costs more than it saves.

    Each is told by its sizes: numbers, and axes of arguments. What is no array is left to the check of the arguments.
    """
    try:
        for sizes in arrays:
            count = 1
            for size in sizes:
                count *= size if type(size) is int else np.shape(size[0])[size[1]]
            if count >= 32768:
                return False
        return True
    except (IndexError, TypeError, ValueError, RuntimeError):
        return True
'''


def ask_if_small(graph: Graph, arguments: Mapping[int, str], helpers: set[str], kinds: Mapping[int, str]) -> list[str]:
    """The line `if …:`, of the arrays on the way if the arguments show their sizes, else of the arguments; `kinds` says
    which values are arrays in the memory that is planned, and the helper that the line calls is added to `helpers`."""
    largest = _largest(graph, kinds)
    shown: dict[Dim, str] = {}
    for argument in graph.arguments:
        if not isinstance(graph[argument.node].type.shape, Unknown):
            for axis, size in enumerate(graph[argument.node].type.dims):
                shown.setdefault(size, f"({arguments[argument.node]}, {axis})")
    if largest is None or not all(size in shown or size.value is not None for sizes in largest for size in sizes):
        helpers.add("are_small")
        return _asked("are_small", list(arguments.values()))
    helpers.add("few_entries")
    texts = [[shown[size] if size.value is None else str(size) for size in sizes] for sizes in largest]
    return _asked("few_entries", [f"({', '.join(each)}{',' * (len(each) == 1)})" for each in texts])


def _largest(graph: Graph, kinds: Mapping[int, str]) -> list[list[Dim]] | None:
    """The sizes of the arrays on the way that no other one is at least as large as; None if these are too many."""
    roots = {*graph.outputs.values(), *graph.gradients.values()}
    shapes = [graph[id].type.dims for id, kind in kinds.items() if kind == "buffer" and id not in roots]
    counts = {numel(shape): [size for size in shape if size != 1] for shape in shapes}
    if len(counts) > MOST_COMPARED:
        return None
    parts_of = {n: Counter(sizes) for n, sizes in counts.items()}
    largest = [
        sizes for n, sizes in counts.items()
        if not any(m != n and (parts_of[n] <= parts_of[m] or (m - n).is_nonnegative()) for m in counts)
    ]  # fmt: skip
    return largest if len(largest) <= MOST_TOLD else None


def _asked(helper: str, items: Sequence[str]) -> list[str]:
    if len(items) < 2:
        return [f"        if {helper}({', '.join(items)}):"]
    return bracketed(f"        if {helper}(", items, "):")
