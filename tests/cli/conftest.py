"""What the tests of the command line share: the command, called in this process and in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from graphc.cli import main

NET = """\
input X[N, D], t[N, C]
param W1[D, H], b1[H], W2[H, C], b2[C]

Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = sum((S - t)**2)
"""

WRONG_RULE = """\
op swish(x, *, beta) = x * sigmoid(beta * x)
rule swish(x, *, beta) -> y { s = sigmoid(beta * x); dx = dy * (s - beta * y * (1 - s)) }

param x[n]
L = sum(swish(x, beta=1.5))
"""


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with `net.g` in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "net.g").write_text(NET, encoding="utf-8")
    return tmp_path


@pytest.fixture
def graphc(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call `graphc …` and catch what it says."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        status = main(list(arguments))
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Done(status, said.out, said.err)

    return run
