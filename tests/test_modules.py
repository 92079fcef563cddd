"""The helpers that run generated modules do what the tests that lean on them believe."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import pytest

from modules import COMPILER, LoadSource, execute, run_without_compiler


def test_each_load_is_a_fresh_module(load_source: LoadSource) -> None:
    one, two = load_source("x = []\n"), load_source("x = []\n")
    assert one.x is not two.x
    assert sys.modules[one.__name__] is one


def test_a_traceback_shows_the_generated_line() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        execute("y = 1\nz = y / 0\n", "broken")
    assert "z = y / 0" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", COMPILER)
def test_the_compiler_cannot_be_imported(name: str, tmp_path: Path) -> None:
    done = run_without_compiler(f"import {name}.anything", tmp_path)
    assert done.returncode == 1
    assert f"{name} is blocked" in done.stderr


def test_a_module_beside_the_script_and_numpy_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import numpy as np\nvalue = float(np.sum([1, 2]))\n")
    done = run_without_compiler("import net, sys; print(net.value, *sys.argv[1:])", tmp_path, "a", "b")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3.0 a b\n", "")


def test_a_warning_is_an_error(tmp_path: Path) -> None:
    done = run_without_compiler("import numpy as np; np.log(np.zeros(1))", tmp_path)
    assert done.returncode == 1
    assert "RuntimeWarning" in done.stderr
