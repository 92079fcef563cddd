"""The same inputs in another process, in which sets and dictionaries of strings have another order of hashing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fuzz.commands import command, within
from ops.running import quietly

__all__ = ["differing"]

COMMANDS = (
    ("compile", "net.g", "-O0", "-o", "-", "--no-verify"), ("compile", "net.g", "-O1", "-o", "-"),
    ("compile", "net.g", "-O2", "-o", "-", "--no-verify", "--threads", "2"),
    ("compile", "net.g", "-O2", "-o", "-", "--no-verify", "--format", "json", "--memory", "lean"), ("show", "net.g"),
    ("show", "net.g", "--stage", "optimized"), ("derive", "net.g", "--format", "markdown"), ("check", "net.g"),
    ("cost", "net.g", "-O2"), ("draw", "net.g", "-o", "net.dot", "--backward", "--force"),
)  # fmt: skip
SEED = "4711"


def differing(inputs: Sequence[bytes]) -> list[int]:
    """The numbers of those about which a process with another hash seed says anything else."""
    if not inputs:  # a run may be too short for one
        return []
    ours = _digests(inputs)
    done = subprocess.run(
        [sys.executable, __file__], input="\n".join(data.hex() for data in inputs), capture_output=True,
        encoding="utf-8", env={**os.environ, "PYTHONHASHSEED": SEED}, timeout=60 * (2 + len(inputs)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    theirs = done.stdout.split()
    return [k for k, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1]]


def _digests(inputs: Sequence[bytes]) -> list[str]:
    return [_digest(data) for data in inputs]


def _digest(data: bytes) -> str:
    """Of all that the commands print and draw for a program."""
    found = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder, within(Path(folder)), quietly():
        Path("net.g").write_bytes(data)
        for words in COMMANDS:
            said = command(*words)
            found.update(b"%d" % said.status + said.out + said.err.encode())
        if Path("net.dot").exists():
            found.update(Path("net.dot").read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    for line in sys.stdin.read().split("\n"):
        print(_digest(bytes.fromhex(line)))
