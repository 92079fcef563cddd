"""Names in the generated module: the user's where they can stand, unique, the same on every run."""

from __future__ import annotations

import builtins
import keyword
import unicodedata
from collections.abc import Iterable

from graphc.emitter.prelude import HELPERS

__all__ = ["RESERVED", "Names", "argument_name"]

# What the generated module defines or uses at its top level: no argument or local may hide these.
MODULE = {
    "np", "forward", "backward", "value_and_grad", "step", "Workspace", "INPUTS", "PARAMETERS", "OUTPUTS", "SOURCE",
    "forward_in", "backward_in", "memory_of_value_and_grad", "memory_of_forward", "memory_of_backward", "tiles",
    "tile_rows", "for_others", "TILE",
    "cache", "Outputs", "NamedTuple", "annotations", "workspace", "cotangents", "types", "dtype", "grads", "updates",
}  # fmt: skip
USED_BUILTINS = {
    "ValueError", "type", "len", "tuple", "range", "float", "int", "bool", "isinstance", "dict", "max", "min", "zip",
    "enumerate", "str", "any", "all", "abs", "sum", "slice", "sorted", "list",
}  # fmt: skip
# The helpers that every module may hold, but for names that arguments often have.
CHECKS = {
    "check", "arrays", "cotangent", "as_types", "wrong_rank", "wrong_shape", "too_small", "check_range", "in_range",
    "fits_into", "self", "given",
}  # fmt: skip
RESERVED = frozenset(MODULE | CHECKS | (set(HELPERS) - {"shift"}) | set(keyword.kwlist) | {"match", "case", "_"})

assert set(dir(builtins)) >= USED_BUILTINS


def argument_name(name: str) -> str:
    """How an argument is called in the module: the user's name, with an underscore after it if it is taken."""
    name = unicodedata.normalize("NFKC", name)
    return name + "_" if name in RESERVED or name in USED_BUILTINS or name.startswith("__") else name


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
