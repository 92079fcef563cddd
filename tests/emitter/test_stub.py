"""Stubs say what the module does: a type checker accepts the right calls and refuses the wrong ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import graphc
from command import graphc_command
from graphc.emitter.stub import stub_of

TWO = "x = 2*w\ny = w**2\n"
STEP = "input x[n]\nparam w[n]\nL = sum(x*w)\nloss L\nw <- w - 0.1*grad(L, w)\n"


def test_names_and_arguments_are_the_modules() -> None:
    stub = stub_of(graphc.compile(TWO))
    assert "class Outputs(NamedTuple):\n    x: NDArray[Any]\n    y: NDArray[Any]\n" in stub
    assert "def backward(cache: Any, dx: ArrayLike, dy: ArrayLike) -> dict[str, NDArray[Any]]: ..." in stub
    stub = stub_of(graphc.compile(STEP))
    assert "def backward(cache: Any, dL: ArrayLike = ...)" in stub
    assert "def step(x: ArrayLike, w: ArrayLike) -> dict[str, NDArray[Any]]: ..." in stub
    assert "Sequence" not in stub


def test_the_command_writes_it_beside_the_module(tmp_path: Path) -> None:
    (tmp_path / "two.g").write_text(TWO, encoding="utf-8")
    done = graphc_command("compile", "two.g", "--stub", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("wrote two.py and two.pyi: ")
    (tmp_path / "two.pyi").write_text("mine = 1\n", encoding="utf-8")
    done = graphc_command("compile", "two.g", "--stub", cwd=tmp_path)
    assert done.returncode == 1
    assert "two.pyi" in done.stderr
    assert graphc_command("compile", "two.g", "--stub", "-o", "-", cwd=tmp_path).returncode == 2
    assert graphc_command("compile", "-", "--stub", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(("call", "right"), [("two.forward(1.0)", True), ("two.forward(1.0, 2.0)", False)])
def test_a_type_checker_reads_it(tmp_path: Path, call: str, right: bool) -> None:
    (tmp_path / "two.py").write_text(graphc.compile(TWO), encoding="utf-8")
    (tmp_path / "two.pyi").write_text(stub_of(graphc.compile(TWO)), encoding="utf-8")
    (tmp_path / "use.py").write_text(f"import two\n(x, y), cache = {call}\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "use.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=300)
    assert (done.returncode == 0) == right, done.stdout
