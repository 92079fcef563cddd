"""Every operation's definition by entries, differentiated symbolically, against its derivation rule by numbers.

So a rule is proved twice: by numerical derivatives (tests/rules/) and by the derivation that a reader is shown.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.explain.definitions import DEFINITIONS, Undefined
from graphc.explain.entries import Entries
from graphc.explain.entry_derivative import contribution, derivative
from graphc.explain.expansion import expanded
from graphc.explain.forms import tidy
from graphc.explain.index_values import evaluate
from graphc.explain.indices import substitute, total
from graphc.explain.products import add, mul
from graphc.explain.terms import Tensor, fresh, key
from graphc.ir.dims import dim
from graphc.ir.graph import Argument, Builder, Graph, Node
from graphc.ir.interpret import bind_sizes, interpret
from graphc.ir.types import Type
from graphc.passes.differentiate import differentiate
from graphc.passes.expand import expand
from graphc.verify.sampling import Sampler

PROGRAMS = r"""
param x[A,B], y[A,B]; z = x + y; u = x - y; v = x * y; w = x / y; n = -x; s = square(x); q = x**3; m = x**2.5
param x[A,B], y[B]; z = x + y; u = x - y; v = x * y; w = x / y; p = maximum(x, y); q = minimum(y, x)
param x[A,B], y[A,1]; z = x * y; w = y / x; r = (x + 2) ** y
param x[A], y[A]; a = x ** y; b = x // y; c = x % y; d = arctan2(x, y); e = rsqrt(x); f = reciprocal(x)
param x[A]; a = exp(x); b = expm1(x); c = log(x); d = log1p(x); e = log2(x); f = log10(x); g = sqrt(x)
param x[A]; a = sin(x); b = cos(x); c = tan(x); d = arcsin(x); e = arccos(x); f = arctan(x)
param x[A]; a = sinh(x); b = cosh(x); c = tanh(x); d = arcsinh(x); e = arctanh(x); f = erf(x); g = arccosh(x)
param x[A]; a = sigmoid(x); b = softplus(x); c = log_sigmoid(x); d = silu(x); e = mish(x); f = gelu(x); g = relu(x)
param x[A]; a = abs(x); b = sign(x); c = floor(x); d = ceil(x); e = round(x); f = leaky_relu(x); g = elu(x);\
    h = selu(x)
param x[A]; a = celu(x, alpha=2); b = gelu(x, approximate="tanh"); c = softsign(x); d = relu6(x); e = hardswish(x)
param x[A], y[A]; a = clip(x, y, 0.8); b = clip(x, 0.4, none); c = clip(x, none, 0.5); d = where(x > y, x, 3*y)
param x[A], y[A]; a = x * (x < y); b = y * (x <= y); c = y * (x >= y); d = x * (x == y); e = x * (x != y)
param X[N,D], W[D,H]; Y = X@W
param X[B,N,D], W[D,H], V[B,D,H]; Y = X@W; Z = X@V
param x[D], W[D,H], v[H]; a = x@W; b = W@v; c = outer(x, v); d = dot(x, x); e = x@W@v; f = W.T
param X[A,B,C]; a = sum(X); b = sum(X, axis=1); c = mean(X, axis=(0,2)); d = sum(X, axis=-1, keepdims=true);\
    e = mean(X)
param X[A,B]; a = max(X, axis=1); b = min(X, axis=0, keepdims=true); c = prod(X, axis=1); d = norm(X);\
    e = norm(X, axis=1)
param X[A,B]; a = logsumexp(X, axis=1); b = logsumexp(X); c = cumsum(X, axis=0); d = var(X, axis=1); e = std(X)
param X[A,B]; a = softmax(X); b = log_softmax(X); c = softmax(X, axis=0)
param X[A,B], q[A,B]; a = layer_norm(X, g, h); b = rms_norm(X, g); c = kl_div(X, q, reduction="none");\
    param g[B], h[B]
param S[N,C]; input y[N]: int; a = softmax_ce(S, y, reduction="none"); b = svm_loss(S, y, reduction="none");\
    c = nll(S, y)
param S[N,C], q[N,C]; input y[N]: int; a = softmax_ce(S, q, reduction="none"); c = svm_loss(S, y, margin=0.5)
param a[A], b[A]; c = mse(a, b); d = mae(a, b); e = huber(a, b, delta=0.4); f = hinge(a, b); g = bce(a, b)
param a[A], b[A]; c = bce_with_logits(a, b); d = hardtanh(a); e = hardsigmoid(a)
param X[A,B,C]; a = transpose(X); b = transpose(X, axes=(1,2,0)); c = swapaxes(X, 0, 1); d = reshape(X, (A, B*C))
param X[A,2*B]; a = reshape(X, (A*B, 2)); b = reshape(X, (2*A*B,)); c = flip(X, axis=1); d = roll(X, 1, axis=0)
param x[A], X[A,B]; a = roll(x, 2); b = roll(x, -1) * x
param X[A,B], Y[A,C]; a = concatenate([X, Y], axis=1); b = stack([X, X*2], axis=1); c = X[:, None, :];\
    d = squeeze(c, axis=1)
