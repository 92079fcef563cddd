"""Running a submission: in a process of its own, for so many seconds, on data that was drawn for the program."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from graphc.grade import child
from graphc.grade.child import Answer, Request

__all__ = ["Failure", "Outcome", "run_file"]

MOST_OUTPUT = 20_000


@dataclass(frozen=True)
class Failure:
    """Why there is no answer: an exception (`type` is its class), or our own words where `type` is empty."""

    type: str
    message: str
    line: int | None = None
    text: str = ""
    function: str = ""


@dataclass
class Outcome:
    """What one round gave: an answer or a failure; and what the file printed, in all rounds."""

    answer: Answer | None = None
    failure: Failure | None = None
    printed: str = ""
    complaints: dict[str, str] = field(default_factory=dict)


def run_file(
    path: str | Path, rounds: Sequence[Mapping[str, Any]], request: Request, seconds: float = 10.0
) -> list[Outcome]:
    """Load a file and call its functions once for each set of arguments; an outcome each."""
    with tempfile.TemporaryDirectory(prefix="graphc-") as name:
        folder = Path(name)
        file = os.path.abspath(path)
        asked = {"path": file, "rounds": len(rounds), "request": asdict(request), "seconds": seconds}
        (folder / "request.json").write_text(json.dumps(asked), encoding="utf-8")
        for k, data in enumerate(rounds):
            np.savez(folder / f"data{k}.npz", **data)
        command = [sys.executable, "-I", "-X", "utf8", child.__file__, name]
        printed, late = _run(command, os.path.dirname(file), seconds)
        try:
            said = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            failure = _late(folder, file, seconds) if late else Failure("", "it ended Python before it answered")
            return [Outcome(failure=failure, printed=printed) for _ in rounds]
        return [_outcome(folder, k, each, printed) for k, each in enumerate(said)]


def _run(command: list[str], folder: str, seconds: float) -> tuple[str, bool]:
    """What a process printed, and whether it had to be ended because its time was up."""
    apart: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
    with tempfile.TemporaryFile() as output:  # a file, as a child of the child may keep a pipe open
        process = subprocess.Popen(
            command, cwd=folder or None, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **apart
        )
        late = False
        try:
            process.wait(seconds + 1.0)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            _end(process)
        output.seek(0)
        return output.read(MOST_OUTPUT).decode("utf-8", "replace"), late


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with what it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()


def _late(folder: Path, path: str, seconds: float) -> Failure:
    """Where it was when its time was up."""
    message = f"it was still running after {seconds:g} seconds"
    with contextlib.suppress(OSError):
        for file, line, function in re.findall(
            r'File "(.+?)", line (\d+) in (\S+)', (folder / "late.txt").read_text(encoding="utf-8", errors="replace")
        ):
            if os.path.realpath(file) == os.path.realpath(path):
                lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
                return Failure("", message, int(line), lines[int(line) - 1].strip(), function)
    return Failure("", message)


def _outcome(folder: Path, round: int, said: Mapping[str, Any], printed: str) -> Outcome:
    if "error" in said:
        return Outcome(failure=Failure(**said["error"]), printed=printed)
    answer = Answer(unknown=list(said["unknown"]))
    outcome = Outcome(answer, printed=printed)
    with np.load(folder / f"arrays{round}.npz", allow_pickle=False) as file:
        for kind, name, line, number, type_name in said["index"]:
            if number is None:
                if kind == "gradient":
                    outcome.complaints[name] = f"no array of real numbers, but of type `{type_name}`"
                continue
            if kind == "gradient":
                answer.gradients[name] = file[number]
            elif kind == "value":
                answer.values[name] = file[number]
            else:
                answer.seen.append((name, line, file[number]))
    return outcome
