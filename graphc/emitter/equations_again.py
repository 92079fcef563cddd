"""The equations of statements that are alike: written once, and again with the numbers of their names.

    # h_7 = tanh(a_7)    da_7 = dh_7 ⊙ (1 - h_7²)       the first statements of this structure: from the graph
    # h_6 = tanh(a_6)    da_6 = dh_6 ⊙ (1 - h_6²)       from then on: what stands there, with a 6 for the 7

What the equations say of a statement's values is in the graph around them: operations, types, names, who is whose
operand, which names others have taken. Where all of it is the same but for the numbers in names, so are the equations.
To see where numbers of names stand, they are written once over the digits of another script, and of that part of the
graph alone which was compared: what asks for more of it is not written again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphc.emitter.equations import Bearers, equations
from graphc.ir.graph import Graph, Node, typed
from graphc.ir.types import Type

__all__ = ["Equations"]

MOST: Final = 40
"""So many values around a statement are compared."""
MANY: Final = 50
"""So many structures are remembered whether they come again or not."""
MARKS: Final = "".join(map(chr, range(0x1D7CE, 0x1D800)))
"""Digits that no name has: in identifiers they are normalised to plain ones."""
_TO_ZEROS: Final = str.maketrans("123456789", "000000000")
_NUMBER: Final = re.compile("[0-9]+")
_MARKED: Final = re.compile(rf"([{MARKS}])\1*")

Key = tuple[int, ...]
Again = list[tuple[int, str, list[int]]]
"""Equations: at which place the value is that each is of, its text with `%s` for numbers, and which these are."""


class Equations:
    """`equations` of the statements of one function."""

    def __init__(self, graph: Graph, named: Mapping[int, str], bearers: Bearers) -> None:
        self.graph, self.named, self.bearers = graph, named, bearers
        self.known: dict[Key, Again | bool] = {}
        """By structure what is written again; whether it is to be noted, if it comes again, where nothing is."""
        self.again = 0
        # Numbers for what is compared, so that keys are short; types by their identity, as most are of few objects.
        self.kinds: dict[Any, int] = {}
        self.types: dict[int, int] = {}
        self.alike: dict[Type, int] = {}
        self.patterns: dict[str, int] = {}
        self.parted: dict[str, tuple[int, list[str]]] = {}

    def of(self, nodes: Sequence[Node]) -> dict[int, str]:
        """The equations of a statement's nodes, by these."""
        if len(nodes) > MOST or (len(self.known) > MANY and self.again < len(self.known)):
            return equations(self.graph, nodes, self.named, self.bearers)
        key, ids, numbers = self._structure(nodes)
        known = self.known.get(key)
        if isinstance(known, list):
            self.again += 1
            return _again(known, ids, numbers)
        found = equations(self.graph, nodes, self.named, self.bearers)
        self.known[key] = True if known is None else known and self._noted(nodes, ids, numbers, found)
        return found

    def _structure(self, nodes: Sequence[Node]) -> tuple[Key, list[int], list[str]]:
        """What is compared, the values around the statement's nodes, these first, and the numbers of their names."""
        every, named, shared = self.graph.nodes, self.named, self.bearers.positions
        kinds, types, parted = self.kinds, self.types, self.parted
        ids = [node.id for node in nodes]
        place = {id: k for k, id in enumerate(ids)}
        own, numbers, key = len(ids), dict[str, int](), [len(ids)]
        ends: list[int] = []
        for k, u in enumerate(ids):  # which grow meanwhile
            node, called = every[u], named.get(u)
            name, hint, operands = node.name, node.hint, node.operands
            as_name, as_hint, is_shared = called == name, called == hint, called in shared
            kind = (
                node.op, node.attrs and self._attributes(node), types.get(id(node.type)) or self._type(node.type),
                node.of_rule, len(operands), name is None, hint is None, called is None, as_name, as_hint, is_shared,
            )  # fmt: skip
            key.append(kinds.setdefault(kind, len(kinds)))
            for each in (name, hint, None if as_name or as_hint else called):
                if each is not None:
                    pattern, parts = parted.get(each) or self._parted(each)
                    key.append(pattern)
                    for part in parts:
                        key.append(numbers.setdefault(part, len(numbers)))
            if is_shared:
                key += [self.bearers.stale(u, node.id) for node in nodes]
            is_end = name or (called and (hint or is_shared))  # mostly written as its name
            if (is_end and k >= own) or len(ids) > MOST:
                ends.append(u)
                continue
            for v in operands:
                at = place.get(v)
                if at is None:
                    at = place[v] = len(ids)
                    ids.append(v)
                key.append(at)
        for u in ends:  # what looks through a name may find what is compared for another one
            key += [place.get(v, -1) for v in every[u].operands]
        return tuple(key), ids, list(numbers)

    def _attributes(self, node: Node) -> Any:
        return () if node.op == "argument" else typed(node.attrs)  # of an argument it is the name

    def _type(self, type: Type) -> int:
        known = self.types[id(type)] = self.alike.setdefault(type, len(self.alike) + 1)
        return known

    def _parted(self, name: str) -> tuple[int, list[str]]:
        """A number for names that differ by digits alone, and the numbers in this one."""
        pattern = name.translate(_TO_ZEROS)
        known = self.parted[name] = self.patterns.setdefault(pattern, len(self.patterns)), _NUMBER.findall(name)
        return known

    def _noted(
        self, nodes: Sequence[Node], ids: Sequence[int], numbers: Sequence[str], found: Mapping[int, str]
    ) -> Again | bool:
        """What is written again of these equations; False if they hang on more than was compared."""
        if len(numbers) > len(MARKS):
            return False
        marks = dict(zip(numbers, MARKS, strict=False))

        def marked(name: str | None) -> str | None:
            return name and _NUMBER.sub(lambda number: marks[number[0]] * len(number[0]), name)

        around = {id: node.called(marked(node.name), marked(node.hint)) for id in ids for node in [self.graph[id]]}
        named = {id: name for id in ids if (name := marked(self.named.get(id))) is not None}
        part = self.graph.replace(nodes=around)
        try:
            written = equations(part, [around[node.id] for node in nodes], named, self.bearers)
        except KeyError:
            return False
        place = {id: k for k, id in enumerate(ids)}
        noted: Again = []
        for id, text in written.items():
            which = [MARKS.index(mark) for mark in _MARKED.findall(text)]
            noted.append((place[id], _MARKED.sub("%s", text.replace("%", "%%")), which))
        return noted if _again(noted, ids, numbers) == found else False


def _again(noted: Again, ids: Sequence[int], numbers: Sequence[str]) -> dict[int, str]:
    """What was noted, for these values and numbers."""
    return {ids[place]: text % tuple([numbers[k] for k in which]) for place, text, which in noted}
