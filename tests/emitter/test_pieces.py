"""Pieces of long arrays given away: how much memory a recurrent net takes, and that nothing is lost in it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import graphc
from emitter.plans import agree_in_a_workspace
from graphc.api import module_from
from graphc.pipeline import Options, compile_graph
from modules import execute

N = H = 16
LSTM = """
input X[T, N, D]
param Wx[D, 4*H], Wh[H, 4*H], b[4*H]
h_0 = zeros((N, H)); c_0 = zeros((N, H)); l_0 = 0
for t in 0:T {
    z_{t} = X[t] @ Wx + b + h_{t} @ Wh
    i_{t} = sigmoid(z_{t}[:, 0:H]); f_{t} = sigmoid(z_{t}[:, H:2*H]); o_{t} = sigmoid(z_{t}[:, 2*H:3*H])
    c_{t+1} = f_{t} * c_{t} + i_{t} * tanh(z_{t}[:, 3*H:4*H])
    h_{t+1} = o_{t} * tanh(c_{t+1})
    l_{t+1} = l_{t} + sum(h_{t+1} * h_{t+1})
}
L = l_T
output L
"""
PLAIN = """
input X[T, N, D]
param Wx[D, H], Wh[H, H], b[H]
h_0 = zeros((N, H)); l_0 = 0
for t in 0:T { h_{t+1} = tanh(X[t] @ Wx + b + h_{t} @ Wh); l_{t+1} = l_{t} + sum(h_{t+1}**2) }
L = l_T
output L
"""
# The products with the first step are needed again at the very end, those with the second one twice.
LATE = PLAIN.replace("L = l_T", "L = l_T + sum((X[0] @ Wx) * h_T) + sum(exp(-(X[1] @ Wx)**2))")
WHOLE = PLAIN.replace("X[t] @ Wx", "reshape(P, (T, N, H))[t]").replace("L = l_T", "L = l_T + sum(P**3)")
WHOLE = WHOLE.replace("h_0 = zeros", "P = reshape(X, (T*N, D)) @ Wx\nh_0 = zeros")
BACKWARDS = PLAIN.replace("X[t]", "X[T-1-t]")
TWO = """
input X[T, N, D]
param U[D, H], V[D, 2*H], W[H, H], R[H, 2*H]
h_0 = zeros((N, H)); l_0 = 0
for t in 0:T {
    g_{t} = sigmoid(X[t] @ V + h_{t} @ R)
    n_{t} = tanh(X[t] @ U + g_{t}[:, 0:H] * (h_{t} @ W))
    h_{t+1} = g_{t}[:, H:2*H] * h_{t} + (1 - g_{t}[:, H:2*H]) * n_{t}
    l_{t+1} = l_{t} + sum(h_{t+1}**2)
}
L = l_T
output L
"""
# The second net's products are made when nothing reads those of the first one any more, whose values lie there.
AFTER = PLAIN.replace("L = l_T", """
g_0 = zeros((N, H)); m_0 = 0
for t in 0:T { g_{t+1} = tanh(X[t] @ Wx * h_T + g_{t} @ Wh); m_{t+1} = m_{t} + sum(g_{t+1}**2) }
k_0 = zeros((N, H)); n_0 = 0
for t in 0:T { k_{t+1} = tanh(X[t] @ Wy + k_{t} @ Wh); n_{t+1} = n_{t} + sum(k_{t+1}**2 * g_T) }
L = l_T + m_T + n_T""").replace("Wx[D, H]", "Wx[D, H], Wy[D, H]")
# Joined arrays whose parts are made while the piece in their place is still read: by another step, and by the same one.
CROSSED = """
input X[3, N, D]
param W[D, H], V[3*N, H]
for t in 0:3 { u_{t} = tanh(X[2-t] @ W) }
L = sum(exp(concatenate([u_0, u_1, u_2], axis=0) * V)) + sum(u_0 * (X[1] @ W))
"""
SAME = """
input X[3, N, D], W[D, H]
param V[3*N, H], U[N, H]
h_0 = U + X[2] @ W
for t in 0:3 { a_{t} = tanh(h_{t}); h_{t+1} = sin(a_{t} + X[t] @ W) * U }
L = sum(exp(concatenate([a_0, a_1, a_2], axis=0) * V)) + sum(h_3**2)
"""
# The states lie where the products were, the gradients where those of the outputs were, and none are copied together.
LANGUAGE = """
input X[T, N, D]
param Wx[D, H], Wh[H, H], b[H], V[H, H]
h_0 = zeros((N, H)); l_0 = 0
P = X @ Wx
for t in 0:T { h_{t+1} = tanh(P[t] + h_{t} @ Wh + b); l_{t+1} = l_{t} + sum(sin(h_{t+1} @ V)) }
L = l_T
output L
"""
PROGRAMS = {
    "language": LANGUAGE, "lstm": LSTM, "plain": PLAIN, "late": LATE, "whole": WHOLE, "backwards": BACKWARDS,
    "two": TWO, "after": AFTER, "crossed": CROSSED, "same": SAME,
}  # fmt: skip


def steps(text: str, count: int) -> str:
    return re.sub(r"\bT\b", str(count), text.replace("_T", f"_{count}"))


def arguments(module: Any, sizes: dict[str, int]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = re.findall(r"^    (\w+): (\(.*?\))$", module.__doc__.partition("Shapes:")[2], re.MULTILINE)
    made = {name: eval(shape, {}, sizes) for name, shape in shapes}
    return {name: 0.4 * rng.normal(size=made[name]) for name in [*module.INPUTS, *module.PARAMETERS]}


def memory_of(source: str) -> str:
    start = source.index("def memory_of_value_and_grad")
    return source[start : source.index("\ndef ", start)]


@pytest.mark.parametrize(("count", "tile"), [(3, "131072"), (5, "64")])
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_is_lost(name: str, count: int, tile: str) -> None:
    text = steps(PROGRAMS[name], count)
    source = graphc.compile(text, level=2, verify=False)
    net, literal = module_from(source.replace("131072", tile), "net.g"), graphc.load(text, level=0, verify=False)
    for sizes in ({"N": 5, "D": 3, "H": 4}, {"N": 1, "D": 1, "H": 1}, {"N": 0, "D": 3, "H": 4}):
        given = arguments(net, sizes)
        want, want_grads = literal.value_and_grad(**given)
        workspace = net.Workspace(**given)
        for _ in range(2):  # nothing of the first call is left
            have, grads = net.value_and_grad(**given, workspace=workspace)
            assert abs(have - want) <= 1e-11 * max(1, abs(want))
            for key, gradient in want_grads.items():
                assert np.abs(grads[key] - gradient).max(initial=0) <= 1e-11 * max(1, np.abs(gradient).max(initial=0))


def held(module: Any, given: dict[str, Any]) -> int:
    """The bytes of all arrays that a workspace holds."""
    workspace = module.Workspace(**given)
    module.value_and_grad(**given, workspace=workspace)
    found, stack = {}, [workspace.value_and_grad]
    while stack:
        each = stack.pop()
        if isinstance(each, (tuple, list)):
            stack += each
        elif isinstance(each, np.ndarray):
            while isinstance(each.base, np.ndarray):
                each = each.base
            found[id(each)] = each.nbytes
    return sum(found.values())


def held_by_ten_steps(text: str) -> int:
    """How many bytes ten steps more take, of N rows and H columns."""
    nets = [graphc.load(steps(text, count), level=2, verify=False) for count in (6, 16)]
    few, many = (held(net, arguments(net, {"N": N, "D": H, "H": H})) for net in nets)
    return many - few


def test_gates_and_their_gradients_lie_where_the_products_were() -> None:
    # Of each step there are the four gates, the state, its tanh, and h, and of the ones an entry for each row.
    assert held_by_ten_steps(LSTM) == 10 * (7 * N * H + N) * 8


def test_the_gradients_take_the_place_of_the_products() -> None:
    memory = memory_of(graphc.compile(steps(LSTM, 5), level=2, verify=False))
    assert memory.count("np.empty((5*N, 4*H)") == 1, "products, gates and gradients are one array"
    assert len(re.findall(r"^    dz_\d = product_X\[\S*\]$", memory, re.MULTILINE)) == 5


def test_states_and_gradients_of_a_network_with_an_output_each_step() -> None:
    # Of each step there are the state and its gradient, the output and its sine, and of the ones an entry for each row.
    assert held_by_ten_steps(LANGUAGE) <= 10 * (4 * N * H + 2 * N) * 8
    assert ".concatenate([" not in graphc.compile(steps(LANGUAGE, 6), level=2, verify=False).partition("\nclass ")[0]


CHARACTERS = """
input i[T, N]: int, y[T, N]: int
param E[V, D], Wx[D, H], Wh[H, H], U[H, V]
h_0 = zeros((N, H)); l_0 = 0
for t in 0:T {
    h_{t+1} = tanh(E[i[t]] @ Wx + h_{t} @ Wh)
    l_{t+1} = l_{t} + softmax_ce(h_{t+1} @ U, y[t])
}
L = l_T
output L
"""


def test_two_arrays_of_states_where_what_is_read_has_an_axis_of_steps() -> None:
    """The products and the states are one, the gradients that come of the outputs and those of the states the other."""
    memory = memory_of(graphc.compile(steps(CHARACTERS, 5), level=2, verify=False))
    assert len(re.findall(r"np\.empty\(\((?:5\*N|5, N), H\)", memory)) == 2


@pytest.mark.parametrize("op", ["{} * exp(-g)", "sign({}) * exp(-g) + {}"])
def test_what_reads_a_piece_may_write_over_it(op: str) -> None:
    """Where NumPy reads an entry before it writes it."""
    text = f"""input X[5, N, D], g[D]