param X[4,B]; a = X[1]; b = X[1:3]; c = X[::-1, 0]; d = X[::2, 1:]; e = pad(X, ((1, 0), (0, 2)));\
    f = broadcast_to(X, (3, 4, B))
param X[A,B], u[A]; input i[A]: int; a = X[i]; b = X[arange(A), i]; c = take(X, i, axis=1); d = scatter_add(u, i, u)
param X[A,B]; input i[A,B]: int; a = take_along_axis(X, i, axis=1); b = one_hot(i, 4) * 1.5; c = X[:, i[0]]
param X[A,B]; input k[]: int; a = X[k]; b = X[:, k]
param X[A,A]; a = diag(X); b = trace(X); c = triu(X); d = tril(X, k=-1); e = diag(diag(X)); f = diag(X, k=1)
param X[N,m], Y[N,n], A[l,m,n], b[l]; Z = bilinear(X, Y, A, b)
param x[m], A[l,m,n], y[n], Q[m,n]; z = bilinear(x, y, A); w = quadratic(x, Q, y); p = tensordot(y, z, axes=0)
param X[m,N], A[l,m,n], Y[n,N]; Z = einsum("aj,iab,bj->ij", X, A, Y); W = quadratic(X.T, B, Y.T); param B[m,n]
param x[n,c,6], w[o,c,3]; y = conv1d(x, w); z = conv1d(x, w, stride=2, padding=1); u = conv2d(p, q);\
    param p[n,c,4,5], q[o,c,2,3]
param x[n,c,6], w[c,o,3]; y = conv_transpose1d(x, w); z = conv_transpose1d(x, w, stride=2);\
    u = conv2d(p, q, groups=2); v = conv_transpose2d(r, s, stride=2, padding=1);\
    param p[n,4,4,5], q[6,2,2,3], r[n,c,3,3], s[c,o,2,2]
param x[n,c,6], p[n,c,4,6]; a = max_pool1d(x, 2); b = max_pool2d(p, 2, stride=1); d = avg_pool1d(x, 3, stride=1);\
    e = avg_pool2d(p, (2, 3))
param Q[N,A], K[B,A], V[B,C]; a = attention(Q, K, V); b = attention(K, K, V, causal=true);\
    c = attention(Q, K, V, mask=m); d = attention(Q, K, V, mask=m, causal=true); e = attention(Q, K, V, mask=M);\
    input m[N,B]: bool, M[N,B]
param x[A], y[A], u[A,B], v[C,D]; a = hypot(x, y); b = logaddexp(x, y); c = cumprod(x, axis=0); d = kron(u, v);\
    e = repeat(u, 2, axis=1); f = tile(u, (2, 3)); g = full_like(u, y[0]); h = cumprod(u, axis=1);\
    i = full((A, B), 2) * u
param x[4,B], S[N,C]; a = grad(sum(x[1:3]**2), x); b = grad(softmax_ce(S, y), S); c = x * b[0,0]; input y[N]: int;\
    d = grad(sum(x[0]**3), x); e = grad(sum(x[::2]**3), x)
param x[A,B]; a = x*eye(A)[0, 0]; b = x + zeros((A, B)) + ones((A, B)); c = x * arange(B); d = x / B; e = svm(x);\
    def svm(x) = clip(x, 0, 1)
