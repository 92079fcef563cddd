"""Text that says more than the emitter meant is refused; text of programs, however hostile, never becomes code."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import graphc
from graphc.cli import main
from graphc.emitter import parse_back as module_under_test
from graphc.emitter.module import emit_module
from graphc.emitter.parse_back import NotWhatWasMeant, parse_back
from graphc.emitter.prelude import HELPERS
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.passes.partition import Split, partition
from graphc.pipeline import Options, joint_graph, lower_source, optimise

PROGRAM = "param W[N]   # a comment\nz = exp(W)\nL = sum(z * W)\noutput L, z\n"


@pytest.fixture(scope="module")
def split() -> Split:
    diagnostics = Diagnostics()
    joint = joint_graph(lower_source(Source(PROGRAM, "net.g"), diagnostics), Options(), diagnostics)
    return partition(optimise(joint, 1))


@pytest.fixture(scope="module")
def text(split: Split) -> str:
    return emit_module(split)


def test_what_is_emitted_is_accepted(text: str, split: Split) -> None:
    parse_back(text, split.graph)


def test_helpers_are_the_very_text_of_the_prelude() -> None:
    """Helpers of every kind: what a function of a program may not hold, they may."""
    program = "input x[N, 2, 6, 6]\nparam w[3, 2, 3, 3]\nL = sum(erf(max_pool2d(conv2d(x, w), 2)))"
    text = graphc.compile(program, level=2)
    assert HELPERS["erf"] in text and HELPERS["windows"] in text
    diagnostics = Diagnostics()
    graph = joint_graph(lower_source(Source(program, "net.g"), diagnostics), Options(), diagnostics)
    parse_back(text, graph)
    with pytest.raises(NotWhatWasMeant, match="`erf` is not the helper"):
        parse_back(text.replace("np.abs(block, out=y), 6", "np.abs(block, out=y), 5"), graph)
    with pytest.raises(NotWhatWasMeant, match="defined twice"):
        parse_back(text + "\n\n" + HELPERS["erf"], graph)


@pytest.mark.parametrize("chunk", [200, 1000])
def test_a_long_function_is_read_in_parts(
    text: str, split: Split, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_under_test, "CHUNK", chunk)
    parse_back(text, split.graph)
    for spoil in TAMPERED:
        with pytest.raises(NotWhatWasMeant):
            parse_back(spoil(text), split.graph)


def test_a_long_function_of_many_arguments_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its heading takes several lines."""
    monkeypatch.setattr(module_under_test, "CHUNK", 400)
    names = [f"weight_{k}" for k in range(30)]
    program = f"param {', '.join(f'{name}[N]' for name in names)}\nL = {' + '.join(f'sum({n}**2)' for n in names)}"
    for level in (1, 2):
        text = graphc.compile(program, level=level)
        assert "def forward(\n" in text
        assert len(text) > 5 * 400


