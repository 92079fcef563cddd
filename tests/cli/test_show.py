"""`graphc show`: every stage, to standard output or a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphc.explain.report import STAGES
from graphc.pipeline import show

Run = Callable[..., Any]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_what_the_pipeline_shows(graphc: Run, folder: Path, stage: str) -> None:
    text = (folder / "net.g").read_text()
    done = graphc("show", "net.g", "--stage", stage)
    assert (done.status, done.err) == (0, "")
    assert done.out == show(text, stage, name="net.g")


def test_without_a_stage_all_of_them(graphc: Run) -> None:
    done = graphc("show", "net.g")
    assert done.status == 0
    heads = [line.removeprefix("# -------- ") for line in done.out.splitlines() if line.startswith("# -------- ")]
    assert heads == list(STAGES)


def test_options_reach_the_stages(graphc: Run) -> None:
    assert "gradient S = dS" in graphc("show", "net.g", "--stage", "backward", "--wrt", "S").out
    literal, expert = (graphc("show", "net.g", "--stage", "backward-code", level).out for level in ("-O0", "-O1"))
    assert literal.startswith("def backward(") and expert.startswith("def backward(")
    assert literal != expert


def test_a_stage_before_the_error_can_be_seen(graphc: Run, folder: Path) -> None:
    for stage, status in (("source", 0), ("graph", 0), ("backward", 1)):
        done = graphc("show", "net.g", "--stage", stage, "--wrt", "t1")
        assert done.status == status, stage
        assert bool(done.err) == bool(status)


def test_into_a_file(graphc: Run, folder: Path) -> None:
    shown = graphc("show", "net.g", "--stage", "graph").out
    assert graphc("show", "net.g", "--stage", "graph", "-o", "g.txt").out == "wrote g.txt\n"
    assert (folder / "g.txt").read_text(encoding="utf-8").startswith(shown)
    assert graphc("show", "net.g", "--stage", "graph", "-o", "g.txt").out == "g.txt is up to date\n"
    assert graphc("show", "net.g", "--stage", "backward", "-o", "g.txt").status == 0  # our own file
    (folder / "g.txt").write_text("precious\n")
    assert graphc("show", "net.g", "-o", "g.txt").status == 1
    assert (folder / "g.txt").read_text() == "precious\n"
    assert graphc("show", "net.g", "-o", "net.g", "--force").status == 1


def test_errors_have_their_place(graphc: Run, folder: Path) -> None:
    (folder / "bad.g").write_text("input X[N, D]\nparam W[K, D]\nY = X@W\n")
    done = graphc("show", "bad.g", "--stage", "source")
    assert (done.status, done.out) == (1, "")
    assert " --> bad.g:3:" in done.err
