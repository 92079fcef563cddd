"""What an installed graphc promises: one version, a quick `--help`, and the grammar and rules beside the code."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import subprocess
import sys
from pathlib import Path

import graphc
import graphc.version
from command import graphc_command

HEAVY = ("lark", "networkx", "numpy")


def test_there_is_one_version(tmp_path: Path) -> None:
    assert graphc.__version__ == graphc.version.__version__ == importlib.metadata.version("graphc")
    done = graphc_command("--version", cwd=tmp_path)
    assert done.returncode == 0
    assert graphc.__version__ in done.stdout.split()


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    # A user who asks for help should not wait for NumPy, and --help has no use for it.
    script = f"""\
import sys
from graphc.cli import main
try:
    status = main(["--help"])
except SystemExit as exit:  # argparse's way of ending
    status = exit.code
assert not status, status
print("loaded:", *(name for name in {HEAVY!r} if name in sys.modules))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["loaded:"]


def test_a_compile_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    """networkx takes longer to import than a small program to compile; it is there for whoever asks for `Graph.dag`."""
    (tmp_path / "net.g").write_text("param W[D, H]\nL = sum(relu(X @ W)**2)\n", encoding="utf-8")
    unneeded = ("networkx", "graphc.explain", "graphc.grade", "graphc.notebook", "IPython", "pygments", "scipy")
    script = f"""\
import sys
from graphc.cli import main
status = main(["compile", "net.g"])
assert not status, status
print("loaded:", *(name for name in {unneeded!r} if name in sys.modules))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["loaded:"]


def test_a_generated_module_imports_numpy_alone(tmp_path: Path) -> None:
    (tmp_path / "net.g").write_text("param W[D, H]\nL = sum(relu(X @ W)**2)\n", encoding="utf-8")
    for level in ("-O0", "-O1", "-O2"):
        assert graphc_command("compile", "net.g", level, "--force", cwd=tmp_path).returncode == 0
        script = "import sys, numpy, math\nbefore = set(sys.modules)\nimport net\nprint(*(set(sys.modules) - before))"
        done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, encoding="utf-8",
                              timeout=120)  # fmt: skip
        assert done.stdout.split() == ["net"], (level, done.stdout, done.stderr)


def test_python_m_graphc_calls_itself_graphc(tmp_path: Path) -> None:
    done = graphc_command("--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "graphc" in done.stdout
    assert "__main__" not in done.stdout


def test_the_console_script_is_the_same_command() -> None:
    scripts = importlib.metadata.entry_points(group="console_scripts", name="graphc")
    assert [script.value for script in scripts] == ["graphc.__main__:main"]


def test_grammar_and_rules_are_found_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "net.g").write_text("L = sum(softmax(X @ W)**2)\n", encoding="utf-8")
    done = graphc_command("compile", "net.g", "-o", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "def backward(" in done.stdout


def test_the_package_says_that_it_is_typed() -> None:
    assert importlib.resources.files("graphc").joinpath("py.typed").is_file()