param W[D, D], V[5*N, D]
P = X @ W
A = concatenate([{", ".join(op.replace("{}", f"P[{k}]") for k in range(5))}], axis=0)
L = sum(A * V)
"""
    net, literal = (graphc.load(text, level=level, verify=False) for level in (2, 0))
    given = arguments(net, {"N": 7, "D": 3})
    want, have = literal.value_and_grad(**given), net.value_and_grad(**given, workspace=net.Workspace(**given))
    assert abs(have[0] - want[0]) <= 1e-11 * abs(want[0])
    assert all(np.abs(have[1][k] - g).max() <= 1e-11 * max(1, np.abs(g).max()) for k, g in want[1].items())


@pytest.mark.parametrize("made", ["X * 2", "X @ W", "reshape(reshape(X, (3*N, N)) @ W, (3, N, N))"])
@pytest.mark.parametrize("part", [
    "P[{0}] * P[{0}].T", "exp(P[{0}, ::-1])", "tanh(flip(P[{0}], 0))", "sigmoid(P[{0}][:, 0:1] * P[{0}])",
    "tanh(P[{0}]) * P[{0}][::-1]", "P[{0}] * P[{0}][0:1]",
])  # fmt: skip
def test_of_what_is_read_in_another_order_nothing_is_written_over(made: str, part: str) -> None:
    """Over the rows of a piece were those of a part, made of others of its rows that were still to be read."""
    parts = ", ".join(part.format(k) for k in range(3))
    source = f"input X[3, N, N]\nparam W[N, N], U[N, 2]\nP = {made}\nL = sum(tanh(concatenate([{parts}], axis=0) @ U))"
    rng = np.random.default_rng(0)
    given = {"X": rng.standard_normal((3, 9, 9)), "W": rng.standard_normal((9, 9)), "U": rng.standard_normal((9, 2))}
    text = graphc.compile(source, level=2, verify=False).replace("131072", "64")
    fast, literal = module_from(text, "net.g"), graphc.load(source, level=0, verify=False)
    agree_in_a_workspace(fast, literal, given)


def test_what_is_read_as_a_whole_is_kept() -> None:
    memory = memory_of(graphc.compile(steps(WHOLE, 5), level=2, verify=False))
    assert "P = np.empty((5*N, H)" in memory and "= P[" not in memory


def test_few_pieces_stay() -> None:
    assert ".reshape(4, N, H)[" not in memory_of(graphc.compile(steps(LSTM, 2), level=2, verify=False))


def test_on_threads_as_well() -> None:
    text = steps(LSTM, 4)
    net = execute(graphc.compile(text, level=2, verify=False, threads=2), "threads")
    literal = graphc.load(text, level=0, verify=False)
    given = arguments(net, {"N": 300, "D": 3, "H": 4})
    want, have = literal.value_and_grad(**given), net.value_and_grad(**given, workspace=net.Workspace(**given))
    assert abs(have[0] - want[0]) <= 1e-11 * abs(want[0])
    assert all(np.abs(have[1][k] - g).max() <= 1e-11 * np.abs(g).max() for k, g in want[1].items())


@pytest.mark.parametrize("sizes", [{"N": 3, "M": 4, "K": 2}, {"N": 1, "M": 1, "K": 1}])
def test_a_value_of_another_shape_lies_in_a_piece_in_its_own(sizes: dict[str, int]) -> None:
    """As many entries as a piece has, and an axis of size 1 before them."""
    text = """param P[N, M], T[M, M], U[M, K]
h_0 = tanh(P); h_1 = tanh(h_0 @ T) + h_0; h_2 = tanh(h_1 @ T)
L = sum(stack([h_0])**2) + sum(sin(stack([h_0 @ U, h_1 @ U, h_2 @ U])))
"""
    # the products are joined behind the differentiation, and not before
    source, _ = compile_graph(graphc.differentiate(graphc.parse(text)), Options(level=2))
    assert re.search(r"^    \w+ = \w+\[N:2\*N\]\.reshape\(1, N, M\)$", memory_of(source), re.MULTILINE)
    net, literal = execute(source, "pieces"), graphc.load(text, level=0, verify=False)
    given = arguments(net, sizes)
    want, have = literal.value_and_grad(**given), net.value_and_grad(**given, workspace=net.Workspace(**given))
    assert abs(have[0] - want[0]) <= 1e-11 * abs(want[0])
    assert all(np.abs(have[1][k] - g).max() <= 1e-11 * max(1, np.abs(g).max()) for k, g in want[1].items())
