"""The joint graph made ready for one function that computes values and gradients together. For -O2 only.

    dS = (P - onehot(y)) * dL       with dL = 1       dS = P - onehot(y)

There is no cut and no cache: nothing is saved, and only what is cheaper than its memory is computed twice.
"""

from __future__ import annotations

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.added_parts import add_parts
from graphc.passes.again import compute_again
from graphc.passes.casts import cast_to_type
from graphc.passes.coefficients import move_into_coefficients
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.diagonal_rows import identities_by_rows
from graphc.passes.differences import subtract_products
from graphc.passes.hoist import hoist
from graphc.passes.in_order import copy_in_order
from graphc.passes.joined_once import join_once
from graphc.passes.padded import read_padded
from graphc.passes.rebuild import rebuild, same
from graphc.passes.scaled_products import scale_products
from graphc.passes.simplify import simplify
from graphc.passes.small_factors import gather_small_factors
from graphc.passes.strength import reduce_strength
from graphc.passes.summed_products import sum_products
from graphc.passes.windows_again import take_windows_again

__all__ = ["fuse"]


def fuse(graph: Graph) -> Graph:
    """The graph of values and gradients of a loss, or of outputs with the cotangents that a call gives."""
    if graph.loss:
        graph = simplify(_with_unit_seed(graph))
    graph = sum_products(identities_by_rows(eliminate_dead_code(graph)))
    graph = gather_small_factors(reduce_strength(graph))
    graph = simplify(scale_products(move_into_coefficients(graph)))
    graph = subtract_products(join_once(hoist(eliminate_dead_code(graph))))  # sums of products are out of the loops now
    graph = compute_again(copy_in_order(cast_to_type(graph)))
    return add_parts(read_padded(take_windows_again(graph)))


def _with_unit_seed(graph: Graph) -> Graph:
    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        return builder.const(1.0) if node.op == "seed" else same(builder, node, operands)

    return rebuild(graph, make, share=True).replace(cotangents={})
