"""What is tried at a node, by its operation and those that have made its operands.

    dS = (P - one_hot(y, C)) * dL        at the product: what takes numbers, masks and quotients together; what is for
                                         sums, products of matrices or transposes is not looked at

The same few combinations come again and again in a program, and for most of them there is nothing to try.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

import numpy as np

from graphc.language.literals import product
from graphc.language.plain import PLAIN
from graphc.passes.alternatives import chosen_term
from graphc.passes.at_hand import factor_at_hand, reduction_at_hand
from graphc.passes.broadcasts import broadcast_dropped, filled, leading_axes_dropped, shape_of_operand
from graphc.passes.columns import column_as_it_stands
from graphc.passes.common_number import number_behind_sum
from graphc.passes.constant_factors import factors_out_of_sum
from graphc.passes.diagonals import without_diagonal
from graphc.passes.divided_terms import divisor_cancelled, mean_of_complements
from graphc.passes.entries import entries_only
from graphc.passes.known_sums import sum_of_one_hot
from graphc.passes.leaks import larger_of_lines
from graphc.passes.lengths import length_cancelled, square_of_length
from graphc.passes.log_shares import entries_of_difference, share_at_hand
from graphc.passes.patterns import Form, Order, Rewrite, candidates
from graphc.passes.place import Place
from graphc.passes.products import arranged
from graphc.passes.quotients import product_of_quotient, product_with_quotient, quotient_at_hand, quotient_cancelled
from graphc.passes.scalars import mean_of_sums, scalar_out_of_dot, scalar_out_of_sum, scalars_gathered
from graphc.passes.signs import LINEAR, product_subtracted, sign_into_number, sign_out_of_sum
from graphc.passes.sums import sums_joined
from graphc.passes.symmetric import sum_at_hand, transpose_dropped
from graphc.passes.turned import turned_inside
from graphc.passes.written_sigmoids import slope_of_sigmoid

__all__ = ["SIMPLIFICATIONS", "Worth", "folded", "may_be_free", "worth_trying"]


def folded(place: Place) -> int | None:
    """An operation on numbers is a number, if it is one that Python writes."""
    nodes = [place.builder[u] for u in place.operands]
    if not nodes or place.type.shape != () or place.type.dtype == "bool":
        return None
    if any(n.op != "const" or isinstance(n.attr("value"), tuple) for n in nodes):
        return None
    if place.op == "number":  # of a logarithm, say, that is one of Python's now
        return place.operands[0]
    operation = place.builder.op(place.op)
    if not operation.elementwise or operation.evaluate is None:
        return None
    numbers = [n.attr("value") for n in nodes]
    if place.op in PLAIN:  # Python's arithmetic on truth values is that of 0 and 1, NumPy's is not
        numbers = [number * 1 for number in numbers]
    with np.errstate(all="ignore"):
        value = operation.evaluate(*numbers, **place.attrs)
    if place.op == "multiply" and math.isfinite(value):
        value = product(*numbers)
    number = int(value) if place.type.dtype == "int" else float(value)
    return place.builder.const(number, place.type.dtype) if math.isfinite(number) else None


ANY: frozenset[str] = frozenset()
"""Operands of whatever operation."""
BROADCASTS = frozenset(["broadcast_to"])
DIAGONAL = frozenset(["from_diagonal"])
PRODUCTS = frozenset(["multiply", "divide"])

Simplification: TypeAlias = "Callable[[Place], int | None]"

SIMPLIFICATIONS: tuple[tuple[Simplification, Mapping[str, frozenset[str]]], ...] = (
    (leading_axes_dropped, dict.fromkeys(["add", "subtract", "multiply", "divide"], frozenset(["expand_dims"]))),
    (scalars_gathered, dict.fromkeys(["multiply", "divide"], PRODUCTS | {"expand_dims"})),
    (scalar_out_of_sum, {"sum": PRODUCTS | {"negative"}}),
    (scalar_out_of_dot, {"matmul": PRODUCTS}),
    (mean_of_sums, {"mean": ANY}),
    (sum_of_one_hot, {"sum": frozenset(["one_hot", "add", "subtract", "multiply", "divide", "negative"])}),
    (share_at_hand, {"exp": frozenset(["subtract"])}),
    (entries_of_difference, dict.fromkeys(["pick", "gather", "diagonal"], frozenset(["subtract"]))),
    (entries_only, {"multiply": frozenset(["scatter", "multiply", "one_hot"]), "scatter": ANY,
                    "sum": frozenset(["multiply", "scatter"]), "gather": ANY, "gather_entry": ANY}),
    (arranged, {"squeeze": frozenset(["matmul", "negative"]), "sum": frozenset(["multiply"]),
                "matmul": frozenset(["eye", "multiply"]), "add": frozenset(["expand_dims"]),
                "subtract": frozenset(["expand_dims"])}),
    (without_diagonal, {"matmul": DIAGONAL, "multiply": DIAGONAL | {"eye"}, "add": DIAGONAL,
                        "subtract": DIAGONAL, "mT": DIAGONAL | {"eye", "multiply"},
                        "sum": DIAGONAL | {"multiply"}, "diagonal": ANY, "trace": ANY}),
    (slope_of_sigmoid, {"multiply": frozenset(["divide", "negative"])}),
    (turned_inside, {"mT": frozenset(["multiply"])}),
    (factor_at_hand, {"multiply": frozenset(["sum"])}),
    (transpose_dropped, {"mT": ANY}),
    (quotient_at_hand, {"multiply": frozenset(["divide", "multiply", "negative"])}),
    (quotient_cancelled, {"divide": frozenset(["divide"])}),
    (product_of_quotient, {"divide": frozenset(["multiply"])}),
    (product_with_quotient, {"multiply": frozenset(["divide"])}),
    (divisor_cancelled, {"multiply": frozenset(["add", "subtract", "multiply"])}),
    (mean_of_complements, {"subtract": frozenset(["multiply"])}),
    (factors_out_of_sum, dict.fromkeys(["sum", "mean"], PRODUCTS)),
    (sum_at_hand, {"sum": ANY}),
    (reduction_at_hand, dict.fromkeys(["sum", "mean", "max", "min", "prod"], ANY)),
    (sign_into_number, {"negative": PRODUCTS | LINEAR, "multiply": frozenset(["negative"])}),
    (sign_out_of_sum, {"sum": frozenset(["multiply"])}),
    (chosen_term, dict.fromkeys(["add", "subtract"], frozenset(["multiply"]))),
    (product_subtracted, {"add": PRODUCTS, "subtract": PRODUCTS}),
    (sums_joined, {"sum": frozenset(["sum"])}),
    (filled, dict.fromkeys(["add", "subtract", "multiply", "divide"], frozenset(["zeros", "ones", "full"]))),
    (shape_of_operand, dict.fromkeys(["shape_of", "count_of"], ANY)),
    (square_of_length, {"square": frozenset(["norm"])}),
    (length_cancelled, {"multiply": frozenset(["divide", "expand_dims"])}),
    (larger_of_lines, {"add": frozenset(["maximum"])}),
    (column_as_it_stands, {"squeeze": frozenset(["mT"])}),
    (number_behind_sum, dict.fromkeys(["add", "subtract"], frozenset(["outer"]))),
)  # fmt: skip
"""What is tried at a node, in this order: at the nodes of which operations, if one of which operations has made one of
their operands. Most nodes are of the form of none of these, and to see that takes no more than a look at a table."""

AS_LARGE = {leading_axes_dropped, product_subtracted, chosen_term, mean_of_complements, divisor_cancelled}
"""What puts an operation as large in the place of one."""

Worth: TypeAlias = "tuple[tuple[Simplification, ...], tuple[tuple[Rewrite, Order], ...]]"


@cache
def worth_trying(op: str, made_by: tuple[str, ...], number: bool) -> Worth | None:
    """What may apply to a node whose operands these operations have made, if anything; `number`: whether it is one."""
    makers = set(made_by)
    found: list[Simplification] = []
    if number and makers == {"const"}:
        found.append(folded)
    if makers & BROADCASTS or op == "broadcast_to" or (op == "expand_dims" and "const" in makers):
        found.append(broadcast_dropped)
    for simplification, places in SIMPLIFICATIONS:
        needed = places.get(op)
        if needed is not None and (not needed or needed & makers):
            found.append(simplification)
    rewrites = candidates(op, made_by)
    return (tuple(found), rewrites) if found or rewrites else None


@cache
def may_be_free(op: str, made_by: tuple[str, ...]) -> bool:
    """Whether an operation on what these operations have made may take a form that goes through no entries: it is one
    on numbers, say, or what stands there already."""
    worth = worth_trying(op, made_by, number=True) or ((), ())
    return not AS_LARGE.issuperset(worth[0]) or not all(isinstance(rewrite.operators, Form) for rewrite, _ in worth[1])
