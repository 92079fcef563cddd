"""Masks that are added to the scores of attention: of booleans they say who may be seen, whatever was declared.

    Y = attention(Q, K, V, m)           the type of m is not declared: floats, which are added to the scores
    m = added_mask(m)                   what its check begins with: an array of booleans is made 0 where it is true,
                                        elsewhere -inf; added as it comes it would be the numbers 1 and 0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.ir.graph import Graph

__all__ = ["added_masks"]

WEIGHTS = {"softmax_or_zeros", "softmax_of_masked"}
"""What attention makes of scores to which a mask was added; no program calls them by name."""
SHAPES = {"shape_of", "size_of"}


def added_masks(program: Graph) -> list[str]:
    """The names of the arguments that are added to scores, and used for nothing else."""
    if WEIGHTS.isdisjoint([node.op for node in program]):
        return []
    users = program.users()
    kept = {*program.outputs.values(), *program.updates.values()}
    return [a.name for a in program.arguments if _is_added(program, users, kept, a.node)]


def _is_added(program: Graph, users: Mapping[int, Sequence[int]], kept: set[int], argument: int) -> bool:
    if not program[argument].type.is_float:
        return False
    stack, added = [argument], False
    while stack:
        id = stack.pop()
        if id in kept:
            return False
        for node in map(program.__getitem__, users.get(id, ())):
            if node.op == "add":
                read_by = {program[u].op for u in users.get(node.id, ())}
                if not read_by or not read_by <= WEIGHTS or node.id in kept:
                    return False
                added = True
            elif program.op(node).view:
                stack.append(node.id)
            elif node.op not in SHAPES:
                return False
    return added
