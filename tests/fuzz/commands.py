"""One program through every command of the command line, and what must hold whatever the program is."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import signal
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType

import numpy as np

from fuzz.agreement import agree
from graphc import differentiate, parse
from graphc.cli import main
from graphc.explain.code_pages import codes
from graphc.language.diagnostics import MOST_SHOWN, GraphcError
from graphc.ops.table import names
from graphc.verify.sampling import Sampler
from ops.running import quietly

__all__ = ["Hang", "Outcome", "command", "every_command", "within"]

PATIENCE = 120
"""Seconds after which a command hangs; none takes a tenth of it."""
STAGES = ("source", "graph", "backward", "optimized", "forward-code", "backward-code")
FORMATS = ("text", "markdown", "latex", "html")
OF_RULES = ("E0301", "E0302", "E0303", "E0304", "E0403")
"""What only a program that brings rules of its own may be refused for once it is checked."""
TOO_LARGE = "E0505"
PICTURES = ("net.dot", "net.mmd", "net.html")
TERMINALS = re.compile(
    r"\b(SIGN|FACTOR|COMPARISON|ARROW|BECOMES|ELLIPSIS|TRANSPOSE|[LR]PAR|[LR]SQB|[LR]BRACE|SUBSCRIPTED|ATTRIBUTE|NEWLINE"
    r"|SEMICOLON|BLANK|_END|\$END|__ANON\w*|Token|Tree|NoneType|Traceback|<class|object at 0x)"
)
"""What the grammar and Python call things; a diagnostic does not."""


class Hang(BaseException):
    """A command took longer than anybody waits."""


@dataclass
class Outcome:
    """What became of a program: `refused` by the front end, `underivable`, or `accepted`."""

    verdict: str
    codes: list[str] = field(default_factory=list)
    compared: int = 0
    """On how many samples the levels were compared with the reference evaluator."""


@dataclass(frozen=True)
class Said:
    status: int
    out: bytes
    err: str


def every_command(data: bytes, folder: Path, files: Mapping[str, str] | None = None, grade: bool = False) -> Outcome:
    """Put a program through all commands in a folder. Raises AssertionError where one does what it must not."""
    for name, text in (files or {}).items():
        if (folder / name).parent == folder:
            (folder / name).write_text(text, encoding="utf-8", newline="")
    (folder / "net.g").write_bytes(data)
    with within(folder), quietly():
        found = _compiled(data)
        if found:
            return _refused(data, found, grade)
        return _accepted(data, grade)


@contextlib.contextmanager
def within(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def command(*words: str, statuses: Sequence[int] = (0, 1)) -> Said:
    """Run `graphc …` in this process; one of the statuses must come out, and no traceback."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _patience(" ".join(words)):
        status = main(list(words))
    for stream in (out, err):
        stream.flush()
    data, text = out.buffer.getvalue(), err.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert status in statuses, f"graphc {' '.join(words)}: exit status {status}\n{text[-3000:]}"
    assert "Traceback" not in text and "internal error" not in text, text[-3000:]
    assert not data or status == 0 or words[0] in ("check", "grade"), f"{words}: output in spite of an error"
    assert status == 0 or text or words[0] in ("check", "grade"), f"{words}: it fails without a word"
    return Said(status, data, text)


