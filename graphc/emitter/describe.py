"""Names for values that the program does not name, from what they are.

S - S.max(…)            shifted                 a definition says so
y = tanh(x @ W)         dy_tanh                 the cotangent behind the tanh
-log(p[i]), -log(p)     dpicked_p, dp_log       that of what such an operation is of, which has no name itself
A[:, None]              column_A
x @ A @ y               xA
dW = X.T @ dZ + dA      dW_term                 each of them, where it is a statement before
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from graphc.ir.graph import Graph, Node, title
from graphc.ir.words import VIEWS, WORDS, by_operands
from graphc.passes.dce import computed_of

__all__ = ["behind_cotangents", "describe"]

# Rules whose result is the cotangent of their operand alone: the rule is what sets it apart from that of the result.
SEVERAL = {"add", "subtract", "multiply", "divide", "matmul", "outer", *VIEWS}


CALLED = {"gelu_exact": "gelu", "gelu_tanh": "gelu"}
"""Operations that the program calls by another name."""


_Found = TypeVar("_Found")


def _found_once(find: Callable[[Graph], _Found]) -> Callable[[Graph], _Found]:
    """What is found out about a graph, once for each graph while it lives."""
    known: WeakKeyDictionary[Graph, _Found] = WeakKeyDictionary()

    @wraps(find)
    def found(graph: Graph) -> _Found:
        result = known.get(graph)
        if result is None:
            result = known[graph] = find(graph)
        return result

    return found


MOST_OPERANDS = 4
"""What is made of more values is no function of one of them: it joins them."""


def describe(graph: Graph, id: int, called: Mapping[int, str] | None = None) -> str:
    """A name for a value: from a definition, else from what it is. `called` are names that values have already: the
    cotangent of `difference_2` is `ddifference_2`."""
    node = graph[id]
    if node.hint:
        return node.hint
    of = _of_cotangent(graph, node, called or {})
    if of is not None and _is_subtracted(graph, node):
        of = f"minus_{of}" if _is_contribution(graph, node) else None
    return of or _of_sum(graph, node) or by_operands(graph.nodes, node)


def _of_cotangent(graph: Graph, node: Node, called: Mapping[int, str]) -> str | None:
    """A name for a cotangent: after the value behind whose rule it is, or after the one operand of that rule."""
    origin, primal = node.origin, _primal(graph, node)
    if origin is None or origin.rule is None or primal is None:
        return None
    if _is_share(graph, node):
        return None
    rule = CALLED.get(origin.rule, title(origin.rule))
    if primal.name or (primal.hint and not _is_of(primal.hint, rule)):
        word = WORDS.get(node.op, title(node.op)) if origin.rule in SEVERAL else rule
        return f"d{primal.name or primal.hint}_{word}"
    if primal.op != origin.rule or (rule == "negative" and node.op != "negative"):  # a sign stands elsewhere
        return None
    if len(primal.operands) > MOST_OPERANDS:
        return None
    operands = [x for x in (graph[u] for u in primal.operands[: 1 if rule == "subtract" else None]) if x.op != "const"]
    if len(operands) > 1 and node.op in ("sum", "sum_to"):  # along the axes that one of them does not have
        operands = [x for x in operands if x.type.shape == node.type.shape and not x.name]
    if len(operands) != 1 or operands[0].op in VIEWS or operands[0].type.shape != node.type.shape:
        return None
    if operands[0].name:
        return None if origin.rule in SEVERAL else f"d{operands[0].name}_{rule}"
    return f"d{called.get(operands[0].id) or describe(graph, operands[0].id)}"


def _is_subtracted(graph: Graph, node: Node) -> bool:
    """Whether all that is done with a value is to subtract it: then it is a cotangent without its sign."""
    user = _users(graph).get(node.id)
    return user is not None and graph[user].op == "subtract" and graph[user].operands[1] == node.id


def _is_contribution(graph: Graph, node: Node) -> bool:
    """Whether what a value is subtracted from was there before its rule was applied."""
    earlier = graph[graph[_users(graph)[node.id]].operands[0]]
    return node.origin is not None and earlier.origin is not None and earlier.origin.primal != node.origin.primal


def _of_sum(graph: Graph, node: Node) -> str | None:
    """A name for what is only added up to the gradient of a value of the program, or subtracted, or becomes it."""
    if not node.of_rule or not node.type.rank or (node.op in VIEWS and node.op not in ("squeeze", "reshape")):
        return None
    word = "terms" if node.op == "add" else "term"
    last = graph[_last_sums(graph).get(node.id, node.id)]
    user = graph.nodes.get(_users(graph).get(last.id, -1))
    if user is None or not user.of_rule:
        return None
    if user.op == "reshape" and user.name and last is node and (user.type.rank or 0) > node.type.rank:
        return f"flat_{user.name}"
    if user.op == "subtract" and user.name and user.type == node.type and user.operands[1] == last.id:
        return f"minus_{user.name}_{word}"
    return f"{user.name}_{word}" if user.op == "add" and user.name and user.type == node.type else None


@_found_once
def _last_sums(graph: Graph) -> dict[int, int]:
    """Of what is only added up the last sum without a name that it is a term of, or a term of a term."""
    found: dict[int, int] = {}
    users = _users(graph)
    for id in reversed([*graph.nodes]):
        user = graph.nodes.get(users.get(id, -1))
        if user and user.op == "add" and user.of_rule and not user.name and user.type == graph[id].type:
            found[id] = found.get(user.id, user.id)
    return found


def _is_share(graph: Graph, node: Node) -> bool:
    """Whether this is a number like dL / N, with or without a sign: the cotangent of many a value, so after none."""
    while node.op == "negative":
        node = graph[node.operands[0]]
    constant = any(graph[u].op in ("size", "const") for u in node.operands)
    return node.type.shape == () and (node.op == "seed" or (node.op in ("multiply", "divide") and constant))


def _primal(graph: Graph, node: Node) -> Node | None:
    """The value by whose rule this node is a cotangent; what a rule computes of values alone, the 1 - x² of an arcsine,
    is none."""
    if not node.of_rule or not node.type.is_float or node.op in VIEWS:
        return None
    if graph.cotangents and node.id not in behind_cotangents(graph):
        return None
    primal = node.origin.primal if node.origin is not None else None
    return None if primal is None else graph.nodes.get(primal)


def _is_of(hint: str | None, rule: str) -> bool:
    """Whether a value is called by the operation: `relu`, `relu_Z`."""
    return hint is not None and (hint == rule or hint.startswith(f"{rule}_"))


@_found_once
def _users(graph: Graph) -> dict[int, int]:
    """The one user of each value that has no other."""
    kept = set(graph.roots)
    return {id: users[0] for id, users in graph.users().items() if len(users) == 1 and id not in kept}


@_found_once
def behind_cotangents(graph: Graph) -> frozenset[int]:
    """The cotangents of the outputs, and all that is computed of them."""
    return frozenset(computed_of(graph, graph.cotangents.values()))