"""
SIZES = {"A": 3, "B": 2, "C": 4, "D": 3, "H": 4, "N": 3, "m": 2, "n": 3, "l": 2, "c": 2, "o": 3}
WITHOUT_OPERANDS = {"size", "arange", "eye", "zeros", "ones", "const", "full", "causal_mask"}
NOT_MADE_BY_CALLS = {
    "number", "as_float", "in_range", "as_int", "ravel", "products", "svm_margins", "clear_labels",
    "zeros_like", "ones_like", "logical_not", "negative_part", "largest",
}  # fmt: skip
"""Only rules, definitions and undeclared programs make these."""


@cache
def nodes() -> tuple[tuple[str, Graph, Node], ...]:
    """One node for each way an operation occurs in the programs."""
    found: dict[str, tuple[str, Graph, Node]] = {}
    for text in PROGRAMS.replace("\\\n", "").strip().splitlines():
        graph = graphc.parse(text)
        for node in graph:
            if node.operands and node.op not in ("stop_gradient", "in_range"):
                types = ", ".join(str(graph[u].type) for u in node.operands)
                attributes = ", ".join(f"{k}={v}" for k, v in node.attrs)
                found.setdefault(f"{node.op}({types}; {attributes})", (node.op, graph, node))
    return tuple((label, graph, node) for label, (_, graph, node) in found.items())


def alone(graph: Graph, node: Node) -> Graph:
    """The node by itself, its operands being arguments."""
    builder = Builder(graph.ops)
    ids: dict[int, int] = {}
    arguments = []
    for u in node.operands:
        if u not in ids:
            name = f"x{len(ids)}"
            ids[u] = builder.add("argument", (), {"name": name}, type=graph[u].type, name=name)
            arguments.append(Argument(name, ids[u], "param"))
    symbols = {s for u in [*node.operands, node.id] for n in graph[u].type.dims for s in n.names()}
    for symbol in sorted(symbols):  # so that each size is known where `2*A` alone is an operand's
        id = builder.add("argument", (), {"name": f"of_{symbol}"}, type=Type((dim(symbol),), "int"))
        arguments.append(Argument(f"of_{symbol}", id, "input", "int"))
    y = builder.add(node.op, [ids[u] for u in node.operands], dict(node.attrs), name="y")
    values = {**{a.name: a.node for a in arguments}, "y": y}
    return Graph(builder.nodes, tuple(arguments), {"y": y}, values=values, ops=graph.ops)


def sample(graph: Graph, node: Node, rng: np.random.Generator) -> dict[str, Any]:
    """Arguments for the node: of mixed signs where the operation takes them."""
    arrays: dict[str, Any] = {}
    domain = graph.op(node).domain
    for argument in graph.arguments:
        type = graph[argument.node].type
        shape = tuple(n.evaluate(SIZES) for n in type.dims)
        if argument.node not in node.operands:
            arrays[argument.name] = np.zeros(shape, int)
            continue
        place = node.operands.index(argument.node)
        operands = graph.op(node).operands
        kind = domain.get(operands[min(place, len(operands) - 1)].lstrip("*"), "")
        if type.dtype == "int":
            arrays[argument.name] = rng.integers(0, 2, shape) if shape else np.int64(1)
        elif type.dtype == "bool":
            arrays[argument.name] = rng.integers(0, 2, shape) > 0
        elif kind in ("positive", "probability", "unit", "nonzero"):
            arrays[argument.name] = rng.uniform(0.2, 0.9, shape)
        elif kind == "above_one":
            arrays[argument.name] = rng.uniform(1.2, 3, shape)
        else:
            arrays[argument.name] = rng.uniform(0.2, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    return arrays


BENT = r"""
relu(x) leaky_relu(x) elu(x,alpha=2) selu(x) celu(x,alpha=2) relu6(x) hardtanh(x) hardsigmoid(x) hardswish(x)
clip(x,-1,3) abs(x) softsign(x) mae(x,1,reduction="none") huber(x,0,reduction="none") hinge(x,1,reduction="none")
maximum(x,1) minimum(x,1) sign(x)
"""


@pytest.mark.parametrize("call", BENT.split())
def test_at_a_bend_the_derivative_is_the_rule_s(call: str) -> None:
    """A derivation shows the derivative that the module computes at -3, -1, 0, 1, 3 and 6, too."""
    whole = graphc.parse(f"param x[K]; y = {call}")
    x = np.array([-3.0, -1.0, 0.0, 1.0, 3.0, 6.0])
    joint = expand(differentiate(whole, ["x"]), share=False)
    values = interpret(joint, {"x": x}, {"y": np.ones(6)})
    variable = Tensor(whole.values["x"], "x")
    out, definition = Entries(whole, {whole.values["x"]: variable}).definition(whole.outputs["y"])
    at = tuple(fresh(n) for n in whole[whole.values["x"]].type.dims)
    have = evaluate(contribution(definition, out, None, variable, at), at, {variable: x}, {"K": 6})
    np.testing.assert_allclose(have, values[joint.gradients["x"]], atol=1e-12)


@pytest.mark.parametrize("label", [label for label, _, _ in nodes()])
def test_the_derivative_of_a_definition_is_the_rule(label: str) -> None:
    _, whole, original = next(item for item in nodes() if item[0] == label)
    graph = alone(whole, original)
    node = graph[graph.outputs["y"]]
    rng = np.random.default_rng(7)
    arguments = sample(graph, node, rng)
    floats = [a.name for a in graph.arguments if graph[a.node].type.is_float]
    tensors = {a.node: Tensor(a.node, a.name, not graph[a.node].type.is_float) for a in graph.arguments}
    entries = Entries(graph, tensors)
    out, definition = entries.definition(node.id)
    sizes = bind_sizes(graph, arguments) | SIZES
    arrays = {tensors[a.node]: arguments[a.name] for a in graph.arguments}
    for auxiliary in entries.auxiliaries.get(node.id, []):
        arrays[auxiliary.tensor] = evaluate(auxiliary.expression, auxiliary.indices, arrays, sizes)

    joint = expand(differentiate(graph, floats), share=False) if node.type.is_float else expand(graph, share=False)
    dy = np.asarray(rng.normal(size=tuple(n.evaluate(SIZES) for n in node.type.dims)))
    values = interpret(joint, arguments, {"y": dy})
    np.testing.assert_allclose(
        evaluate(definition, out, arrays, sizes), values[joint.outputs["y"]], rtol=1e-9, atol=1e-12
    )
    if not node.type.is_float:
        return
    cotangent = Tensor("dy", "dy")
    arrays[cotangent] = dy
    for name in floats:
        variable = tensors[graph.values[name]]
        at = tuple(fresh(n) for n in graph[graph.values[name]].type.dims)
        through = contribution(definition, out, cotangent, variable, at)
        for auxiliary in entries.auxiliaries.get(node.id, []):
            inner = tuple(fresh(i.dim) for i in auxiliary.indices)
            of_auxiliary = contribution(definition, out, cotangent, auxiliary.tensor, inner)
            body = mul(of_auxiliary, substitute(derivative(auxiliary.expression, variable, at),
                                                dict(zip(auxiliary.indices, inner, strict=True))))
            for index in inner:
                body = total(index, body)
            through = add(through, body)
        wanted = values[joint.gradients[name]]
        have = evaluate(through, at, arrays, sizes)
        np.testing.assert_allclose(have, wanted, rtol=1e-8, atol=1e-10, err_msg=key(through))
        np.testing.assert_allclose(evaluate(expanded(through), at, arrays, sizes), wanted, rtol=1e-8, atol=1e-10)


INSIDE = r"""
param X[N,D], y[D]; L = sum(flatten(X*y)**2)
param x[A], y[B]; L = sum(kron(x, y)**2)
param x[A], y[B]; L = sum(exp(kron(x, y)))
param x[A,B], y[C,D]; L = sum(kron(x, y)**2)
param x[A], y[B]; L = sum(silu(kron(x, y)))
param x[A], y[B]; L = max(kron(x, y))
param x[A], y[B]; L = prod(kron(x, y) + 2)
param X[N,D], y[N]; L = sum(tanh(reshape(X*y[:,None], (N*D,))))
param X[N,D], y[D]; input t[N*D]; L = mse(flatten(X*y), t, reduction="sum")
param X[N,D], y[D]; L = sum(sqrt(exp(flatten(X*y)) + flatten(X)**2))
param X[N,D], y[D]; L = sum(exp(flatten(X*y)) * tanh(flatten(X*y)))
"""


@pytest.mark.parametrize("text", INSIDE.strip().splitlines())
def test_a_sum_inside_a_function_is_another_than_the_one_round_it(text: str) -> None:
    """`Σ_j (Σ_i a_ij)²` has two sums over i in its derivative, of which one stands in the other."""
    graph = graphc.parse(text)
    arguments = next(iter(Sampler(graph, 0)))
    tensors = {a.node: Tensor(a.node, a.name) for a in graph.arguments}
    arrays = {tensors[a.node]: arguments[a.name] for a in graph.arguments}
    names = [a.name for a in graph.arguments if a.kind == "param"]
    joint = expand(differentiate(graph, names), share=False)
    values = interpret(joint, arguments, {"L": np.float64(1)})
    out, definition = Entries(graph, tensors).definition(graph.outputs["L"])
    for name in names:
        variable = tensors[graph.values[name]]
        at = tuple(fresh(n) for n in graph[graph.values[name]].type.dims)
        made = contribution(definition, out, None, variable, at)
        for form in (made, expanded(made), tidy(made)):
            have = evaluate(form, at, arrays, bind_sizes(graph, arguments))
            np.testing.assert_allclose(have, values[joint.gradients[name]], rtol=1e-8, atol=1e-10, err_msg=key(form))


def test_every_definition_is_tested() -> None:
    reached = {node.op for _, graph, node in nodes()}
    assert set(DEFINITIONS) - reached == NOT_MADE_BY_CALLS | WITHOUT_OPERANDS


def test_entries_that_are_rolled_across_rows_have_no_index_expression() -> None:
    graph = graphc.parse("param w[N, D]\ny = roll(w, 1)")
    with pytest.raises(Undefined):
        Entries(graph, {}).definition(graph.outputs["y"])
