"""What is tried at a node: no more is left out than what would not apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphc.passes import patterns, simplify, tried
from graphc.passes.broadcasts import broadcast_dropped
from passes.examples import Programs, examples_of
from passes.operations import DENSE, apart

PASSES = Path(simplify.__file__).parent
TRIED = ["at_hand", "broadcasts", "constant_factors", "diagonals", "entries", "leaks", "products", "scalars", "signs"]
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("**/*.g"))


def test_what_is_not_tried_would_not_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    def everything(op: str, made_by: tuple[str, ...], number: bool) -> tried.Worth:
        others = [function for function, places in tried.SIMPLIFICATIONS if op in places]
        rewrites = [(rewrite, order) for rewrite in patterns.rewrites().get(op, ()) for order in rewrite.orders]
        return (tried.folded, broadcast_dropped, *others), tuple(rewrites)

    texts = [DENSE, *(path.read_text(encoding="utf-8") for path in EXAMPLES)]
    graphs = [apart(text) for text in texts]
    graphs += [Programs(example).before for name in TRIED for example in examples_of(PASSES / f"{name}.py")]
    quick = [[(node.op, node.operands, node.attrs) for node in simplify.simplify(graph)] for graph in graphs]
    assert sum(map(len, quick)) < 0.9 * sum(map(len, graphs))
    monkeypatch.setattr(simplify, "worth_trying", everything)
    for graph, nodes in zip(graphs, quick, strict=True):
        assert [(node.op, node.operands, node.attrs) for node in simplify.simplify(graph)] == nodes


def test_the_same_combination_is_looked_up_once() -> None:
    tried.worth_trying.cache_clear()
    for _ in range(3):
        assert tried.worth_trying("negative", ("tanh",), False) is None
        assert tried.worth_trying("sum", ("multiply",), True) is not None
    assert tried.worth_trying.cache_info().misses == 2
