"""What the stages show: the whole of what is there, the same on every run, and nothing that a terminal acts on."""

from __future__ import annotations

import ast
import difflib
import os
import re
import subprocess
import sys

import pytest

from graphc.explain.report import STAGES, function_text, render_stage
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.pipeline import Options, compile_source, lower_source, show

NET = """\
input X[N, D], t[N, C]
param W1[D, H], b1[H], W2[H, C], b2[C]
Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = sum((S - t)**2)
"""

LINE = re.compile(
    r"(?P<name>[\w.%]+) = (?P<op>\w+)\((?P<operands>.*)\) +"
    r": (?P<type>\(.*?\)(?: \w+)?)(?: +# rule of (?P<rule>.*))?"
)
ATTRIBUTE = re.compile(r"\w+=(\([^()]*\)|\S+)")
NAME = re.compile(r"(?<![\w.])[A-Za-z_][\w.]*")


def seen(text: str, **options: object) -> dict[str, object]:
    found: dict[str, object] = {}
    compile_source(Source(text, "net.g"), Options(verify=False, **options), found.__setitem__)  # type: ignore[arg-type]
    return found


def node_lines(listing: str) -> list[re.Match[str]]:
    blocks = [block.splitlines()[1:] for block in listing.split("\n\n") if block.startswith("#")]
    lines = [line for block in blocks for line in block]
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
    return [match for match in matches if match]


def test_an_unknown_stage() -> None:
    with pytest.raises(ValueError, match="the stages are source, graph"):
        render_stage("nowhere", {})


def test_the_graph_line_by_line() -> None:
    assert (
        show(NET, "graph", name="net.g")
        == """\
input X : (N, D)
input t : (N, C)
param W1 : (D, H)
param b1 : (H,)
param W2 : (H, C)
param b2 : (C,)

# Z = X@W1 + b1
Z.1 = matmul(X, W1)                     : (N, H)
Z = add(Z.1, b1)                        : (N, H)

# H = relu(Z)
H = relu(Z)                             : (N, H)

# S = H@W2 + b2
S.1 = matmul(H, W2)                     : (N, C)
S = add(S.1, b2)                        : (N, C)

# L = sum((S - t)**2)
L.1 = subtract(S, t)                    : (N, C)
L.2 = square(L.1)                       : (N, C)
L = sum(L.2)                            : ()

output L
loss L
"""
    )


@pytest.mark.parametrize("stage", ["graph", "backward", "optimized"])
@pytest.mark.parametrize("level", [0, 1])
def test_a_listing_has_every_node_once_and_names_only_what_stands_above(stage: str, level: int) -> None:
    found = seen(NET, level=level)
    graph = found[stage]
    listing = render_stage(stage, found)
    arguments = [line.split()[1] for line in listing.split("\n\n")[0].splitlines()]
    lines = node_lines(listing)
    literals = sum(node.op == "const" for node in graph)  # type: ignore[attr-defined]
    assert len(arguments) + len(lines) + literals == len(graph)  # type: ignore[arg-type]
    known = set(arguments)
    for line in lines:
        assert set(NAME.findall(ATTRIBUTE.sub("", line["operands"]))) <= known, line.string
        assert line["name"] not in known
        known.add(line["name"])
    for line in listing.split("\n\n")[-1].splitlines():
        if line.startswith("gradient"):
            assert line.split(" = ")[1] in known
    statements = set(NET.splitlines()[2:])
    assert {block.split("\n")[0][2:] for block in listing.split("\n\n") if block.startswith("#")} == statements


def test_the_backward_stage_says_which_rule_made_a_value() -> None:
    lines = {line["name"]: line for line in node_lines(show(NET, "backward", name="net.g"))}
    assert lines["dH"]["rule"] == "matmul"
    assert lines["H"]["rule"] is None
    assert "gradient W1 = dW1\n" in show(NET, "backward")


def test_the_optimized_stage_says_what_is_saved() -> None:
    saved = show(NET, "optimized").splitlines()[-1]
    assert saved.startswith("saved X, ") and "H" in saved


EDITS = {
    "a comment above": ("Z = X@W1", "# the hidden layer\nZ = X@W1"),
    "an empty line": ("H = relu(Z)\n", "\nH = relu(Z)\n"),
    "another function": ("relu(Z)", "tanh(Z * 2)"),
    "a statement more": ("S = H@W2", "A = W1 * 2\nS = H@W2"),
    "a term more": ("b1\n", "b1 + 1\n"),
    "another name": ("t[N, C]", "u[N, C]"),
    "an output": ("L = sum", "output S, L\nL = sum"),
    "another loss": ("L = sum((S - t)**2)", "L = mean(abs(S - t))"),
    "an argument more": ("\nZ =", "\nparam c[C]\nZ ="),
    "another size": ("t[N, C]", "t[N, 1]"),
}
TOUCHED = {  # the values that an edit is about: other lines stay
    "another function": {"H", "dH", "dZ"}, "a statement more": {"A"}, "a term more": {"Z", "dZ"},
    "another name": {"L", "u", "t", "dL"}, "another loss": {"L", "dL", "dS"},
    "another size": {"L", "dL", "t"}, "an argument more": {"dc"},
}  # fmt: skip


