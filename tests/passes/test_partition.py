"""Forward and backward: what is saved, what is computed again, that nothing is missing and nothing done for nothing."""

from __future__ import annotations

from collections import Counter

import pytest

import graphc
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Graph
from graphc.passes.cost import IN_BLAS
from graphc.passes.partition import Split, bytes_of, partition
from graphc.pipeline import MEMORY, Options, optimise
from graphc.verify.sampling import samples

MLP = (
    "input X[N, D], y[N]: int\nparam W1[D, H], b1[H], W2[H, C], b2[C]\n"
    "Z = X@W1 + b1\nH = relu(Z)\nS = H@W2 + b2\nL = softmax_ce(S, y)"
)
PROGRAMS = [
    MLP,
    "input x[N]\ny = tanh(x)\noutput y",
    "input x[N]\nL = sum(exp(x) * sin(x))",
    "input A[N, N], b[N]\nx = solve(A, b)\nL = sum(x * x)",
    "input x[N, D], g[D], b[D]\ny = layer_norm(x, g, b)\noutput y",
    "Z = X@W1 + b1; H = relu(Z); S = H@W2 + b2; L = softmax_ce(S, y)",
    "input x[N]\nh_0 = x\nfor k in 0:5 { h_{k+1} = tanh(h_{k} * 2) }\nL = sum(h_5)",
]


def split_of(text: str, memory: str = "balanced", level: int = 1) -> Split:
    return partition(optimise(graphc.differentiate(graphc.parse(text)), level), memory)


def named(split: Split) -> set[str]:
    """The names of what is saved."""
    return {split.graph[id].name or split.graph[id].op for id in split.saved}


# ---------------------------------------------------------------- what is saved


def test_the_two_layer_net_saves_what_an_expert_saves() -> None:
    """The hidden layer, and of the softmax what its gradient needs: not Z, whose sign H has as well; not S."""
    saved = named(split_of(MLP))
    assert {"X", "H", "W2", "y"} <= saved
    assert not saved & {"Z", "S", "L", "W1", "b1", "b2"}


def test_tanh_saves_its_value_and_not_its_argument() -> None:
    assert named(split_of("input x[N]\nZ = 3 * x\ny = tanh(Z)\noutput y")) == {"y"}


def test_a_product_saves_its_operands() -> None:
    assert named(split_of("input A[N, D], B[D, H]\nY = A @ B\noutput Y")) == {"A", "B"}


def test_a_sum_saves_nothing() -> None:
    assert named(split_of("input x[3]\nL = sum(3 * x)")) <= {"x"}


def test_what_is_cheap_is_computed_again_from_what_is_saved_anyway() -> None:
    """`x * 2` is one pass over an argument; without recomputing it is saved."""
    text = "input x[N]\nZ2 = (x + 1) * (x + 3)\nL = sum(sin(Z2 * x))"
    graph = optimise(graphc.differentiate(graphc.parse(text)), 1)
    assert len(partition(graph, "fast").saved) >= len(partition(graph).saved)


# ---------------------------------------------------------------- soundness


def check(split: Split) -> None:
    graph = split.graph
    arguments = {a.node for a in graph.arguments}
    done = set(arguments)
    for id in split.forward:
        assert set(graph[id].operands) <= done | {id}, f"forward reads node {graph[id].op} before it is made"
        done.add(id)
    assert set(graph.outputs.values()) <= done
    assert set(split.saved) <= done
    have = {*split.saved, *graph.cotangents.values()}
    for id in split.backward:
        assert set(graph[id].operands) <= have, f"backward reads what it does not have for {graph[id].op}"
        have.add(id)
    assert set(graph.gradients.values()) <= have
    assert len(set(split.backward)) == len(split.backward)
    assert len(set(split.forward)) == len(split.forward)
    assert not set(split.saved) & set(split.backward)


@pytest.mark.parametrize("text", PROGRAMS)
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("level", [0, 1])
def test_both_halves_have_what_they_read(text: str, memory: str, level: int) -> None:
    check(split_of(text, memory, level))


@pytest.mark.parametrize("text", PROGRAMS)
def test_nothing_dear_is_computed_twice(text: str) -> None:
    """What backward makes again of forward is cheap or free."""
    split = split_of(text)
    graph = split.graph
    again = [id for id in split.backward if id in split.forward]
    assert all(graph.op(graph[id]).cost in ("free", "cheap") for id in again), [graph[id].op for id in again]


def test_what_only_backward_asks_of_forward_stands_beside_the_value_that_it_is_of() -> None:
    """Not behind all that forward computes, under a second comment with the same statement."""
    text = "input X[B, n, d]\nparam W[d, h]\nH = relu(X@W)\np = sum(H, axis=1)\nq = tanh(p)\nL = sum(q**2)"
    source = graphc.compile(text, verify=False)
    forward = source[source.index("def forward") : source.index("def backward")]
    assert forward.index("mask_H = ") < forward.index("p = H.sum(axis=1)")
    assert forward.count("# H = relu(X@W)") == 1


