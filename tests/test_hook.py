"""`import net` finds `net.g`: compiled once, kept until something changes, with readable tracebacks."""

from __future__ import annotations

import importlib
import linecache
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import graphc
import graphc.hook

PROGRAM = "input x[n]\nparam w[n]\nL = sum(tanh(x*w))\nloss L\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    graphc.hook.install()
    before = set(sys.modules)
    yield tmp_path
    graphc.hook.uninstall()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def load(name: str) -> ModuleType:
    importlib.invalidate_caches()
    return importlib.import_module(name)


def count_compiles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    compile_program = graphc.hook._Loader._compile

    def counted(self: graphc.hook._Loader) -> str:
        made.append(self.path.name)
        return compile_program(self)

    monkeypatch.setattr(graphc.hook._Loader, "_compile", counted)
    return made


def cached(folder: Path) -> list[Path]:
    return sorted((folder / "__pycache__").glob("*.graphc-*.py"))


def test_a_program_is_imported(folder: Path) -> None:
    (folder / "one.g").write_text(PROGRAM, encoding="utf-8")
    one = load("one")
    value, grads = one.value_and_grad(np.ones(3), np.zeros(3))
    assert value == 0
    assert np.array_equal(grads["w"], np.ones(3))
    assert one.__file__ == str(folder / "one.g")
    assert one.SOURCE == PROGRAM
    assert one.__source__.startswith('"""The program one.g')
    assert "def backward(" in one.__source__


def test_from_a_folder_with_and_without_init(folder: Path) -> None:
    for package in ("with_init", "without_init"):
        (folder / package).mkdir()
        (folder / package / "net.g").write_text(PROGRAM, encoding="utf-8")
    (folder / "with_init" / "__init__.py").write_text("", encoding="utf-8")
    for package in ("with_init", "without_init"):
        net = load(f"{package}.net")
        assert net.__name__ == f"{package}.net"
        assert net.PARAMETERS == ("w",)


def test_it_is_compiled_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = count_compiles(monkeypatch)
    (folder / "two.g").write_text(PROGRAM, encoding="utf-8")
    first = load("two").__source__
    del sys.modules["two"]
    os.utime(folder / "two.g")  # the content counts, not the time
    assert load("two").__source__ == first
    assert made == ["two.g"]
    assert len(cached(folder)) == 1


def test_reload_sees_a_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = count_compiles(monkeypatch)
    file = folder / "three.g"
    file.write_text(PROGRAM, encoding="utf-8")
    three = load("three")
    file.write_text(PROGRAM.replace("tanh", "sin"), encoding="utf-8")
    assert importlib.reload(three) is three
    assert "np.sin" in three.__source__
    _, grads = three.value_and_grad(np.ones(2), np.full(2, 0.5))
    assert np.allclose(grads["w"], np.cos(0.5))
    assert made == ["three.g"] * 2
    assert len(cached(folder)) == 1


def test_a_change_of_an_imported_file_counts(folder: Path) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "f.g").write_text('import "g.g"\ndef f(x) = g(x)\n', encoding="utf-8")
    (folder / "lib" / "g.g").write_text("def g(x) = 2*x\n", encoding="utf-8")
    (folder / "four.g").write_text('import "lib/f.g"\nparam w[n]\nL = sum(f(w))\nloss L\n', encoding="utf-8")
    four = load("four")
    assert four.value_and_grad(np.ones(2))[0] == 4
    (folder / "lib" / "g.g").write_text("def g(x) = 5*x\n", encoding="utf-8")
    importlib.reload(four)
    assert four.value_and_grad(np.ones(2))[0] == 10


def test_options_have_caches_of_their_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = count_compiles(monkeypatch)
    twice = PROGRAM.replace("sum(", "sum(tanh(x*w) * ")  # literally it is computed twice
    (folder / "five.g").write_text(twice, encoding="utf-8")
    five = load("five")
    standard = five.__source__
    graphc.hook.install(level=0)
    importlib.reload(five)
    assert five.__source__ != standard
    graphc.hook.install(wrt=["x"])
    importlib.reload(five)
    assert set(five.value_and_grad(np.ones(2), np.ones(2))[1]) == {"x"}
    graphc.hook.install()
    importlib.reload(five)
    assert made == ["five.g"] * 3
    assert len(cached(folder)) == 3
    with pytest.raises(ValueError, match="level"):
        graphc.hook.install(level=3)


def test_another_compiler_compiles_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = count_compiles(monkeypatch)
    (folder / "six.g").write_text(PROGRAM, encoding="utf-8")
    six = load("six")
    monkeypatch.setattr(graphc.hook, "_compiler", lambda: ("another", ""))
    importlib.reload(six)
    assert made == ["six.g"] * 2


@pytest.mark.parametrize("damage", ["cut", "changed", "binary"])
def test_a_damaged_cache_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    (folder / "seven.g").write_text(PROGRAM, encoding="utf-8")
    seven = load("seven")
    (file,) = cached(folder)
    data = file.read_bytes()
    file.write_bytes({"cut": data[:200], "changed": data.replace(b"tanh", b"sinh"), "binary": b"\xff" * 9}[damage])
    made = count_compiles(monkeypatch)
    importlib.reload(seven)
    assert made == ["seven.g"]
    assert file.read_bytes() == data


def test_tracebacks_show_the_generated_lines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "eight.g").write_text(PROGRAM, encoding="utf-8")
    for keep in (True, False):
        monkeypatch.setattr(sys, "dont_write_bytecode", not keep)
        if not keep:
            cached(folder)[0].unlink()
        eight = load("eight") if keep else importlib.reload(sys.modules["eight"])
        with pytest.raises(ValueError, match="argument w") as caught:
            eight.forward(np.ones(3), np.ones(2))
        linecache.checkcache()
        shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
        assert "x, w, types = check(x, w)" in shown
        assert bool(cached(folder)) == keep


def test_a_wrong_program_says_so(folder: Path) -> None:
    (folder / "nine.g").write_text("input X[N, D]\nparam W[K, D]\nY = X@W\n", encoding="utf-8")
    with pytest.raises(graphc.GraphcError) as caught:
        load("nine")
    assert caught.value.line == 3
    assert "nine" not in sys.modules


def test_python_modules_come_first(folder: Path) -> None:
    (folder / "ten.g").write_text(PROGRAM, encoding="utf-8")
    (folder / "ten.py").write_text("mine = True\n", encoding="utf-8")
    assert load("ten").mine


def test_importing_the_hook_loads_nothing_heavy() -> None:
    script = """\
import sys, graphc.hook
print(*(name for name in ("lark", "networkx", "numpy") if name in sys.modules))
print(sum(type(f).__module__ == "graphc.hook" for f in sys.meta_path))
import importlib; importlib.reload(graphc.hook)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1"]
