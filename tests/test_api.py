"""The Python API: what `import graphc` offers."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphc
from command import graphc_command

FLAT = "param a[N], b[N]\nL = sum(floor(a)*2) + sum(b)"

CALLS: dict[str, Callable[[], Any]] = {
    "compile": lambda: graphc.compile(FLAT),
    "load": lambda: graphc.load(FLAT),
    "differentiate": lambda: graphc.differentiate(graphc.parse(FLAT)),
    "emit": lambda: graphc.emit(graphc.parse(FLAT)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_warning_of_the_compiler_is_one_of_python_at_the_call(call: Callable[[], Any]) -> None:
    with pytest.warns(graphc.GraphcWarning, match="`L` does not depend on `a` smoothly") as caught:
        call()
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]
    (message,) = (warning.message for warning in caught)
    assert isinstance(message, graphc.GraphcWarning)
    assert message.diagnostic.code == "W0401"
    assert message.diagnostic.span is not None and message.diagnostic.span.line == 1


@pytest.mark.filterwarnings("error::graphc.GraphcWarning")
def test_a_program_without_fault_warns_of_nothing() -> None:
    graphc.load("L = sum(tanh(x))")


def test_a_program_that_is_imported_warns_once(tmp_path: Path) -> None:
    (tmp_path / "flat.g").write_text(FLAT, encoding="utf-8")
    command = [sys.executable, "-c", "import sys; sys.dont_write_bytecode = False; import graphc.hook, flat"]
    runs = [
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr for _ in range(2)
    ]
    assert "GraphcWarning" in runs[0] and "does not depend on `a`" in runs[0]
    assert not runs[1]  # it is kept


def test_what_is_no_graph_is_told() -> None:
    for take in (graphc.differentiate, graphc.emit):
        with pytest.raises(TypeError, match="a Graph is expected, as parse"):
            take("L = sum(x)")  # type: ignore[arg-type, operator]


def test_the_name_of_a_file_is_no_program() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile("net.g")
    assert caught.value.errors[0].help == (
        'this is a program\'s text, not the name of a file: `graphc.load("net.g")` reads one'
    )


@pytest.mark.parametrize("function", [graphc.compile, graphc.load, graphc.parse])
@pytest.mark.parametrize("text", [None, b"L = sum(x)", 3])
def test_a_program_is_text(function: Any, text: Any) -> None:
    with pytest.raises(TypeError, match="a program is text, not "):
        function(text)


def test_a_file_that_is_no_text_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.g"
    path.write_bytes(b"x = y\nL = sum(x)  # caf\xe9\n")
    with pytest.raises(graphc.GraphcError) as raised:
        graphc.load(path)
    error = raised.value
    assert (error.file, error.line, error.column) == (str(path), 2, 18)
    assert error.message == "the program is not UTF-8 text"


def test_a_file_gives_the_module_that_the_command_writes(tmp_path: Path) -> None:
    path = tmp_path / "net.g"
    path.write_bytes(b"\xef\xbb\xbfx = y\r\nL = sum(x)\r\n")
    assert graphc_command("compile", "net.g", cwd=tmp_path).returncode == 0
    written = runpy.run_path(str(tmp_path / "net.py"))
    assert graphc.load(path).SOURCE == written["SOURCE"] == "x = y\r\nL = sum(x)\r\n"


@pytest.mark.parametrize("options", [{"wrt": [1]}, {"wrt": ["x", None]}, {"loss": 3}])
def test_wrt_and_loss_are_names(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="names of values"):
        graphc.compile("L = sum(x)", **options)
