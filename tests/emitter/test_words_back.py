"""Long functions are checked word by word: the same is refused as by the tree of a short one."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest

import graphc
from graphc.emitter import parse_back as module_under_test
from graphc.emitter.module import emit_module
from graphc.emitter.parse_back import NotWhatWasMeant, parse_back
from graphc.emitter.words_back import in_plain_words, own_names
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.passes.partition import Split, partition
from graphc.pipeline import Options, joint_graph, lower_source, optimise

KNOWN = {"np", "len", "range"}
OWN = {"x", "y", "z", "loop", "x_rows"}

PLAIN = [
    "    y = np.exp(x)  # (N, D)\n    return y\n",
    "    # it's open to \\ anything: 'eval(x)', \"\"\"\n    y = x\n",
    "    for x_rows, y in loop:\n        np.add(x_rows, 1e-05, y)\n",
    '    return y, {"W, don\'t": x, "z": y}\n',
    "    y = x.sum(axis=0, keepdims=True)[..., None].T\n",
    "    z = (\n        x, y,\n    )\n",
    "    z = [y[i] for y in loop if x is not None]\n".replace("[i]", "[x]"),
    "    if len(x) != 1:\n        return x\n",
    "    y = 0.5 * x + 1_000 - 0x1f + 1e5j\n",
]

OTHER = {
    "an unknown name": "    y = eval(x)\n",
    "an unknown name after a keyword of that name": "    y = np.f(eval=x)\n    eval(x)\n",
    "an unknown name after an attribute of that name": "    y = x.eval\n    eval(x)\n",
    "a keyword beside an unknown name": "    y = np.f(x=open)\n",
    "a comparison with an unknown name": "    y = open==x\n",
    "a forbidden attribute": "    y = np.load(x)\n",
    "a forbidden attribute after a blank": "    y = np . load(x)\n",
    "a forbidden attribute after a line": "    y = (np.\n        load(x))\n",
    "a forbidden attribute that is assigned": "    x.__class__=y\n",
    "a hidden attribute": "    y = x.__class__\n",
    "a wide letter": "    y = \uff45val(x)\n",
    "a wide letter in an attribute": "    y = np.\uff4coad(x)\n",
    "a letter that only Python knows": "    \u2118x = 1\n",
    "an import": "    import os\n",
    "a lambda": "    y = (lambda: x)()\n",
    "a global name": "    global x\n",
    "an assertion": "    assert x\n",
    "a loop": "    while x:\n        y = x\n",
    "a deletion": "    del x\n",
    "a yield": "    yield x\n",
    "an assignment in an expression": "    y = (z := x)\n",
    "a definition": "    def loop():\n        return x\n",
    "a decorator": "    @x\n    y\n",
    "an f-string": '    y = f"{eval(x)}"\n',
    "bytes": '    y = b"x"\n',
    "another string": "    y = 'x'\n",
    "a string of several lines": '    y = """\neval(x)"""\n',
    "a string with an escape": '    y = "\\""\n',
    "a line that goes on": "    y = \\\n        x\n",
    "a comment that ends early": "    y = x  # y\reval(x)\n",
    "a mark in a string": '    y = "#" + eval(x)\n',
    "a word after dots": "    y = x[..., eval]\n",
    "an attribute apart from its point": "    y = (x.\n        y)\n",
    "a name beside an attribute of that name": "    y = x.eval + eval\n",
    "a number before a word": "    y = 1or eval(x)\n",
    "what follows the function": "    y = x\nz = y\n",
}


@pytest.mark.parametrize("body", PLAIN)
def test_plain_words(body: str) -> None:
    assert in_plain_words(body, OWN, KNOWN, module_under_test._is_allowed)


@pytest.mark.parametrize("body", OTHER.values(), ids=OTHER.keys())
def test_anything_else_is_left_to_the_tree(body: str) -> None:
    assert not in_plain_words(body, OWN, KNOWN, module_under_test._is_allowed)


def test_what_a_function_binds() -> None:
    text = "def f(x, *, w=1):\n    y = [a for a in x]\n    for b, (c, d) in y:\n        e = b\n    return lambda: e\n"
    (code,) = [const for const in compile(text, "f", "exec").co_consts if hasattr(const, "co_code")]
    assert own_names(code) - {".0"} == set("xwyabcde")


# ------------------------------------------------------------------------------------------------ in a module

PROGRAM = "input x[N, D]\nparam W[D, D]\nz = tanh(x @ W)\nL = sum(z * x)\n"


@pytest.fixture(scope="module")
def split() -> Split:
    diagnostics = Diagnostics()
    joint = joint_graph(lower_source(Source(PROGRAM, "net.g"), diagnostics), Options(), diagnostics)
    return partition(optimise(joint, 1))


@pytest.fixture(autouse=True)
def everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_under_test, "LONG", 0)


def trees(monkeypatch: pytest.MonkeyPatch, function: Callable[[], object]) -> list[str]:
    """The texts of which trees are made meanwhile."""
    found: list[str] = []
    parse = ast.parse

    def noted(text: str, *given: Any, **options: Any) -> Any:
        found.append(str(text))
        return parse(text, *given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(ast, "parse", noted)
        function()
    return found


@pytest.mark.parametrize("level", [0, 1, 2])
def test_bodies_of_functions_become_no_trees(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = trees(monkeypatch, lambda: graphc.compile(PROGRAM, level=level, verify=False))
    functions = [text for text in found if text.startswith("def ")]
    assert any(text.startswith("def backward") for text in functions)
    assert not any("tanh" in text for text in functions)


SPOILT = [
    ("np.tanh(", "eval("), ("np.tanh(", "np.load("), ("np.tanh(", "np.tanh.__self__.tanh("),
    ("    z = ", "    import os\n    z = "), ("    z = ", "    global np\n    z = "),
    ("    z = ", "    np = W\n    z = "), ("    z = ", "    nobody\n    z = "), ("    z = ", "    z = (\n    z = "),
    ("    z = ", "    while z:\n        pass\n    z = "), ("    z = ", "    z = print = x\n    open(z)\n    z = "),
    ("def forward(x, W)", "def forward(x, V)"),
    ("def forward(x, W):", "def forward(x, W): eval(x)\n"), ("def forward(x, W):", "def forward(x, W=eval('1')):"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SPOILT)
def test_what_is_spoilt_is_refused(old: str, new: str, split: Split) -> None:
    text = emit_module(split)
    parse_back(text, split.graph)
    assert old in text
    with pytest.raises(NotWhatWasMeant):
        parse_back(text.replace(old, new, 1), split.graph)
