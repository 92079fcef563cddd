"""What the docstring of a pass shows is what the pass does: both sides of each example are computed and compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.passes import cost
from graphc.passes.again import compute_again
from graphc.passes.casts import cast_to_type
from graphc.passes.chain import reassociate
from graphc.passes.coefficients import move_into_coefficients
from graphc.passes.common_factor import factor_out
from graphc.passes.common_matrix import join_products
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.diagonal_rows import diagonals_by_rows, identities_by_rows
from graphc.passes.differences import subtract_products
from graphc.passes.differentiate import differentiate
from graphc.passes.expand import expand
from graphc.passes.flat_rows import merge_rows_first
from graphc.passes.fold import fold
from graphc.passes.hoist import hoist
from graphc.passes.in_order import copy_in_order
from graphc.passes.inverses import solve_by_inverses
from graphc.passes.joined_once import join_once
from graphc.passes.multiples import compute_once
from graphc.passes.numbers import sums_to_numbers
from graphc.passes.padded import read_padded
from graphc.passes.plainly import write_plainly
from graphc.passes.pool_first import pool_first
from graphc.passes.samples_last import samples_last
from graphc.passes.scalars_first import scalars_first
from graphc.passes.scaled_products import scale_products
from graphc.passes.shares import divide_by_sizes
from graphc.passes.sigmoids import shorten_sigmoids
from graphc.passes.simplify import simplify
from graphc.passes.small_factors import gather_small_factors
from graphc.passes.steps_at_once import steps_at_once
from graphc.passes.strength import reduce_strength
from graphc.passes.summed_products import sum_products
from graphc.passes.tangents import limit_squares
from graphc.passes.two_slopes import by_slope
from passes.examples import Example, Programs, computed, examples_of, needed, operations, written


def gradients(graph: Graph) -> Graph:
    """The graph of the gradient of L with respect to w."""
    joint = differentiate(graph.replace(loss="L"), ["w"])
    return joint.replace(outputs={f"d{name}": id for name, id in joint.gradients.items()})


PASSES: dict[str, Callable[[Graph], Graph]] = {
    "again": compute_again,
    "at_hand": simplify,
    "broadcasts": simplify,
    "casts": cast_to_type,
    "chain": lambda graph: reassociate(fold(graph)),
    "coefficients": move_into_coefficients,
    "columns": simplify,
    "common_factor": factor_out,
    "common_matrix": join_products,
    "common_number": simplify,
    "constant_factors": simplify,
    "dce": eliminate_dead_code,
    "diagonal_rows": lambda graph: identities_by_rows(diagonals_by_rows(graph)),
    "diagonals": simplify,
    "differences": subtract_products,
    "differentiate": gradients,
    "entries": simplify,
    "expand": partial(expand, share=False),
    "flat_rows": merge_rows_first,
    "fold": fold,
    "hoist": hoist,
    "in_order": copy_in_order,
    "joined_once": join_once,
    "inverses": lambda graph: eliminate_dead_code(solve_by_inverses(graph)),
    "join_parts": fold,
    "known_sums": simplify,
    "leaks": simplify,
    "lengths": simplify,
    "log_shares": simplify,
    "multiples": lambda graph: compute_once(fold(graph)),
    "numbers": sums_to_numbers,
    "padded": read_padded,
    "plainly": write_plainly,
    "pool_first": pool_first,
    "products": simplify,
    "quotients": simplify,
    "samples_last": samples_last,
    "scalars": lambda graph: simplify(fold(graph)),
    "scaled_products": scale_products,
    "scalars_first": scalars_first,
    "shares": divide_by_sizes,
    "sigmoids": shorten_sigmoids,
    "signs": simplify, "sums": simplify,
    "simplify": simplify,
    "small_factors": gather_small_factors,
    "steps_at_once": steps_at_once,
    "strength": reduce_strength,
    "summed_products": sum_products,
    "tangents": limit_squares,
    "two_slopes": lambda graph: eliminate_dead_code(by_slope(graph)[0]),
    "symmetric": simplify,
    "turned": simplify,
    "written_sigmoids": simplify,
}
FOLDED = {"chain", "fold", "inverses", "multiples", "products", "scalars", "summed_products"}
"""Whose examples show products of vectors, which the language makes of matrices, as one would write them."""
FOLDER = Path(graphc.__file__).parent / "passes"
EXAMPLES = [(name, example) for name in PASSES for example in examples_of(FOLDER / f"{name}.py")]
REWRITTEN = [(name, example) for name, example in EXAMPLES if name != "differentiate"]  # whose results are other values
ELSEWHERE = {
    "added_parts": "test_added_parts", "alternatives": "test_alternatives",
    "batch": "test_batch_rules", "batch_convolution": "test_batch_rules", "batch_indexing": "test_batch_rules",
    "batch_rules": "test_batch_rules", "batch_table": "test_batch_rules", "branches": "test_branches",
    "cut": "test_cut", "divided_terms": "test_divided_terms",
    "free_early": "test_free_early", "joint": "test_joint", "no_terms": "test_no_terms",
    "partition": "test_partition", "patterns": "test_patterns", "peak": "test_peak", "place": "test_place",
    "read_together": "test_read_together", "rebuild": "test_rebuild",
    "regions": "test_regions", "schedule": "test_schedule", "second_look": "test_second_look", "shifts": "test_shifts",
    "spread": "test_spread", "steep": "test_steep", "storage": "test_storage", "tried": "test_tried",
    "windows_again": "test_windows_again", "zeros_apart": "test_zeros_apart",
}  # fmt: skip
"""What makes no graph of a graph, or one of other arguments: the tests that have the example of the file."""


@pytest.mark.parametrize(("name", "example"), REWRITTEN, ids=str)
def test_both_sides_are_equal(name: str, example: Example) -> None:
    sides = Programs(example)
    before, after = computed(sides.before), computed(sides.after)
    assert after and after.keys() <= before.keys()
    for result, value in after.items():
        np.testing.assert_allclose(value, before[result], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=str)
def test_the_pass_makes_one_of_the_other(name: str, example: Example) -> None:
    sides = Programs(example)
    after = fold(sides.after) if name in FOLDED else sides.after
    before = sides.before
    if (name, example) in REWRITTEN:
        before = before.replace(outputs={result: before.values[result] for result in after.outputs})
    made = PASSES[name](before)
    assert written(made) == written(after)
    assert operations(made) == operations(after)
    if name == "dce":
        assert len(made) == len(needed(made)) < len(before)


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_has_an_example(name: str) -> None:
    assert examples_of(FOLDER / f"{name}.py")


def test_no_pass_is_left_out() -> None:
    assert {path.stem for path in FOLDER.glob("[a-z]*.py")} == {*PASSES, *ELSEWHERE, "cost"}
    assert all((Path(__file__).parent / f"{test}.py").exists() for test in ELSEWHERE.values())


# ---------------------------------------------------------------- costs

COST = re.compile(
    r"^ *(\w) = (.+?) {3,}(.+?) {3,}(.+?) (multiplications|values of functions) {3,}(.+?) bytes", re.MULTILINE
)


def test_costs_are_those_of_the_docstring() -> None:
    """Each line has a statement, the shapes of its operands, what is counted of it, and the bytes that it moves."""
    found = COST.findall(cost.__doc__ or "")
    assert len(found) == 3
    for result, expression, shapes, count, kind, moved in found:
        text = ", ".join(f"input {name}[{sizes}]" for name, sizes in re.findall(r"(\w): \(([^)]*)\)", shapes))
        graph = graphc.parse(f"{text.replace(', input', '; input')}; {result} = {expression}")
        node = graph[graph.outputs[result]]
        counted = (cost.multiplications if kind == "multiplications" else cost.functions)(graph, node)
        sizes = {"N": 3, "D": 5, "H": 7}
        assert counted is not None and counted.evaluate(sizes) == eval(count, dict(sizes))
        bytes_moved = cost.bytes_moved(graph, node, 8)
        assert bytes_moved is not None and bytes_moved.evaluate(sizes) == eval(moved, dict(sizes))
