"""The fixtures, in a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np

PROGRAM = "input x[n]\nparam w[n]\nL = sum(tanh(x*w))\nloss L\n"


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *options]
    env = {**os.environ, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120, env=env)


def test_pytest_finds_it() -> None:
    assert [found.value for found in entry_points(group="pytest11", name="graphc")] == ["graphc.pytest_plugin"]


def test_programs_are_loaded_from_beside_the_test(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "net.g").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "inner" / "test_net.py").write_text(
        """\
import numpy as np
import pytest

def test_load(graphc_load):
    net = graphc_load("net.g")
    assert net is graphc_load("net.g")
    assert graphc_load("net.g", wrt=["x"]).value_and_grad(np.ones(2), np.ones(2))[1].keys() == {"x"}

def test_there_is_none(graphc_load):
    graphc_load("nut.g")

def test_gradients():
    from graphc.testing import assert_gradients
    assert_gradients(lambda x, w: {"w": x / np.cosh(x * w) ** 2}, "net.g")
""",
        encoding="utf-8",
    )
    done = run(tmp_path)
    assert done.returncode == 1, done.stdout
    assert "2 passed" in done.stdout, done.stdout
    assert "there is no file nut.g" in done.stdout


def test_golden_values(tmp_path: Path) -> None:
    program = tmp_path / "net.g"
    program.write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "test_golden.py").write_text(
        'def test_same(graphc_golden):\n    assert "grad:w" in graphc_golden("net.g", seed=3)\n', encoding="utf-8"
    )
    first = run(tmp_path)
    assert first.returncode == 1
    assert "net.seed3.npz was not there" in first.stdout
    with np.load(tmp_path / "net.seed3.npz") as data:
        assert set(data.files) == {"x", "w", "out:L", "grad:w"}
    assert run(tmp_path).returncode == 0
    program.write_text(PROGRAM.replace("tanh", "sin"), encoding="utf-8")
    changed = run(tmp_path)
    assert changed.returncode == 1
    assert "grad:w: it differs by" in changed.stdout
    assert run(tmp_path, "--graphc-update").returncode == 0
    assert run(tmp_path).returncode == 0
    assert not list(tmp_path.glob(".*npz*"))


def test_it_is_off_when_unused(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n\ndef test_nothing():\n    assert not {'numpy', 'networkx', 'lark'} & set(sys.modules)\n",
        encoding="utf-8",
    )
    # Other plugins may import NumPy (Hypothesis does): only this one is loaded.
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "graphc.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120, env=env)
    assert done.returncode == 0, done.stdout
