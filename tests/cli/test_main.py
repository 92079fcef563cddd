"""The command as a whole: help, usage, exit status, and what cannot be the user's fault."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphc.cli
from command import graphc_command
from graphc.version import __version__

Run = Callable[..., Any]
HEAVY = ("lark", "networkx", "numpy")


def test_version_and_help(graphc: Run) -> None:
    assert graphc("--version").out == f"graphc {__version__}\n"
    help = graphc("--help")
    assert help.status == 0 and help.err == ""
    assert all(name in help.out for name in graphc_commands())


def graphc_commands() -> list[str]:
    return list(graphc.cli.COMMANDS)


@pytest.mark.parametrize("name", graphc_commands())
def test_each_command_has_help(graphc: Run, name: str) -> None:
    done = graphc(name, "--help")
    assert done.status == 0
    assert done.out.startswith(f"usage: graphc {name}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "usage: graphc COMMAND"),
        (["compil"], "did you mean `compile`?"),
        (["--verson"], "did you mean `--version`?"),
        (["compile"], "net.g"),
        (["net.g"], "`graphc compile net.g`"),
        (["compile", "net.g", "--no-verfy"], "unrecognized arguments: --no-verfy; did you mean `--no-verify`?"),
        (["compile", "net.g", "--tyle=9"], "did you mean `--tile`?"),
        (["compile", "net.g", "other.g"], "unrecognized arguments: other.g; a command takes one program"),
        (["compile", "net.g", "--wrt", "W1", "b1"], "arguments: b1; names are separated by commas without blanks"),
        (["compile", "net.g", "W1"], "unrecognized arguments: W1\n"),
        (["help"], "write `graphc --help`"),
        (["version"], "write `graphc --version`"),
        (["compile", "net.g", "-o", ""], "argument -o"),
        (["draw", "net.g", "--output="], "argument -o"),
        (["draw", "net.g", "-o", "net.svg", "-O2", "--tile", "4096"], "unrecognized arguments: --tile"),
        (["compile", "net.g", "-O3"], "invalid choice"),
        (["compile", "net.g", "--wr", "W1"], "unrecognized arguments"),
        (["compile", "net.g", "other.g"], "unrecognized arguments"),
        (["compile", "net.g", "--wrt", ""], "--wrt"),
        (["compile", "net.g", "--wrt", "W1,,b1"], "--wrt"),
        (["compile", "net.g", "--loss", "L,Z"], "--loss"),
        (["show", "net.g", "--stage", "nowhere"], "backward-code"),
        (["check", "net.g", "--seed", "-1"], "--seed"),
        (["check", "net.g", "--size", "N"], "N=5"),
        (["check", "net.g", "--size", "N=-1"], "N=5"),
        (["check", "net.g", "--size", "N=2,N=3"], "twice"),
        (["check", "net.g", "--size", "N=99999999999999999999"], "digits"),
        (["run", "net.g"], "--data"),
    ],
)
def test_a_wrong_command_line_is_status_2(graphc: Run, arguments: list[str], said: str) -> None:
    done = graphc(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert said in done.err


@pytest.mark.parametrize("arguments", ["--help", "--version", "compile --help", "show --nonsense", "nope"])
def test_nothing_heavy_is_imported_to_talk_about_the_command(tmp_path: Path, arguments: str) -> None:
    script = f"""
import sys
from graphc.cli import main
main({arguments.split()!r})
sys.stderr.write("loaded: " + " ".join(name for name in {HEAVY!r} if name in sys.modules))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60)
    assert done.stderr.splitlines()[-1].strip() == "loaded:"


def test_a_bug_of_ours_is_not_blamed_on_the_program(graphc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("graphc.pipeline.compile_source", broken)
    done = graphc("compile", "net.g")
    assert done.status == 70
    assert done.err == (
        "graphc: internal error: ZeroDivisionError: oh (this is a bug in graphc, not in your program)\n"
    )


def test_a_bug_shows_its_traceback_when_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAPHC_DEBUG", "1")
    monkeypatch.setattr("graphc.pipeline.compile_source", lambda *_: 1 // 0)
    assert graphc.cli.main(["compile", "net.g"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("raised", "status"), [(KeyboardInterrupt, 130), (MemoryError, 1)])
def test_interrupt_and_full_memory(
    graphc: Run, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], status: int
) -> None:
    def stop(*_: object) -> None:
        raise raised

    monkeypatch.setattr("graphc.pipeline.compile_source", stop)
    done = graphc("compile", "net.g")
    assert done.status == status
    assert len(done.err.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_real_interrupt(folder: Path) -> None:
    """Interrupted while it waits for the program on standard input."""
    # A process that was started in the background ignores interrupts; this one is to have what a terminal gives it.
    script = """
import signal, sys
from graphc.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(["compile", "-"]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    with process.stdin, process.stdout, process.stderr:
        # It has come to the reading when it has taken what fills the pipe.
        process.stdin.write("#" + " " * 200_000)
        process.stdin.flush()
        # One that comes between two system calls is noticed after the second only, which waits: Python is made so.
        for _ in range(100):
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.5)
                break
        process.kill()
        assert process.wait() == 130
        assert process.stderr.read() == "graphc: interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="a shell")
@pytest.mark.parametrize("arguments", ["--help", "ops", "show net.g", "compile net.g -o -"])
def test_a_reader_that_goes_away_ends_it_quietly(folder: Path, arguments: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        command = [sys.executable, "-m", "graphc", *arguments.split()]
        done = subprocess.run(command, cwd=folder, stdout=write, stderr=subprocess.PIPE, encoding="utf-8", timeout=60)
    finally:
        os.close(write)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", ["--help", "show net.g", "compile net.g -o -"])
def test_a_full_disk_behind_standard_output(folder: Path, arguments: str) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "graphc", *arguments.split()]
        done = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", timeout=60)
    assert done.returncode == 1
    assert done.stderr == "error[E0504]: cannot write to standard output: no space left on device\n"


def test_closed_streams(folder: Path) -> None:
    closed = "import sys\nfrom graphc.cli import main\nsys.stdin = sys.stdout = sys.stderr = None\nsys.exit(main(%r))"
    for arguments, status in ((["show", "net.g"], 0), (["compile", "net.g"], 0), (["compile", "net.g", "-o", "-"], 1),
                              (["compile", "-"], 1), (["compile", "none.g"], 1)):  # fmt: skip
        command = [sys.executable, "-c", closed % (arguments,)]
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (status, "", ""), arguments


def test_what_the_terminal_cannot_write_is_escaped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert graphc.cli.main(["ops", "sigmoid"]) == 0
    written = narrow.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert r"\u03c3(x)" in written  # σ


def test_colour_is_for_terminals(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def said(**environment: str) -> str:
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        assert graphc.cli.main(["compile", "none.g"]) == 1
        return terminal.getvalue()

    assert "\x1b[" in said(TERM="xterm")
    assert "\x1b[" not in said(TERM="xterm", NO_COLOR="1")
    assert "\x1b[" not in said(TERM="dumb")


def test_python_m_graphc_is_the_same(folder: Path) -> None:
    done = graphc_command("compile", "none.g", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[E0502]: there is no file `none.g`")


def test_an_interrupt_while_the_command_is_read(folder: Path) -> None:
    script = """
import sys

class Interrupted:
    def find_spec(self, name, *rest):
        if name.startswith("graphc.cli"):
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from graphc.__main__ import main
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (130, "graphc: interrupted\n")
