"""The listing of a graph read back: the same graph, for every example, golden program and kind of operation."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import graphc
from golden_files import read_cases
from graphc.explain.listing import list_graph
from graphc.explain.reading import read_graph
from graphc.explain.report import render_stage
from graphc.ir.dims import dim
from graphc.ir.graph import Graph, Node
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.ops.base import REQUIRED
from graphc.pipeline import lower_source
from ops.cases import all_cases

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted([*(ROOT / "examples").rglob("*.g"), *(ROOT / "tests/benchmarks/programs").glob("*.g")])
GOLDEN = [case for path in sorted((ROOT / "tests/golden").rglob("*.test")) for case in read_cases(path)]

ODD = {
    "names of every kind": "input ν[Ñ], x̃[Ñ], lambda[Ñ]; if = ν*x̃ + lambda; max = max(if); loss = max + 1; L·l = loss",
    "sizes named as words": "input a[if, max], b[max, else]; c = a@b; d = reshape(c, (if*else, 1)); L = sum(d)/if",
    "sizes that are expressions": "input x[2*h, d], w[h//2 + 1, d - 3]; y = pad(x, ((0, 1), (2, 3))); L = sum(y)",
    "sizes that broadcast": "Z = A@W + B@V; L = sum(Z)",
    "several sizes that broadcast": "Z = A@W + B@V + C@U + A@X; L = sum(Z)",
    "the larger of two sizes": "a = X@W; b = Y@V; c = concatenate((a, b), axis=0); d = stack((a, a)); L = sum(c)",
    "unknown ranks": "y = a*b + tanh(c); z = sum(y, axis=0); u = where(y > 0, y, d); L = sum(z * d)",
    "numbers": "inf = x + 1e-300; nan = inf*2 - -1.5e+30; eta = 0.1; n = 3; L = nan*n",
    "lists": "const M = [[1, 0], [2, 1]]; param x[2, 2]; i = [0, 1]; L = sum(x * M) + sum(take(x, i)) + sum(x[i])",
    "booleans": "input c[n]: bool, k[n]: int, t[n]: float32; param x[n]; y = where(c, x, k) + (x > 1); L = sum(y*t)",
    "slices": "param x[n, 4, m]; L = sum(x[0, 1:3, ::-1]) + sum(x[..., None, 2:]) + sum(x[:, -1, 0:m - 1])",
    "indices": "param x[n, m]; L = sum(x[i]) + sum(x[:, j]) + sum(embedding(k, E)) + nll(P, y)",
    "windows": "param w[O, C, K, 3]; input x[N, C, H, W]; L = sum(conv2d(x, w, stride=2)); y = max_pool2d(x, 2)",
    "strings": 'L = sum(einsum("ij,jk->ik", A, B)) + sum(gelu(A, approximate="tanh"))',
    "several results": "param x[4, n]; a, b = split(x, 2); output b, a",
    "two names of one value": "param x[n]; Y = tanh(x); Z = Y; w = x; L = sum(Z); output L, Z, w",
    "gradients": "param w[n]; L = sum(w**3); g = grad(L, w); h = hvp(L, w, g); J = jacobian(g, w); loss L; output h, J",
    "steps": "param w[n], v[n]; L = sum(w*w*v); loss L; w <- w - 0.1*grad(L, w); v <- 0.9*v + grad(L, w)",
    "functions": "def f(x, W) { P = softmax(x@W); return P }; for k in 0:2 { h_{k+1} = f(h_{k}, W_{k}) }\nL = sum(h_2)",
    "groups": "param x[N, C, 4]; y = group_norm(x, 2, g, b); L = sum(y)",
    "own operations": """\
const eta = [0.5, 1]
def half(x) = eta[0] * x
op swish(x, *, beta=1.0) = x * sigmoid(beta * x)
rule swish(x, *, beta) -> y { s = sigmoid(beta * x); dx = dy * (s + beta * y * (1 - s)) }
op both(x) = half(x) + swish(x, beta=2.0) / N
rule both(x) -> y { dx = dy*eta[0] + vjp(swish(x, beta=2.0), x, dy) / N }
input x[N, d]
L = sum(both(x)) + sum(swish(x))
""",
}


def programs() -> Iterator[Any]:
    for path in EXAMPLES:
        yield pytest.param(path.read_text(encoding="utf-8"), str(path), id=str(path.relative_to(ROOT)))
    for case in GOLDEN:
        if "errors" not in case.expected and not case.files:
            yield pytest.param(case.program, None, id=case.id)
    for name, text in ODD.items():
        yield pytest.param(text, None, id=name)


def graph_of(text: str, path: str | None = None) -> Graph:
    return lower_source(Source(text, "net.g", path), Diagnostics())


def form(graph: Graph) -> dict[str, Any]:
    """All that a listing holds, in a form that does not depend on the numbers of nodes; no text of a listing's."""
    places = {a.node: a.name for a in graph.arguments}
    nodes = [node for node in graph if node.op != "argument" and not _is_number(node)]
    places |= {node.id: f"node {k}" for k, node in enumerate(nodes)}

    def value(id: int) -> Any:
        node = graph[id]
        return (repr(node.attr("value")), node.type.dtype) if _is_number(node) else places[id]

    def attributes(node: Node) -> dict[str, Any]:
        defaults = {k: v for k, v in graph.op(node).attributes.items() if v is not REQUIRED}
        return {**defaults, **dict(node.attrs)}

    def origin(node: Node) -> Any:
        known = node.origin is not None and 0 <= node.origin.statement < len(graph.statements)
        return (graph.statements[node.origin.statement].text, node.origin.rule) if known and node.origin else None

    return {
        "arguments": [(a.name, a.kind, a.declared if graph[a.node].type.is_float else "", graph[a.node].type)
                      for a in graph.arguments],
        "nodes": [(n.op, [*map(value, n.operands)], attributes(n), n.type, n.name or (None, n.hint), origin(n))
                  for n in nodes],
        **{key: {name: value(id) for name, id in getattr(graph, key).items()}
           for key in ("outputs", "values", "updates", "gradients", "cotangents")},
        "loss": graph.loss,
        "bounds": list(dict.fromkeys(graph.bounds)),
        "together": graph.together,
        "agreeing": graph.agreeing,
        "minimums": list(dict.fromkeys((size, dim(least), what) for size, least, what in graph.minimums)),
        "limits": list(dict.fromkeys(graph.limits)),
        "ops": {node.op for node in graph} & set(graph.ops),
    }  # fmt: skip


