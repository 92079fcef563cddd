"""Which value of a generated `backward` is the gradient of which of the program, whatever the code calls it.

    dY_2 = dL * dY          beside an argument `dY`: the node is `dY` all the same
    dz = dh_4 * x           in each step of a loop: the nodes are `dz_3`, `dz_2`, …
    dh_sin = …              behind the `sin` of h_4 = sin(u_9): the gradient of what the derivation calls u_9
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from graphc.emitter.describe import behind_cotangents
from graphc.emitter.written_lines import WrittenLine
from graphc.explain.units import Plan, Unit
from graphc.ir.graph import Builder, Graph, Node
from graphc.language.expand import expand_rule

__all__ = ["MadeGradients"]

_Factors: TypeAlias = tuple[int, tuple[float, ...]]


class MadeGradients:
    """The gradients among the values that the `lines` of a function make; `made` is the graph that it was written
    from, `plan` the derivation's."""

    def __init__(self, plan: Plan, made: Graph, lines: Sequence[WrittenLine]) -> None:
        self.plan = plan
        own = set(made.values.values())  # what the program calls `dY` by itself
        nodes = {line.node.id: line.node for line in lines if line.node.of_rule and line.node.id not in own}
        self.named: dict[str, set[int]] = {}
        self.hinted: dict[tuple[str, int], set[int]] = {}
        self.behind: dict[tuple[str, str, int], list[tuple[int, _Factors] | None]] = {}
        for id, node in nodes.items():
            if node.name:
                self.named.setdefault(node.name, set()).add(id)
            elif node.hint:
                self.hinted.setdefault((node.hint, _statement(node)), set()).add(id)
        reached = behind_cotangents(made)
        for sink, inside in _rules(made):
            assert sink.origin is not None and sink.origin.rule is not None and sink.origin.primal is not None
            primal = made.nodes[sink.origin.primal]
            key = (primal.name or "", sink.origin.rule, sink.origin.statement)
            given = {u for id in inside for u in made[id].operands if u in reached and u not in inside}
            shown = sink.id in nodes and not sink.name  # what is `dK` is shown as that
            whole = {made[u].name for u in given} == {f"d{primal.name}"}  # else of a part of the gradient
            found = (sink.id, _factors(made, inside)) if shown and whole else None
            self.behind.setdefault(key, []).append(found)

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
        ways = self.behind.get((of_unit.name or "", of_unit.op, _statement(of_unit)), [])
        if len(ways) != 1 or ways[0] is None:
            return None
        made, factors = ways[0]
        return made if factors == _by_rule(graph, of_unit) else None


def _only(found: Iterable[int]) -> int | None:
    ids = list(found)
    return ids[0] if len(ids) == 1 else None


def _statement(node: Node) -> int:
    return node.origin.statement if node.origin is not None else -1


def _rules(made: Graph) -> list[tuple[Node, set[int]]]:
    """What the rules of operations come to of which the results have names, each with all that its rule computes."""
    of_rules: dict[int, tuple[int, str]] = {}
    inside: dict[tuple[int, str], set[int]] = {}
    for node in made:
        origin = node.origin
        if origin is None or origin.rule is None or origin.primal is None or not node.type.is_float:
            continue
        primal = made.nodes.get(origin.primal)
        if primal is not None and primal.name:
            of_rules[node.id] = rule = (origin.primal, origin.rule)
            inside.setdefault(rule, set()).add(node.id)
    used = {u for id, rule in of_rules.items() for u in made[id].operands if of_rules.get(u) == rule}
    return [(made[id], inside[rule]) for id, rule in of_rules.items() if id not in used]


def _by_rule(graph: Graph, node: Node) -> _Factors:
    """The signs and numbers of an operation's rule, as it is written."""
    builder = Builder(graph.ops)
    operands = [builder.add("argument", (), {"name": str(k)}, type=graph[u].type) for k, u in enumerate(node.operands)]
    y = builder.add(node.op, operands, dict(node.attrs))
    dy = builder.add("seed", (), {"name": "y"}, type=node.type)
    before = {*operands, y, dy}
    expand_rule(builder, builder.op(node.op), builder[y], dy)
    return _factors(Graph(builder.nodes, ops=graph.ops), builder.nodes.keys() - before)


def _factors(graph: Graph, inside: Iterable[int]) -> _Factors:
    """The signs and numbers among the operations of a rule. Passes move them to where they cost less: what has others
    than the rule is a multiple of the gradient, `ds ⊙ sin(u)` behind a cosine."""
    nodes = [graph[id] for id in inside]
    values = [graph[u].attr("value") for node in nodes for u in node.operands if graph[u].op == "const"]
    numbers = sorted(abs(float(n)) for n in values if isinstance(n, (int, float)) and abs(n) not in (0, 1))
    return sum(node.op == "negative" for node in nodes), tuple(numbers)
