"""Gradients as equations, for the comments of `backward`: `dW2 = Hᵀ dS`, `db2 = 1ᵀ dS`, `dZ = dH ⊙ 1{H > 0}`.

A value that the code had to name itself is written out; if several equations need it, it gets one of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from graphc.emitter.mathtext import DEEPEST, UNSEEN, Mathematics, Words, said
from graphc.emitter.recognised import is_exponential
from graphc.emitter.text import comment_text
from graphc.ir.graph import Graph, Node

__all__ = ["Bearers", "equations"]

LONGEST = 64  # an equation longer than this is written over the names in the code,
WIDEST = 108  # and if that is longer than this, not at all
DEEPER = 9  # so many operations within each other are written over the names in the code


class Bearers:
    """Who bears each name of a function, one value after the other in the `order` of its statements."""

    def __init__(self, named: Mapping[int, str], order: Iterable[int]) -> None:
        self.named = named
        self.position = {id: position for position, id in enumerate(dict.fromkeys(order))}
        found: dict[str, list[int]] = {}
        for id, name in named.items():
            found.setdefault(name, []).append(self._at(id))
        self.positions = {name: sorted(positions) for name, positions in found.items() if len(positions) > 1}

    def stale(self, id: int, at: int) -> bool:
        """Whether another value has taken a value's name before the statement of the node `at`."""
        positions = self.positions.get(self.named.get(id, ""), ())
        later = bisect_right(positions, self._at(id))
        return later < len(positions) and positions[later] < self._at(at)

    def _at(self, id: int) -> int:
        return self.position.get(id, -1)  # what is at hand comes first


def equations(
    graph: Graph, nodes: Sequence[Node], named: Mapping[int, str], bearers: Bearers, buffered: bool = False
) -> dict[int, str]:  # fmt: skip
    """The mathematics of the gradients of one statement, by their nodes; `named` are the names in the function's code,
    `bearers` who has them when. `buffered`: the names are those of memory that is used again and again.

    A gradient that several statements add to is written as a sum where it is complete and short, else as what this
    statement adds.
    """
    group = _Group(graph, nodes, named, bearers, buffered)
    speaking = [node for node in nodes if group.says_something(node)]
    found = {node.id: text for node in speaking if (text := group.equation(node)) is not None}
    return found or {node.id: text for node in nodes if (text := group.equation(node)) is not None}


