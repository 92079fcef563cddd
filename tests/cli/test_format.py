"""`--format json`: diagnostics for tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WRONG = 'input X[N, D], é[K]\ny = X @ é  # "\u202e\ndef f(x) = x @ X\nz = f(X)\n'


def objects(said: str) -> list[dict[str, Any]]:
    assert said.isascii()
    return [json.loads(line) for line in said.splitlines()]


@pytest.mark.parametrize("command", ["compile", "check", "show", "run"])
def test_errors_as_objects(command: str, folder: Path, graphc: Callable[..., Any]) -> None:
    (folder / "wrong.g").write_text(WRONG, encoding="utf-8")
    more = ["--data", "data.npz"] if command == "run" else []
    done = graphc(command, "wrong.g", "--format", "json", *more)
    assert done.status == 1 and done.out == ""
    first, second = objects(done.err)
    assert first == {
        "severity": "error",
        "code": "E0203",
        "message": "operands of `@` do not agree",
        "file": "wrong.g",
        "line": 2,
        "column": 5,
        "end_line": 2,
        "end_column": 10,
        "label": "inner dimensions D and K differ",
        "notes": [
            {
                "message": "`X` is declared (N, D) on line 1; `é` is declared (K,) on line 1",
                "file": None,
                "line": None,
                "column": None,
                "end_line": None,
                "end_column": None,
            }
        ],
        "help": "declare `input é[D]`",
    }
    assert (second["code"], second["line"]) == ("E0201", 3)
    assert (second["notes"][-1]["file"], second["notes"][-1]["line"]) == ("wrong.g", 4)


def test_all_errors_and_not_twenty(folder: Path, graphc: Callable[..., Any]) -> None:
    (folder / "wrong.g").write_text("\n".join(f"a{k} = nothing{k}(x)" for k in range(50)), encoding="utf-8")
    assert len(objects(graphc("compile", "wrong.g", "--format", "json").err)) == 50
    assert graphc("compile", "wrong.g").err.endswith("… and 30 more errors\n")


def test_warnings_and_the_format_of_one_command_alone(folder: Path, graphc: Callable[..., Any]) -> None:
    (folder / "warned.g").write_text("param x[N], w[N]\nL = sum(x * floor(w))", encoding="utf-8")
    done = graphc("compile", "warned.g", "--format=json")
    assert done.status == 0
    assert [(each["severity"], each["code"]) for each in objects(done.err)] == [("warning", "W0401")]
    assert graphc("compile", "warned.g").err.startswith("warning[W0401]")


def test_nothing_else_is_on_standard_error(folder: Path, graphc: Callable[..., Any]) -> None:
    (folder / "fine.g").write_text("L = sum(x**2)", encoding="utf-8")
    assert objects(graphc("compile", "fine.g", "-o", "-", "--format", "json").err) == []


def test_files(folder: Path, graphc: Callable[..., Any]) -> None:
    done = graphc("compile", "missing.g", "--format", "json")
    assert [(each["code"], each["file"]) for each in objects(done.err)] == [("E0502", None)]


def test_another_format_is_a_wrong_command_line(folder: Path, graphc: Callable[..., Any]) -> None:
    assert graphc("compile", "net.g", "--format", "yaml").status == 2