@pytest.mark.parametrize("stage", ["source", "graph", "backward"])
@pytest.mark.parametrize("edit", EDITS)
def test_a_small_change_of_the_program_gives_a_small_difference(edit: str, stage: str) -> None:
    old, new = EDITS[edit]
    text = NET.replace(old, new).replace("S - t", "S - u" if edit == "another name" else "S - t")
    assert text != NET
    before, after = show(NET, stage).splitlines(), show(text, stage).splitlines()
    changes = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    if edit in ("a comment above", "an empty line"):
        assert not changes, changes
        return
    of_a_name = [line for line in changes if re.match(r"[+-] [\w.]+ = ", line)]
    touched = TOUCHED.get(edit, set())
    assert all({line.split()[1], line.split()[1].split(".")[0]} & touched for line in of_a_name), of_a_name
    assert len(changes) <= 4 if stage == "source" else len(before) / 2, changes


@pytest.mark.parametrize("stage", STAGES)
def test_one_statement_a_line(stage: str) -> None:
    found = seen(NET.replace("**2", "*\n  (S - t)") + "output L; loss L; H2 = H * 2; Z2 = Z * 2\n")
    for line in render_stage(stage, found).splitlines():
        assert ";" not in line and line == line.rstrip()


def test_attributes_with_other_values_than_the_default() -> None:
    listing = show("param x[N, D]\nY = sum(x, axis=0, keepdims=true)\nZ = mean(x)\n", "graph")
    assert "Y = sum(x, axis=(0,), keepdims=true) " in listing
    assert "Z = mean(x) " in listing


def test_undeclared_shapes_are_named_by_their_argument() -> None:
    listing = show("Z = X@W + b; L = sum(Z)\n", "graph")
    assert "free X : (X.0, W.0)\n" in listing
    assert "free b : (shape of b)\n" in listing
    assert "check (shape of b) fits (X.0, W.1)\n" in listing


def test_a_training_step() -> None:
    listing = show("param w[n]\nL = sum(w * w)\nloss L\nw <- w - 0.1 * grad(L, w)\n", "graph")
    name = re.search(r"^update w <- (new_w\.\d+)$", listing, re.M)
    assert name and f"\n{name[1]} = subtract(w, " in listing


def test_two_names_of_one_value() -> None:
    listing = show("param x[n]\nY = tanh(x)\nZ = Y\noutput Z\n", "graph")
    assert "\noutput Z = Y\n" in listing


def test_the_source_in_normal_spelling_is_a_program_again() -> None:
    text = "input X[N,D];param W_{0:2}[D,D]   # two\n\nfor k in 0:2{X_{k+1}=X@W_{k}}\nL=sum( X_2 )\n"
    shown = show(text, "source")
    assert shown == (
        "input X[N, D]\n"
        "param W_{0:2}[D, D]\n"
        "for k in 0:2 {\n"
        "    X_{k + 1} = X @ W_{k}\n"
        "}\n"
        "L = sum(X_2)\n"
    )
    assert show(shown, "source") == shown


def test_functions_are_cut_out_whole() -> None:
    found = seen(NET)
    module = str(found["module"])
    for stage, name in (("forward-code", "forward"), ("backward-code", "backward")):
        text = render_stage(stage, found)
        assert text in module
        (function,) = ast.parse(text).body
        assert isinstance(function, ast.FunctionDef) and function.name == name
    assert "# L = sum((S - t)**2)" in render_stage("backward-code", found)
    with pytest.raises(KeyError):
        function_text(module, "nothing")


def test_a_line_separator_in_a_string_cuts_nothing() -> None:
    assert function_text('x = "\x0c\u2028"\n\n\ndef f():\n    return 1\n\n\ny = 2\n', "f") == "def f():\n    return 1\n"


def test_what_a_terminal_acts_on_is_shown_as_an_escape() -> None:
    found = {"source": seen('param x[2]\nY = einsum("i->i", x)\n')["source"]}
    text = render_stage("source", found)
    assert 'einsum("i->i", x)' in text
    diagnostics = Diagnostics()
    observed: dict[str, object] = {}
    hostile = 'Y = gelu(x, approximate="\u202e\u200b")\n'
    with pytest.raises(Exception):  # noqa: B017 — whatever lowering says: the tree is what is shown
        lower_source(Source(hostile), diagnostics, observed.__setitem__)
    assert "\u202e" not in render_stage("source", observed)
    assert "<U+202E><U+200B>" in render_stage("source", observed)


def test_every_stage_is_the_same_under_every_hash_seed() -> None:
    script = f"""
from graphc.explain.report import STAGES
from graphc.pipeline import show
for stage in STAGES:
    print(show({NET!r}, stage))
"""
    shown = {
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in "012"
    }
    assert len(shown) == 1
    assert len(STAGES) == 6