def test_what_only_backward_asks_of_several_statements_stands_beside_the_last_one() -> None:
    """The sum of two slopes draws none of them before the value of an earlier statement."""
    loop = "for k in 0:3 { h_{k} = gelu(X@W + k) }"
    text = f"input X[N, D], W[D, D]\n{loop}\nL = sum((h_0 + h_1)*h_2)"
    check(split_of(text))
    source = graphc.compile(text, verify=False)
    forward = source[source.index("def forward") : source.index("def backward")]
    assert forward.index(" h_0 = ") < forward.index("[k = 1]") < forward.index(" h_1 = ") < forward.index("[k = 2]")


def test_what_only_backward_needs_is_computed_there() -> None:
    """The cosine of sin(θ): as θ is at hand there, forward does none of the work of the derivative."""
    split = split_of("input x[N, D]\nparam w[D, H]\ntheta = x@w\ny = sin(theta)\nL = sum(y*y)")
    named = {split.graph[id].name or split.graph[id].op for id in split.saved}
    assert named == {"x", "theta", "y"}
    ops = [[split.graph[id].op for id in half] for half in (split.forward, split.backward)]
    assert "cos" not in ops[0] and "cos" in ops[1]


@pytest.mark.parametrize("text", PROGRAMS)
def test_no_cotangent_reaches_forward(text: str) -> None:
    split = split_of(text)
    assert not any(behind(split.graph, id) for id in [*split.forward, *split.saved])


@pytest.mark.parametrize("text", PROGRAMS)
def test_everything_saved_is_read_by_backward(text: str) -> None:
    split = split_of(text)
    read = {u for id in split.backward for u in split.graph[id].operands} | set(split.graph.gradients.values())
    assert set(split.saved) <= read


@pytest.mark.parametrize("text", PROGRAMS)
def test_the_cut_saves_no_more_memory_than_saving_everything_would(text: str) -> None:
    graph = optimise(graphc.differentiate(graphc.parse(text)), 1)

    def total(split: Split) -> int:
        arguments = {a.node for a in graph.arguments}
        return sum(bytes_of(graph[id]) for id in split.saved if id not in arguments)

    assert total(partition(graph)) <= total(partition(graph, "fast"))


def behind(graph: Graph, id: int) -> bool:
    """Whether a value depends on a cotangent."""
    stack, seen = [id], {id}
    while stack:
        node = graph[stack.pop()]
        if node.id in graph.cotangents.values():
            return True
        stack += [u for u in node.operands if u not in seen]
        seen.update(node.operands)
    return False


def test_the_same_graph_is_cut_the_same_way() -> None:
    first, second = split_of(MLP), split_of(MLP)
    assert (first.forward, first.saved, first.backward) == (second.forward, second.saved, second.backward)


# ---------------------------------------------------------------- what is near, and what is far

AGAIN = {
    # text: (what is made again, what is made again in tiles)
    "param g[D]\ninput X[N, D], R[N, D]\nL = sum(layer_norm(X, g, zeros(D)) * R)": (set(), {"subtract", "divide"}),
    "param m[N], s[N]\ninput y[N]\nL = 0.5*sum(s + (y - m)**2/exp(s))": (set(), {"subtract", "square", "divide"}),
    "param X[N, D]\nL = sum(exp(-sum((X[:, None] - X[None])**2, axis=2)))": (set(), {"subtract"}),
    "param W[D, C]\ninput X[N, D], T[N, C]\nY = tanh(X@W)\nL = sum((Y - T)**2)": (set(), {"subtract"}),
    "param X[N, D]\nA = gelu(X, approximate='tanh')\nL = sum(A * A)": ({"square"}, {"square"}),  # of X, which is there
    "param x[N, D]\nH = relu(3*x)\nL = sum(H * H)": (set(), set()),
}
"""What backward does a second time."""


@pytest.mark.parametrize("text", AGAIN)
def test_a_long_way_is_not_gone_twice(text: str) -> None:
    """A gradient of a layer norm took 1.17 times as long as by hand, that of pairwise distances 1.24 times."""
    graph = optimise(graphc.differentiate(graphc.parse(text)), 1)
    for in_tiles, wanted in zip((False, True), AGAIN[text], strict=True):
        split = partition(graph, in_tiles=in_tiles)
        twice = {graph[id].op for id in set(split.forward) & set(split.backward) if graph[id].type.rank}
        assert {op for op in twice if op not in ("expand_dims", "mT", "slice", "broadcast_to")} == wanted


def test_what_backward_no_longer_needs_for_it_is_not_saved() -> None:
    text = "param m[N], s[N]\ninput y[N]\nL = 0.5*sum(s + (y - m)**2/exp(s))"
    assert named(split_of(text)) == {"subtract", "exp", "divide"}  # neither y nor m