@contextlib.contextmanager
def _patience(what: str) -> Iterator[None]:
    """Raise Hang if it takes too long; on systems without alarms wait."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang(f"graphc {what}: more than {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------- what is refused


def _compiled(data: bytes) -> list[str]:
    """The codes of the errors of a plain compile; its diagnostics are looked at closely."""
    said = command("compile", "net.g", "-o", "-", "--no-verify", "--format", "json")
    errors = [found for found in map(json.loads, said.err.splitlines()) if _fine(found, data) == "error"]
    assert (said.status == 1) == bool(errors), said.err
    text = command("compile", "net.g", "-o", "-", "--no-verify")
    assert (text.status, text.out) == (said.status, said.out)
    assert text == command("compile", "net.g", "-o", "-", "--no-verify"), "it says something else the second time"
    shown = re.findall(r"^error\[(\w+)\]", text.err, re.MULTILINE)
    assert shown == [error["code"] for error in errors[:MOST_SHOWN]]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text.err), repr(text.err)
    return [error["code"] for error in errors]


def _fine(found: Mapping[str, object], data: bytes) -> str:
    """The severity of a diagnostic that has a code with a page, a place in its file, and words for people."""
    assert found["code"] in codes(), found
    told = [(found["message"], found), *((note["message"], note) for note in found["notes"])]  # type: ignore[attr-defined]
    lines = len(re.split(r"\r\n|\r|\n", data.decode("utf-8", "replace")))
    source = data.decode("utf-8", "replace")
    for words, place in [*told, (found["label"], None), (found["help"], None)]:
        if words is None:
            continue
        assert isinstance(words, str) and words.strip() == words and words, found
        assert len(words) < 2000, f"nobody reads {len(words)} characters: {words[:100]}…"
        assert not TERMINALS.search(_without(source, words)), found
        assert not (_words_of(words) & _hidden() - set(re.findall(r"\w+", source))), found
        if place and place["file"] == "net.g":
            assert 1 <= place["line"] <= lines and place["column"] >= 1, found
            assert (place["line"], place["column"]) <= (place["end_line"], place["end_column"]), found
    return str(found["severity"])


def _without(source: str, words: str) -> str:
    """The words without what the program itself says."""
    return re.sub(r"[^\W\d]\w*", lambda match: "" if match.group() in source else match.group(), words)


def _words_of(text: str) -> set[str]:
    """The names in backticks."""
    return {name for quoted in re.findall(r"`([^`]*)`", text) for name in re.findall(r"\w+", quoted)}


@cache
def _hidden() -> frozenset[str]:
    """Operations that a program cannot call, so that no message may speak of them."""
    return frozenset(name for name in set(names(hidden=True)) - set(names()) if "_" in name or name.startswith("un"))


def _refused(data: bytes, found: list[str], grade: bool) -> Outcome:
    """No other command may take it, but for those that need less of it."""
    np.savez("data.npz", x=np.ones(3))
    graph = command("show", "net.g", "--stage", "graph")
    early = graph.status == 1
    for words in (
        ("show", "net.g"), ("derive", "net.g"), ("check", "net.g"), ("run", "net.g", "--data", "data.npz"),
        ("compile", "net.g", "-O2", "-o", "net.py"), ("draw", "net.g", "-o", "net.dot", "--backward"),
    ):  # fmt: skip
        said = command(*words)
        # What is only too large to compile may be drawn.
        assert said.status == 1 or (words[0] == "draw" and not early), f"{words}: accepted"
    assert command("draw", "net.g", "-o", "net.dot").status == graph.status
    assert not Path("net.py").exists()
    if grade:
        Path("student.py").write_text("def gradients(**arguments):\n    return {}\n", encoding="utf-8")
        command("grade", "student.py", "--against", "net.g")
    for code in set(found):
        assert command("explain", code).status == 0
    return Outcome("refused" if early else "underivable", found)


# ---------------------------------------------------------------- what is accepted


def _accepted(data: bytes, grade: bool) -> Outcome:
    verdict = Outcome("accepted")
    for level in ("-O0", "-O1", "-O2"):
        first = command("compile", "net.g", level, "-o", "-", "--no-verify", statuses=(0,))
        assert first == command("compile", "net.g", level, "-o", "-", "--no-verify"), f"{level}: another text"
        said = command("compile", "net.g", level, "-o", "net.py", "--force")
        for code in re.findall(r"^error\[(\w+)\]", said.err, re.MULTILINE):
            assert code in OF_RULES and b"rule" in data, said.err
        if said.status == 0:
            assert Path("net.py").read_bytes() == first.out
        command("show", "net.g", level, statuses=(0,))
    _options(data, said.status == 0)
    for stage in STAGES:
        command("show", "net.g", "--stage", stage, statuses=(0,))
    for format in FORMATS:
        command("derive", "net.g", "--format", format, statuses=(0,))
    command("derive", "net.g", "--layout", "numerator", "--expand", "2x3", statuses=(0,))
    for picture in PICTURES:
        command("draw", "net.g", "-o", picture, statuses=(0,))
        command("draw", "net.g", "-o", picture, "--force", "--backward", statuses=(0,))
    checked = command("check", "net.g")
    found = re.findall(r"^error\[(\w+)\]", checked.err, re.MULTILINE)
    for code in found:
        assert code == TOO_LARGE or (code in OF_RULES and b"rule" in data), checked.err
    assert checked.status == 0 or found, checked.out.decode()
    if said.status == 1:
        return verdict
    sampled = agree(data.decode("utf-8-sig"))
    verdict.compared = len(sampled)
    if sampled:
        np.savez("data.npz", **sampled[0])
    command("run", "net.g", "--data", "data.npz", "-o", "out.npz", "--force")
    if grade:
        _graded()
    return verdict


def _options(data: bytes, verified: bool) -> None:
    """What else can be asked for: memory, threads, tiles, costs, times, a stub, names to differentiate by, a pipe."""
    graph = differentiate(parse(data.decode("utf-8-sig")))
    rng = random.Random(zlib.crc32(data))
    memory, level = rng.choice(("lean", "fast")), rng.choice(("-O0", "-O1", "-O2"))
    for more in (("--memory", memory, level), ("-O2", "--threads", "2"), ("-O2", "--tile", "64", "--threads", "3")):
        words = ("compile", "net.g", "-o", "-", "--no-verify", *more)
        assert command(*words, statuses=(0,)) == command(*words, statuses=(0,)), f"{more}: another text"
    command("compile", "net.g", level, "-o", "other.py", "--stub", "--no-verify", statuses=(0,))
    compile(Path("other.pyi").read_text(encoding="utf-8"), "other.pyi", "exec")
    names = [name for name, id in graph.values.items() if graph[id].type.is_float]
    if names:
        wrt = ",".join(rng.sample(names, min(len(names), 2)))
        asked = command("compile", "net.g", level, "-o", "-", "--no-verify", "--wrt", wrt)
        assert asked.status == command("derive", "net.g", "--wrt", wrt).status, f"--wrt {wrt}: {asked.err}"
    sizes = [f"{name}={rng.choice((1, 2, 3))}" for name in Sampler(graph, 0).names if name.isidentifier()]
    given = ("--size", ",".join(sizes)) if sizes else ()
    costs = command("cost", "net.g", level, "--json")  # of a program without shapes nothing can be counted
    assert costs.status == 1 or json.loads(costs.out)
    command("cost", "net.g", level, *given)
    if verified:
        command("bench", "net.g", level, "--seconds", "0", *given)
    checked = command("check", "net.g", level, "--seed", "3", "--format", "json", *given)
    assert all(json.loads(line)["code"] for line in checked.err.splitlines()), checked.err
    with _standard_input(data):
        piped = command("compile", "-", level, "-o", "-", "--no-verify", statuses=(0,))
    assert b"def forward" in piped.out


@contextlib.contextmanager
def _standard_input(data: bytes) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


def _graded() -> None:
    """The module itself is a student's file; what is said of it is right or that nothing can be told."""
    with contextlib.suppress(GraphcError):
        command("compile", "net.g", "-O1", "-o", "student.py", "--force")
        command("grade", "student.py", "--against", "net.g")
