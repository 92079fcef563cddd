"""Which value of a generated `backward` is the gradient of which of the program, whatever the code calls it.

    dY_2 = dL * dY          beside an argument `dY`: the node is `dY` all the same
    dz = dh_4 * x           in each step of a loop: the nodes are `dz_3`, `dz_2`, …
    dh_sin = …              behind the `sin` of h_4 = sin(u_9): the gradient of what the derivation calls u_9
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.emitter.written_lines import WrittenLine
from graphc.explain.units import Plan, Unit
from graphc.ir.graph import Graph, Node

__all__ = ["MadeGradients"]


class MadeGradients:
    """The gradients among the values that the `lines` of a function make; `made` is the graph that it was written
    from, `plan` the derivation's."""

    def __init__(self, plan: Plan, made: Graph, lines: Sequence[WrittenLine]) -> None:
        self.plan = plan
        own = set(made.values.values())  # what the program calls `dY` by itself
        nodes = {line.node.id: line.node for line in lines if line.node.of_rule and line.node.id not in own}
        self.named: dict[str, set[int]] = {}
        self.hinted: dict[tuple[str, int], set[int]] = {}
        self.behind: dict[tuple[str, str, int], set[int]] = {}
        for id, node in nodes.items():
            if node.name:
                self.named.setdefault(node.name, set()).add(id)
            elif node.hint:
                self.hinted.setdefault((node.hint, _statement(node)), set()).add(id)
        for sink in _last_of_rules(made):
            assert sink.origin is not None and sink.origin.rule is not None and sink.origin.primal is not None
            primal = made.nodes[sink.origin.primal]
            key = (primal.name or "", sink.origin.rule, sink.origin.statement)
            shown = sink.id in nodes and not sink.name  # what is `dK` is shown as that
            self.behind.setdefault(key, set()).add(sink.id if shown else -1)

    def of(self, u: int, unit: Unit | None) -> int | None:
        """The value that is the gradient of `u`, which the step `unit` is a function of; None where none is, or where
        it is not certain which."""
        graph, name = self.plan.graph, self.plan.tensors[u].name
        if u not in self.plan.invented:
            return _only(self.named.get(f"d{name}", ()))
        hint = graph[u].hint
        if hint and (found := self.hinted.get((f"d{hint}", _statement(graph[u])))):
            alike = [each for each in self.plan.invented if graph[each].hint == hint]
            alike = [each for each in alike if _statement(graph[each]) == _statement(graph[u])]
            return _only(found) if len(alike) == 1 else None
        if unit is None or [v for v in graph[unit.id].operands if graph[v].type.is_float] != [u]:
            return None
        of_unit = graph[unit.id]
        return _only(self.behind.get((of_unit.name or "", of_unit.op, _statement(of_unit)), ()))


def _only(found: Iterable[int]) -> int | None:
    ids = list(found)
    return ids[0] if len(ids) == 1 and ids[0] >= 0 else None


def _statement(node: Node) -> int:
    return node.origin.statement if node.origin is not None else -1


def _last_of_rules(made: Graph) -> list[Node]:
    """What the rule of an operation comes to, of all that it computes of values with names."""
    of_rules: dict[int, tuple[int, str]] = {}
    for node in made:
        origin = node.origin
        if origin is None or origin.rule is None or origin.primal is None or not node.type.is_float:
            continue
        primal = made.nodes.get(origin.primal)
        if primal is not None and primal.name:
            of_rules[node.id] = (origin.primal, origin.rule)
    used = {u for id, rule in of_rules.items() for u in made[id].operands if of_rules.get(u) == rule}
    return [made[id] for id in of_rules if id not in used]
