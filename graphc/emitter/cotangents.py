"""The incoming cotangents of a program without a scalar loss: one an output, or those of the floating outputs alone.

    output S, i                     def backward(cache, dS, di=None):
    output i, S                     def backward(cache, di=None, dS=None):
                                        (dS,) = of_floating((di, dS), (1,), 2)

Outputs of integers and booleans have no gradient; what is given for them plays no part.
"""

from __future__ import annotations

from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.naming import cotangent_names
from graphc.ir.graph import Graph

__all__ = ["UNPACK", "Incoming"]

UNPACK = ["    if isinstance(cotangents, tuple):", "        (cotangents,) = cotangents"]
"""Of a single output the cotangent may be given as it is."""

LONGEST = 24
"""Names that take more characters are not listed in the documentation."""


class Incoming:
    """The parameters of `backward` behind the cache: `floating` are those of floating outputs, `every` one an output.

    With a loss there is its cotangent alone.
    """

    def __init__(self, graph: Graph, arguments: list[str]) -> None:
        self.loss = graph.loss
        outputs = list(graph.cotangents if graph.loss else graph.outputs)
        self.idle = [name for name in outputs if name not in graph.cotangents]
        called = [*graph.cotangents, *self.idle]
        names = dict(zip(called, cotangent_names(called, arguments), strict=True))
        self.floating = [names[name] for name in graph.cotangents]
        self.every = [names[name] for name in outputs]
        self.places = tuple(self.every.index(name) for name in self.floating)

    @property
    def mixed(self) -> bool:
        """Whether one without a gradient stands before one that has."""
        return self.places != tuple(range(len(self.floating)))

    @property
    def all(self) -> str:
        """The tuple of all parameters."""
        return f"({', '.join(self.every)})"

    def parameters(self) -> list[str]:
        """As they stand in the head of `backward`."""
        if self.loss:
            return [f"{name}=1.0" for name in self.floating]
        return [name if name in self.floating and not self.mixed else f"{name}=None" for name in self.every]

    def handed_on(self) -> str:
        """As `backward` hands them on to a function that takes those of floating outputs alone."""
        return f"*{self.chosen(self.all)}" if self.mixed else ", ".join(self.floating)

    def chosen(self, given: str) -> str:
        """The text that picks the floating outputs' out of what is given."""
        places = ", ".join(map(str, self.places)) + ("," if len(self.places) == 1 else "")
        return f"of_floating({given}, ({places}), {len(self.every)})"

    def exempt(self) -> str:
        """What the documentation says of those that have no gradient."""
        names = " and ".join(self.idle)
        if len(names) > LONGEST:
            names = "integers and booleans"
        return f"{names} {'needs' if names in self.idle else 'need'} none" if self.idle else ""


CHECK_HELPERS["of_floating"] = '''\
def of_floating(cotangents, places, count):
    """The cotangents at these places of so many, one an output; or these alone, if the others are left out."""
    alone = len(places) == 1 and not isinstance(cotangents, tuple)
    given = (cotangents,) if alone else tuple(cotangents)
    if len(given) == count and all(given[k] is not None for k in places):
        return [given[k] for k in places]
    given = [value for value in given if value is not None]
    if len(given) != len(places):
        raise ValueError(f"{len(places)} or {count} cotangents must be given, not {len(given)}")
    return given
'''