def _is_number(node: Node) -> bool:
    return node.op == "const" and not isinstance(node.attr("value"), tuple) and node.name is None


def code(graph: Graph) -> str:
    """The functions of a graph's module without what quotes the source, which no listing holds."""
    module = ast.parse(graphc.emit(graph))
    kept = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    for raised in (node for function in kept if function.name == "check" for node in ast.walk(function)):
        if isinstance(raised, ast.Constant) and isinstance(raised.value, str):
            raised.value = ""  # an error calls a value what the source does
    return "\n\n".join(ast.unparse(node) for node in kept)


@pytest.mark.parametrize(("text", "path"), [*programs()])
def test_the_graph_stage_reads_back(text: str, path: str | None) -> None:
    graph = graph_of(text, path)
    listing = render_stage("graph", {"graph": graph})
    again = read_graph(listing)
    again.verify()
    assert form(again) == form(graph)
    assert render_stage("graph", {"graph": again}) == listing


def test_graphs_of_every_operation_and_their_gradients_read_back() -> None:
    tried = 0
    for number, case in enumerate(all_cases()):
        if number % 10 == 0:
            graph = graph_of(case.text())
            assert form(read_graph(list_graph(graph)).verify()) == form(graph), str(case)
            with contextlib.suppress(graphc.GraphcError):  # nothing to differentiate
                joint = graphc.differentiate(graph)
                assert list_graph(read_graph(list_graph(joint)).verify()) == list_graph(joint), str(case)
            tried += 1
    assert tried > 100


@pytest.mark.parametrize("path", EXAMPLES[::3], ids=lambda path: path.name)
def test_a_graph_that_was_read_gives_the_same_module(path: Path) -> None:
    graph = graph_of(path.read_text(encoding="utf-8"), str(path))
    assert code(read_graph(list_graph(graph))) == code(graph)


def test_definitions_of_two_files_keep_their_constants(tmp_path: Path) -> None:
    (tmp_path / "layers.g").write_text(
        "const a = 3\ndef f(x) = a*x\nop times(x) = f(x)\nrule times(x) -> y { dx = a*dy }\n"
    )
    text = (
        'import "layers.g"\nconst a = 2\nop twice(x) = times(x)*a\nrule twice(x) -> y { dx = 3*a*dy }\n'
        "param x[n]\nL = sum(twice(x)) + sum(times(x))\n"
    )
    graph = graph_of(text, str(tmp_path / "net.g"))
    listing = list_graph(graph)
    assert listing.count("\nfile ") + listing.startswith("file ") == 2
    assert list_graph(read_graph(listing)) == listing
    assert code(read_graph(listing)) == code(graph)


LISTING = """\
param x : (n,)

# y = tanh(x)
y = tanh(x)                             : (n,)

output y
"""


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        ("= tanh(x) ", "= tanh(z) ", 4, "`z` does not stand above"),
        ("= tanh(x) ", "= tanh(x", 4, ""),
        (": (n,)\n\no", ": (n\n\no", 4, ""),
        ("= tanh(x) ", "= tahn(x) ", 4, "no operation has the name `tahn`"),
        ("y = tanh(x) ", "x = tanh(x) ", 4, "`x` is there already"),
        ("output y", "output z", 6, ""),
        ("output y", "result y", 6, ""),
        ("param x : (n,)", "param x : (z.0,)", 1, "`z.0` is no size of an argument"),
        ("param x : (n,)", "param x : (n,) and", 1, ""),
        ("output y", "output y twice", 6, "there is more at column 9"),
    ],
)  # fmt: skip
def test_what_is_no_listing_is_refused_with_its_line(before: str, after: str, line: int, message: str) -> None:
    assert before in LISTING
    with pytest.raises(ValueError, match=f"^line {line}: .*{message}"):
        read_graph(LISTING.replace(before, after, 1))