def swap(old: str, new: str) -> Callable[[str], str]:
    def spoil(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return spoil


TAMPERED = [
    swap("import numpy as np\n", "import numpy as np\nimport os\n"),
    swap("import numpy as np\n", "import numpy as np, os\n"),
    swap("import numpy as np\n", "import numpy as np\nprint(1)\n"),
    swap("import numpy as np\n", "import numpy as np\nnp.seterr(all='ignore')\n"),
    swap('OUTPUTS = ("L", "z")', 'OUTPUTS = ("L", "y")'),
    swap('OUTPUTS = ("L", "z")', 'OUTPUTS = ("L", open("x"))'),
    swap('PARAMETERS = ("W",)', 'PARAMETERS = ("W",)\nevil = 1'),
    swap("a comment", "another"),
    swap("def forward(W):", "def forward(V):"),
    swap("def forward(W):", "def forward(W, V):"),
    swap("def forward(W):", "@print\ndef forward(W):"),
    swap("def forward(W):", "def evil():\n    pass\n\n\ndef forward(W):"),
    swap("np.exp(", "eval("),
    swap("np.exp(", "np.load("),
    swap("np.exp(", "np.exp.__self__.exp("),
    swap("np.exp(W)", "(lambda: W)()"),
    swap("    z = ", "    import os\n    z = "),
    swap("    z = ", "    global np\n    z = "),
    swap("    z = ", "    np = W\n    z = "),
    swap("    z = ", "    while z:\n        pass\n    z = "),
    swap("    z = ", "    nobody\n    z = "),
    swap("def backward", "def forward(W):\n    return W\n\n\ndef backward"),
    swap("def value_and_grad", "def value"),
    swap("def backward(", "def backward((("),
]


@pytest.mark.parametrize("spoil", TAMPERED)
def test_anything_else_is_refused(spoil: Callable[[str], str], text: str, split: Split) -> None:
    with pytest.raises(NotWhatWasMeant):
        parse_back(spoil(text), split.graph)


# ------------------------------------------------------------------------------------------------ hostile programs

ATTACKS = [
    '"""', "'''", '"', "'", "\\",
    '\\"""', '"""\nimport os\n"""', "\\n\\nimport os", "\\N{BULLET}", "{}", "%s", "{x!r}",
    "\x85import os", "\u2028import os", "\u2029import os", "\u202eimport os", "\u2066x\u2069", "\u200b", "\ufeff",
    "a\tb",
    "# type: ignore", "noqa", "-*- coding: latin-1 -*-", "\\x22\\x22\\x22", "\\u0022" * 3, '""" + evil + """',
    "\U000e0041",
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_comments(attack: str, level: int) -> None:
    if "\n" in attack:
        attack = attack.replace("\n", "\n# ")
    program = f"L = sum(x * 2)  # {attack}\n# {attack}"
    net = graphc.load(program, level=level)
    assert program == net.SOURCE
    assert net.forward(np.ones(3))[0] == 6


@pytest.mark.parametrize("attack", ['"""', "\\\\", '\\"', "\\'", "#", "\\n", "\u2028", "\u202e", "x\x85y"])
def test_strings(attack: str) -> None:
    """A string with nothing but an attack in it is no operation's attribute: that is said, and shown as it is."""
    quote = "'" if '"""' in attack else '"'
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"L = sum(x, axis={quote}{attack}{quote})")
    assert all(char.isprintable() or char == "\n" for char in str(caught.value))


NAMES = [
    "π", "Ω_λ", "naïve", "ﬁ", "𝒙", "𝐧𝐩", "ｎｐ",
    "__class__", "__import__", "_", "print", "np", "forward", "types", "self",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_names(name: str, level: int) -> None:
    net = graphc.load(f"{name}_1 = exp({name})\nL = sum({name}_1)", level=level)
    value, gradients = net.value_and_grad(np.array([0.0, 1.0]))
    assert abs(float(value) - (1 + math.e)) < 1e-12
    (gradient,) = gradients.values()
    assert np.allclose(gradient, [1, math.e])


FILES = ['a"""b.g', "a\\.g", "a\nb.g", "a#b.g", "a'b.g", "\u202eg.g", "a b.g", "import os.g", "%d{}.g", "é.g"]


@pytest.mark.parametrize("name", FILES)
def test_names_of_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("y = relu(x)\nz = y * 2\n", encoding="utf-8")
    assert main(["compile", name, "-o", "net.py"]) == 0
    text = Path("net.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert [type(each).__name__ for each in tree.body[:3]] == ["Expr", "Import", "Assign"]
    assert all(char.isprintable() or char == "\n" for char in text)


def test_names_of_imported_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = 'a"""\\b.g'
    Path(name).write_text("def twice(x) = 2 * x\n", encoding="utf-8")
    Path("net.g").write_text("import 'a\"\"\"\\\\b.g'\nL = sum(twice(x))\n", encoding="utf-8")
    assert main(["compile", "net.g", "-o", "net.py"]) == 0
    ast.parse(Path("net.py").read_text(encoding="utf-8"))
