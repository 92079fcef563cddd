"""Names in the generated module: the user's where they can stand, unique, the same on every run."""

from __future__ import annotations

import builtins
import keyword
import unicodedata
from collections.abc import Iterable

from graphc.emitter.prelude import HELPERS

__all__ = ["RESERVED", "Names", "argument_name", "argument_names", "cotangent_names"]

# What the generated module defines or uses at its top level: no argument or local may hide these.
MODULE = {
    "np", "forward", "backward", "value_and_grad", "step", "Workspace", "INPUTS", "PARAMETERS", "OUTPUTS", "SOURCE",
    "forward_in", "backward_in", "memory_of_value_and_grad", "memory_of_forward", "memory_of_backward", "tiles",
    "tile_rows", "for_others", "not_of_workspace", "check_cache", "TILE", "THREADS", "POOL", "FLOATS", "in_threads",
    "tiles_by_thread", "cache", "Outputs", "NamedTuple", "annotations", "workspace", "cotangents", "types", "dtype",
    "grads", "updates",
}  # fmt: skip
USED_BUILTINS = {
    "ValueError", "type", "len", "tuple", "range", "float", "int", "bool", "isinstance", "dict", "max", "min", "zip",
    "enumerate", "str", "any", "all", "abs", "sum", "slice", "sorted", "list",
}  # fmt: skip
# The helpers that every module may hold: none has a name that arguments often have.
CHECKS = {
    "check", "arrays", "cotangent", "as_types", "wrong_rank", "wrong_shape", "too_small", "check_range", "in_range",
    "fits_into", "fit_together", "unequal_sizes", "self", "given", "of_floating", "too_few_axes",
    "without_axes", "not_one", "does_not_fill", "double_at_most", "no_entries", "unequal_ranks", "few_entries",
    "are_small", "check_workspace", "tile_in", "room_in", "tile_parts", "as_int64", "widened", "reduction_of_rows",
    "number_as_array", "added_mask", "repeated_rows",
}  # fmt: skip
RESERVED = frozenset(MODULE | CHECKS | set(HELPERS) | set(keyword.kwlist) | {"match", "case", "_"})

assert set(dir(builtins)) >= USED_BUILTINS


def argument_name(name: str) -> str:
    """How an argument is called in the module: the user's name, with an underscore after it if it is taken."""
    name = unicodedata.normalize("NFKC", name)
    if name.startswith("__"):  # two underscores at the end as well: else a class takes the name for a private one
        return name + ("_" if name.endswith("_") else "__")
    return name + "_" if name in RESERVED or name in USED_BUILTINS else name


def argument_names(names: Iterable[str]) -> list[str]:
    """How the arguments are called: beside an argument `lambda_` the argument `lambda` is `lambda__`."""
    wanted = [unicodedata.normalize("NFKC", name) for name in names]
    taken = {name for name in wanted if argument_name(name) == name}
    called: dict[str, str] = {}
    for name in sorted(set(wanted) - taken):
        called[name] = _free(argument_name(name), taken)
        taken.add(called[name])
    return [called.get(name, name) for name in wanted]


def cotangent_names(outputs: Iterable[str], arguments: Iterable[str]) -> list[str]:
    """What the incoming cotangents are called: `dy`, or `dy_` beside an argument `dy`."""
    taken, called = set(arguments), []
    for output in outputs:
        called.append(_free(argument_name(f"d{output}"), taken))
        taken.add(called[-1])
    return called


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


class Names:
    """Hands out names for one function: each is used once, taken ones get a number."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self._numbers: dict[str, int] = {}
        """Where to go on numbering the variations of a name, so that many of them take linear time."""

    def fresh(self, wanted: str) -> str:
        """The wanted name, or the first free variation of it."""
        wanted = unicodedata.normalize("NFKC", wanted)
        if not wanted.isidentifier():
            wanted = "value"
        name = argument_name(wanted)
        number = self._numbers.get(wanted, 2)
        while name in self.taken:
            name = f"{wanted}_{number}"
            number += 1
        self._numbers[wanted] = number
        self.taken.add(name)
        return name

    def copy(self) -> Names:
        """The same names taken, to try which others would be."""
        tried = Names(self.taken)
        tried._numbers = dict(self._numbers)
        return tried

    def take(self, tried: Names) -> None:
        """Make a try good."""
        self.taken, self._numbers = tried.taken, tried._numbers
