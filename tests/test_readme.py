"""Everything the README shows is run here, from top to bottom, as a reader would.

    ```g net.g            a program, written to that file; it compiles, unless a console block shows that it does not
    ```console            commands after `$ `, run in one folder; what follows a command is its output
    ```console exit=1     the same for commands that fail; `...` in the output stands for anything
    ```python             executed, all in one namespace
    ```sh                 commands for a clone: the two that start from nothing, and those that `.ci/run` runs too

A Python block after `<!-- generated: net.g backward -->` must be that function of the module compiled from net.g;
`pytest --update-golden` writes it.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import graphc
from command import graphc_command

TOP = Path(__file__).parents[1]
README = TOP / "README.md"
FENCE = re.compile(
    r"(?:^<!-- generated: (?P<generated>.+?) -->\n)?"
    r"^```(?P<language>\w+) ?(?P<info>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FROM_NOTHING = "python3 -m venv .venv && .venv/bin/pip install -q "


@dataclass(frozen=True)
class Block:
    language: str
    info: str
    text: str
    generated: str | None
    line: int


def read_blocks(text: str) -> list[Block]:
    return [Block(**match.groupdict(), line=text.count("\n", 0, match.start("text"))) for match in FENCE.finditer(text)]


BLOCKS = read_blocks(README.read_text(encoding="utf-8"))


def matches(expected: str, actual: str) -> bool:
    """Whether the output is as shown; `...` stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in expected.rstrip().split("..."))
    return re.fullmatch(pattern, actual.rstrip(), re.S) is not None


def test_the_readme_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "graphc.hook", raising=False)  # its first import is what the README shows
    monkeypatch.delattr(graphc, "hook", raising=False)  # and what another test imported is there again afterwards
    namespace: dict[str, Any] = {"__name__": "__readme__"}
    before = set(sys.modules)
    try:
        for block in BLOCKS:
            if block.language == "g":
                (tmp_path / block.info).write_text(block.text, encoding="utf-8")
            elif block.language == "console":
                run_console(block, tmp_path)
            elif block.language == "python" and not block.generated:
                # Blank lines in front, so that a traceback names the line of the README.
                exec(compile("\n" * block.line + block.text, str(README), "exec"), namespace)
    finally:
        # `import net` must not reach another test.
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]


def run_console(block: Block, folder: Path) -> None:
    status = int(block.info.removeprefix("exit=") or 0)
    for shown in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, _, expected = shown.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "graphc", f"README.md:{block.line}: only graphc is run here, not {program}"
        done = graphc_command(*arguments, cwd=folder)
        output = done.stdout + done.stderr
        place = f"README.md:{block.line}: $ {command}\n{output}"
        assert done.returncode == status, place
        if expected.strip():
            assert matches(expected, output), f"{place}\nis not as shown:\n{expected}"


PROGRAMS = [block for block in BLOCKS if block.language == "g"]
# The commands and files of blocks that show a failure.
FAILING = " ".join(block.text for block in BLOCKS if block.info == "exit=1")


@pytest.mark.parametrize("block", PROGRAMS, ids=lambda block: block.info)
def test_every_program_compiles_as_shown(block: Block, tmp_path: Path) -> None:
    assert re.fullmatch(r"\w+\.g", block.info), f"README.md:{block.line}: a program without a file name"
    (tmp_path / block.info).write_text(block.text, encoding="utf-8")
    done = graphc_command("compile", block.info, cwd=tmp_path)
    assert done.returncode == (1 if block.info in FAILING else 0), done.stderr


def function(source: str, name: str) -> str:
    """The text of a function, with the comments inside it."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return "".join(source.splitlines(keepends=True)[node.lineno - 1 : node.end_lineno])
    raise AssertionError(f"the module has no function {name}")


GENERATED = [block for block in BLOCKS if block.generated]


def test_the_readme_shows_generated_code() -> None:
    assert GENERATED


@pytest.mark.parametrize("block", GENERATED, ids=lambda block: block.generated)
def test_generated_code_is_what_graphc_generates(block: Block, tmp_path: Path, update_golden: bool) -> None:
    assert block.generated is not None
    file, name = block.generated.split()
    (program,) = (program for program in PROGRAMS if program.info == file)
    (tmp_path / file).write_text(program.text, encoding="utf-8")
    done = graphc_command("compile", file, "-o", "out.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    actual = function((tmp_path / "out.py").read_text(encoding="utf-8"), name)
    if update_golden:
        text = README.read_text(encoding="utf-8")
        head = f"<!-- generated: {block.generated} -->\n```python\n"
        assert text.count(head + block.text) == 1
        README.write_text(text.replace(head + block.text, head + actual), encoding="utf-8")
    else:
        assert block.text == actual, "`pytest --update-golden` brings the README up to date"


def shell_lines() -> list[str]:
    return [line for block in BLOCKS if block.language == "sh" for line in block.text.splitlines()]


def test_two_commands_start_from_a_clone() -> None:
    first, second = (line for line in shell_lines() if line.startswith("python3 "))
    assert first.startswith(FROM_NOTHING + ". && ")
    assert second == FROM_NOTHING + "-e '.[dev]' && .venv/bin/pytest"


def test_what_follows_the_installation_runs(tmp_path: Path) -> None:
    """The further steps of the first command, on a copy of the examples, with the Python that runs this test."""
    line = next(line for line in shell_lines() if line.startswith(FROM_NOTHING + ". && "))
    generated = shutil.ignore_patterns("net.py", "svm.py", "__pycache__")
    shutil.copytree(TOP / "examples", tmp_path / "examples", ignore=generated)
    here = {".venv/bin/graphc": [sys.executable, "-m", "graphc"], ".venv/bin/python": [sys.executable]}
    outputs = []
    for command in line.split(" && ")[2:]:
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [*here[program], *arguments],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONUTF8": "1"},
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert "accuracy" in outputs[-1]


def test_the_other_commands_are_those_of_the_continuous_check() -> None:
    """`ruff check` and its like are run by .ci/run; the README must not advise others."""
    script = (TOP / ".ci" / "run").read_text(encoding="utf-8")
    run = [re.sub(r'"\$bin/(\w+)"', r"\1", line) for line in script.splitlines()]
    for command in shell_lines():
        if not command.startswith(FROM_NOTHING):
            assert any(line == command or line.startswith(command + " ") for line in run), command


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nc\n", False),
        ("a ... c\n", "a b c\n", True),
        ("a\n...\n", "a\nb\nc\n", True),
        ("a\n...\n", "b\na\n", False),
        ("x.g:1", "xyg:1", False),
    ],
)
def test_output_is_compared(expected: str, actual: str, same: bool) -> None:
    assert matches(expected, actual) == same


def test_blocks_are_read() -> None:
    text = "```g net.g\nY = X\n```\n\n<!-- generated: net.g backward -->\n```python\n```\n"
    text += "```console exit=1\n$ graphc\n```\n"
    one, two, three = read_blocks(text)
    assert (one.language, one.info, one.text, one.generated, one.line) == ("g", "net.g", "Y = X\n", None, 1)
    assert (two.language, two.text, two.generated) == ("python", "", "net.g backward")
    assert (three.info, three.text) == ("exit=1", "$ graphc\n")