# ---------------------------------------------------------------- lean and fast

GELU = "param X[N, D], g[D], b[D]\nA = gelu(X)\nY = X + layer_norm(A, g, b)\nL = 0.5 * sum(Y * Y)"
DEEP = "input z_0[N, D]\nparam W_{0:4}[D, D]\nfor k in 0:4 { z_{k+1} = tanh(z_{k} @ W_{k}) }\nL = sum(z_4**2)"
CONV = (
    "input X[N, 1, 8, 8]\nparam W[2, 1, 3, 3], b[2]\n"
    "P = max_pool2d(relu(conv2d(X, W, b)), 2)\nL = sum(softmax(P, axis=1) * P)"
)
SCATTERED = """
input j[D]: int
param h_0[N, D], U[D, D], c_0[N, D]
for k in 0:3 {
    h_{k+1} = (h_0 @ U)[:, j]
    c_{k+1} = h_0 * sum(h_{k}, axis=0, keepdims=true)
}
L = sum(stack([c_0, c_1, c_2], axis=0)**3) + sum(h_3 * c_3)
g = grad(L, h_0)
"""
"""A gradient within the program is an array that parts are added to, which `forward` keeps for `backward`."""


def made(split: Split) -> Dim:
    """The numbers that forward makes and keeps for backward, as a polynomial in the sizes."""
    kept = [split.graph[id] for id in split.saved if split.graph[id].op != "argument"]
    return sum((numel(node.type.dims) for node in kept if node.type.is_float), dim(0))


def operations(split: Split) -> Counter[str]:
    """What is computed, forward and backward together, views and sizes apart."""
    nodes = [split.graph[id] for id in (*split.forward, *split.backward)]
    return Counter(node.op for node in nodes if split.graph.op(node).cost != "free")


def test_lean_saves_nothing_that_can_be_made_of_arguments() -> None:
    """Everything in GELU and layer norm is elementwise or a sum: X, g and b are enough."""
    assert made(split_of(GELU, "lean")) == 0
    assert made(split_of(GELU)) == 3 * dim("N") * dim("D") + dim("N")
    assert made(split_of(GELU, "fast")).evaluate({"N": 64, "D": 64}) > made(split_of(GELU)).evaluate({"N": 64, "D": 64})


def test_lean_saves_one_array_a_layer() -> None:
    assert made(split_of(DEEP, "lean")) == 4 * dim("N") * dim("D")


@pytest.mark.parametrize("text", [*PROGRAMS, GELU, DEEP, CONV])
def test_no_product_is_done_twice(text: str) -> None:
    counts = [operations(split_of(text, memory)) for memory in MEMORY]
    for op in IN_BLAS:
        assert len({count[op] for count in counts}) == 1, op


@pytest.mark.parametrize("text", [*PROGRAMS, GELU, DEEP, CONV])
def test_lean_keeps_the_least_and_fast_computes_the_least(text: str) -> None:
    lean, balanced, fast = (split_of(text, memory) for memory in MEMORY)

    def memory(split: Split) -> int:
        return sum(bytes_of(split.graph[id]) for id in split.saved if split.graph[id].op != "argument")

    assert memory(lean) <= memory(balanced) <= memory(fast)
    assert operations(lean).total() >= operations(balanced).total() >= operations(fast).total()
    again = set(fast.forward) & set(fast.backward)
    assert all(fast.graph.op(fast.graph[id]).cost == "free" for id in again)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", [MLP, GELU, DEEP, CONV])
def test_all_give_the_same_gradients(text: str, level: int) -> None:
    modules = [graphc.load(text, level=level, memory=memory) for memory in MEMORY]  # verified, too
    joint = graphc.differentiate(graphc.parse(text))
    sample = next(iter(samples(joint, 0, {"N": 5, "D": 4})))
    results = []
    for module in modules:
        value, cache = module.forward(**sample)
        results.append((value, module.backward(cache)))
    for value, gradients in results[1:]:
        assert value == pytest.approx(results[0][0])
        for name, gradient in gradients.items():
            assert gradient == pytest.approx(results[0][1][name], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("memory", MEMORY)
def test_what_is_kept_of_forward_is_not_made_again_where_it_is_added(memory: str, level: int) -> None:
    graphc.compile(SCATTERED, level=level, memory=memory)


def test_the_literal_derivation_is_fast_unless_it_is_to_be_lean() -> None:
    assert [Options(level=level, memory=memory).kept for level in (0, 1) for memory in MEMORY] == [
        "lean", "fast", "fast", "lean", "balanced", "fast",
    ]  # fmt: skip


def test_only_these_words_are_taken() -> None:
    with pytest.raises(ValueError, match="memory must be one of lean, balanced, fast, not 'small'"):
        graphc.compile(MLP, memory="small")
