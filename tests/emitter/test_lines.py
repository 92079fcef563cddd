"""Long lines are broken where a reader would, and mean what they meant."""

from __future__ import annotations

import ast

import pytest

import graphc
from graphc.emitter.lines import LONGEST, LONGEST_WITH_COMMENT, broken, broken_function
from graphc.emitter.text import WIDTH

NAMES = ", ".join(f"name_{i}" for i in range(20))
LONG = [
    f"    {NAMES}, types = check({NAMES})",
    f"    {NAMES} = given",
    f"    value, cache = forward({NAMES})",
    f"    return Outputs({NAMES}), grads",
    f"    if shapes != ({NAMES}): pass",
    "    " + " = ".join(f"name_{i}" for i in range(30)) + " = np.empty((N, D), X.dtype)",
    "    dA = (dY - dY.mean(axis=1, keepdims=True) - ratio * (dY * ratio).mean(axis=1, keepdims=True)) / deviation",
    "    x = " + " + ".join(f"name_{i} * name_{i + 1}" for i in range(12)),
    "    x = " + " * ".join(f"(name_{i} - name_{i + 1})" for i in range(12)),
    "    x = -" + " - ".join(f"-name_{i}" for i in range(20)),
    '    names = ("' + '", "'.join(f"a, ({i}" for i in range(20)) + '")',
    "    x = np.multiply(" + " + ".join(f"name_{i}" for i in range(8)) + ", other[:, None, ..., 1:3], out=x[rows])",
    "    y = X[" + ", ".join(f"slice(name_{i}, name_{i + 1})" for i in range(8)) + "]",
    "    da += " + " + ".join(f"name_{i} * name_{i + 1}" for i in range(12)),
    "    scores[np.arange(" + "*".join(f"a.shape[{i}]" for i in range(9)) + "), i.reshape(-1)] -= mask.sum(axis=1)",
]


@pytest.mark.parametrize("line", LONG)
def test_broken_lines_mean_the_same(line: str) -> None:
    lines = broken(line)
    assert len(lines) > 1
    assert max(map(len, lines)) <= WIDTH
    before, after = (ast.parse("def f():\n" + text).body[0] for text in (line, "\n".join(lines)))
    assert isinstance(before, ast.FunctionDef) and isinstance(after, ast.FunctionDef)
    if len(after.body) == 1:
        assert ast.dump(before) == ast.dump(after)
    else:  # a value of many names: they are given in several statements
        targets = [ast.unparse(target) for each in after.body for target in each.targets]  # type: ignore[attr-defined]
        assert targets == [ast.unparse(target) for target in before.body[0].targets]  # type: ignore[attr-defined]
        assert {ast.unparse(each.value) for each in after.body[1:]} == {"name_0"}  # type: ignore[attr-defined]


def test_the_shape_stays_beside_the_first_line() -> None:
    line = "    x = f(" + ", ".join(f"name_{i}" for i in range(14)) + ")  # (N, D)"
    assert broken(line)[0] == "    x = f(" + " " * 44 + "# (N, D)"


def test_what_is_short_or_no_code_stays() -> None:
    text = f'def f(x):\n    """{"long " * 40}"""\n    # {"long " * 40}\n    y = x  # {"long " * 40}\n    return y'
    assert broken_function(text) == text
    line = "    x = " + "y" * (LONGEST - 8)
    assert broken_function(line) == line


def test_a_signature() -> None:
    text = f"def forward({NAMES}, *, workspace=None):\n    return 1"
    broken_text = broken_function(text)
    assert max(map(len, broken_text.split("\n"))) <= WIDTH
    assert ast.dump(ast.parse(broken_text)) == ast.dump(ast.parse(text))


def test_what_nobody_reads_stays_on_its_line() -> None:
    """A constant of half a million numbers, nested deeply, would take a minute."""
    line = "    x = np.array(" + "[" * 50 + "1.0, " * 20_000 + "]" * 50 + ")"
    assert broken_function(line) == line
    assert broken(line) == [line]


def test_many_results() -> None:
    names = [f"output_{k}" for k in range(12)]
    text = "\n".join(f"{name} = x**{k}" for k, name in enumerate(names, 2))
    module = graphc.compile(f"param x[]\n{text}", verify=False)
    returned = module.partition("    return Outputs(\n")[2].partition("\n\n")[0].splitlines()
    assert len(returned) > 4
    assert max(map(len, returned)) <= WIDTH


MANY = ", ".join(f"w_{i}{j}[D, D]" for i in range(4) for j in range(5))
WIDE = (
    f"# a comment of the program, {'of many words, ' * 9}ends here\ninput X[N, D]\nparam {MANY}\nconst eta = 0.1\n"
    + "L = " + " + ".join(f"sum(tanh(X @ w_{i}{j}))" for i in range(4) for j in range(5)) + "\n"
    + "w_00 <- w_00 - eta * grad(L, w_00)\n"
)  # fmt: skip


@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_line_is_wider_than_what_a_screen_shows(level: int) -> None:
    """But for those of the program that the docstring shows as they are."""
    text = graphc.compile(WIDE, level=level, verify=False)
    programs = {f"    {line}" for line in WIDE.splitlines()}
    wide = [line for line in text.splitlines() if len(line) > LONGEST_WITH_COMMENT and line not in programs]
    assert not wide
    space: dict[str, object] = {}
    exec(compile(text, "wide", "exec"), space)
    assert space["SOURCE"] == WIDE
