"""Making a graph anew: the example of the file, and what goes along."""

from __future__ import annotations

import graphc
from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.rebuild import rebuild, rebuild_tracking, same
from passes.operations import counted

TEXT = "input X[n]\nY = X / 2\nZ = X / 2\nH = exp(Y) + Z\noutput H, Z"


def products(builder: Builder, node: Node, operands: list[int]) -> int:
    """Divisions by numbers as products."""
    divisor = builder[operands[1]] if node.op == "divide" else None
    if divisor is None or divisor.op != "const":
        return same(builder, node, operands)
    return builder.add("multiply", [operands[0], builder.const(1 / divisor.attr("value"))])


def lowered() -> Graph:
    return graphc.parse(TEXT)


def test_equal_nodes_are_shared_if_that_is_wanted() -> None:
    shared, apart = rebuild(lowered(), products, share=True), rebuild(lowered(), products, share=False)
    assert counted(shared)["multiply"] == 1 and counted(apart)["multiply"] == 2
    assert counted(shared)["divide"] == counted(apart)["divide"] == 0


def test_names_outputs_and_arguments_go_along() -> None:
    graph = lowered()
    made, moved = rebuild_tracking(graph, products, share=True)
    assert list(made.outputs) == ["H", "Z"] and made[made.outputs["H"]].name == "H"
    assert made[made.values["Y"]].op == "multiply" and made.values["Y"] == made.values["Z"]
    assert [made[a.node].attr("name") for a in made.arguments] == ["X"]
    assert all(moved[old] == made.values[name] for name, old in graph.values.items())
    made.verify()


def test_a_pass_that_changes_nothing_gives_an_equal_graph() -> None:
    graph = lowered()
    made = rebuild(graph, same, share=False)
    assert [(n.op, n.operands, n.attrs, n.name) for n in made] == [(n.op, n.operands, n.attrs, n.name) for n in graph]
