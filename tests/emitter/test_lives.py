"""From where to where values live: what is a whole array, what as long as a tile, what shares one."""

from __future__ import annotations

from emitter.plans import Planned

NET = "input X[N, D]\nparam W[D, H], V[H, C]\nZ = X @ W\nA = tanh(Z)\nS = A @ V\nL = sum(exp(S))"


def test_what_only_its_loop_reads_is_as_long_as_a_tile() -> None:
    planned = Planned("param X[N, D]\nA = exp(X)\nB = A * A\nL = sum(B)\noutput L")
    assert planned.loop_of("A") is not None and not planned.is_whole("A") and not planned.is_whole("B")


def test_what_a_product_reads_is_a_whole_array() -> None:
    planned = Planned(NET)
    assert planned.is_whole("Z") and planned.is_whole("A")


def test_entry_by_entry_a_value_takes_the_array_of_its_operand() -> None:
    assert Planned(NET).share(["Z", "A"])


def test_a_product_does_not() -> None:
    assert not Planned(NET.replace("V[H, C]", "V[H, H]")).share(["A", "S"])


def test_results_share_with_nothing() -> None:
    planned = Planned(NET + "\noutput L, Z, A\nloss L")
    assert not planned.share(["Z", "A"])


def test_what_is_read_again_later_keeps_its_array() -> None:
    planned = Planned(NET.replace("sum(exp(S))", "sum(exp(S)) + sum((Z @ V)**3)"))
    assert not planned.share(["Z", "A"])


def test_sums_over_rows_of_a_whole_array_are_taken_at_once_behind_the_loop() -> None:
    planned = Planned("input X[N, D]\nparam W[D, H], b[H]\nL = sum(tanh(X @ W + b))")
    (db,) = [node.id for node in planned.graph if node.id == planned.graph.gradients["b"]]
    assert [item.rows for item in planned.plan.items if db in item.nodes] == [None]


def test_the_mean_of_what_a_loop_has_collected_comes_before_such_sums() -> None:
    planned = Planned("input X[N, D], y[N]: int\nparam W[D, C], b[C]\nL = softmax_ce(X@W + b, y, reduction=\"mean\")")
    graph = planned.graph
    place = {id: k for k, item in enumerate(planned.plan.items) for id in item.nodes}
    loss, db = graph.outputs["L"], graph.gradients["b"]
    assert planned.plan.items[place[loss]].rows is None is planned.plan.items[place[db]].rows
    assert place[loss] < place[db]