class _Group:
    """The statements' nodes, and which of the values that the code had to name have words."""

    def __init__(
        self, graph: Graph, nodes: Sequence[Node], named: Mapping[int, str], bearers: Bearers, buffered: bool
    ) -> None:  # fmt: skip
        self.graph, self.named, self.bearers, self.buffered = graph, named, bearers, buffered
        self.members = {node.id for node in nodes}
        uses = Counter(u for node in nodes for u in _read(graph, node, named))
        last = {named[node.id]: node.id for node in nodes if node.id in named}  # who bears a name in the end
        standing = set(last.values())
        self.overwritten = {u for node in nodes for u in node.operands if named.get(u) == named.get(node.id)}
        self.shared = {
            node.id: named[node.id]
            for node in nodes
            if not node.name and uses[node.id] and node.id in named
            and ((uses[node.id] > 1 and node.id in standing and graph.op(node).cost != "free")
                 or (self._is_word_of_rule(node) and graph.op(self._made(node)).cost != "free"))
        }  # fmt: skip
        self.read = self.members & uses.keys()

    def equation(self, node: Node) -> str | None:
        """A line of the comment; None for a value that only others of the group are made of, or that is too long."""
        graph, own = self.graph, self.named.get(node.id)
        name = said(node, self.named) or self.shared.get(node.id)
        if name is None and self._is_gradient(node):
            name = own
        whole = name is not None
        if name is None and (own is None or node.id in self.read):
            return None

        def stale(id: int) -> bool:
            return self.bearers.stale(id, node.id)

        # Words are looked up and never gathered: a long program has as many of them as equations.
        def words(id: int) -> str | None:
            word = self.shared.get(id)
            return word if word != own else None  # what it overwrites bears its name: it is not made of that

        def every(id: int) -> str | None:
            word = self.named.get(id)
            return word if word != own and id != node.id and not stale(id) else None

        def crossing(id: int) -> str | None:
            return words(id) if id in self.members else every(id)

        def operands(id: int) -> str | None:
            return every(id) if id in node.operands and self._has_line(id) else None

        forms: list[tuple[Sequence[int], str, Words, int, int]] = []
        if whole:
            forms += [([node.id], "=", known, LONGEST, DEEPEST) for known in (words, operands)]
        added = self._added(node)
        if added:
            forms += [(added, "+=", known, WIDEST, DEEPEST) for known in (crossing, every)]
        elif not whole:
            forms += [([node.id], "=", crossing, WIDEST, DEEPEST)]
        forms += [([node.id], "=", known, WIDEST, DEEPEST) for known in (crossing, every)]
        forms.append(([node.id], "=", every, WIDEST, DEEPER))
        cut: str | None = None
        numbered: str | None = None
        for ids, sign, known, longest, depth in forms:
            math = Mathematics(graph, self.named, known, own, stale)
            right = [str(math.text(id, depth) if id != node.id else math.made_of(id, depth)) for id in ids]
            text = f"{name or own} {sign} {' + '.join(right)}"
            if math.outdated:  # it speaks of other steps, whose gradients bear this step's name in the code
                numbered = numbered or (comment_text(text) if len(text) <= longest else None)
                continue
            if len(text) <= longest and "…" not in text:
                return comment_text(text)
            cut = cut or (comment_text(text) if len(text) <= longest else None)
        return cut or numbered  # what is made of too much is written as far as it goes

    def _has_line(self, id: int) -> bool:
        """Whether a reader knows what a value is: it is of another statement, or has an equation here."""
        node = self.graph[id]
        has_name = said(node, self.named) is not None
        return id not in self.members or id in self.shared or self._is_gradient(node) or has_name

    def _is_word_of_rule(self, node: Node) -> bool:
        """Whether a value bears a name that a rule gave it and not the array of another one, `T = L⁻ᵀ Fᵀ`: the
        equations that it stands in say the name alone."""
        if not node.of_rule or node.hint is None or not node.operands or node.id in self.overwritten:
            return False
        own = self.named[node.id]
        return own.startswith(node.hint) and all(self.named.get(u) != own for u in node.operands)

    def _is_gradient(self, node: Node) -> bool:
        """Whether a value is the gradient of one with a name, if only in a function's body, or of a product: `dXW`."""
        if not node.of_rule or node.hint is None or node.hint[:1] != "d":
            return False
        return not self.buffered or node.hint[1:] in self.graph.values

    def says_something(self, node: Node) -> bool:
        """Whether a value has a name, or is more than another one in other clothes, or a constant."""
        if is_exponential(self.graph, node):
            return False
        made = self._made(node)
        plain = not made.operands or self.graph.op(made).view or made.op in UNSEEN
        return not plain or node.name is not None or self._is_gradient(node)

    def _made(self, node: Node) -> Node:
        """What is made in another shape at once, `np.outer(dz, x).reshape(l, m, n)`, or repeated."""
        while node.operands and node.operands[0] not in self.named and (
            self.graph.op(node).view or node.op == "broadcast_to"
        ):
            node = self.graph[node.operands[0]]
        return node

    def _added(self, node: Node) -> list[int]:
        """What a statement adds to a sum that earlier ones began, term by term."""
        added: list[int] = []
        while node.op == "add" and node.id in self.named:
            terms = (node.operands, node.operands[::-1])
            both = next((each for each in terms if self.named.get(each[0]) == self.named[node.id]), None)
            if both is None:
                return []
            added.append(both[1])
            if both[0] not in self.members:
                return added[::-1]
            node = self.graph[both[0]]
        return []


def _read(graph: Graph, node: Node, named: Mapping[int, str]) -> Iterator[int]:
    """The values with names that a statement reads, through those that stand inside it."""
    stack = list(node.operands)
    while stack:
        u = stack.pop()
        yield u
        if u not in named:
            stack.extend(graph[u].operands)
