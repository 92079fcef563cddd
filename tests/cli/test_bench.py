"""`graphc bench`: every statement has a time, whatever the level; what it refuses. No time is judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphc as package
from graphc import pipeline
from graphc.explain.costs import costs_of
from graphc.explain.timings import marked
from graphc.pipeline import Options

Run = Callable[..., Any]
SIZES = "N=200,D=30,H=20,C=10"


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2"])
def test_every_statement_has_a_time(graphc: Run, level: str) -> None:
    done = graphc("bench", "net.g", level, "--size", SIZES, "--seconds", "0", "--json")
    assert (done.status, done.err) == (0, "")
    data = json.loads(done.out)
    timed = {(row["line"], row["part"] == "forward" or not row["gradient"]): row for row in data["statements"]}
    assert {line for line, _ in timed} == {4, 5, 6, 7}
    assert all(row["seconds"] > 0 and row["model_seconds"] > 0 for row in timed.values())
    assert sum(row["share"] for row in data["statements"]) <= 1
    assert data.keys() >= {
        "file", "level", "dtype", "sizes", "rounds", "seconds", "rest_seconds", "model_seconds", "machine",
        "statements",
    }  # fmt: skip
    assert data["rounds"] >= 3 and data["sizes"] == {"N": 200, "D": 30, "H": 20, "C": 10}


@pytest.mark.parametrize("level", ["-O1", "-O2"])
def test_a_training_step_is_measured_by_itself(graphc: Run, folder: Path, level: str) -> None:
    (folder / "sgd.g").write_text("input x[N, D]\nparam w[D]\nL = sum((x @ w)**2)\nw <- w - 0.1 * grad(L, w)\n")
    data = json.loads(graphc("bench", "sgd.g", level, "--seconds", "0", "--json").out)
    for of_step, prefix in ((False, ""), (True, "step_")):
        rows = [row for row in data["statements"] if (row["part"] == "step") == of_step]
        assert rows and all(row["seconds"] > 0 for row in rows)
        whole = data[f"{prefix}rest_seconds"] + sum(row["seconds"] for row in rows)
        assert whole == pytest.approx(data[f"{prefix}seconds"])
        assert sum(row["share"] for row in rows) <= 1
    assert "total of step" in graphc("bench", "sgd.g", level, "--seconds", "0").out


def test_where_backward_follows_forward_both_have_rows(graphc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "LARGEST_FUSED", 0)
    for command, more in (("bench", ("--seconds", "0")), ("cost", ())):
        done = graphc(command, "net.g", "-O2", "--size", SIZES, *more, "--json")
        assert (done.status, done.err) == (0, "")
        rows = json.loads(done.out)["statements"]
        assert [(row["part"], row["line"]) for row in rows] == [
            ("forward_in", 4), ("forward_in", 5), ("forward_in", 6), ("forward_in", 7),
            ("backward_in", 7), ("backward_in", 6), ("backward_in", 5), ("backward_in", 4),
        ]  # fmt: skip
    assert "value_and_grad is forward_in and then backward_in" in graphc("cost", "net.g", "-O2", "--size", SIZES).out


def test_the_table_fits_and_says_what_was_assumed(graphc: Run) -> None:
    done = graphc("bench", "net.g", "--size", "N=5", "--seconds", "0")
    assert done.status == 0 and max(map(len, done.out.splitlines())) <= 110
    assert "not given, so 64: D, C, H" in done.err
    assert "total" in done.out and "the model of this machine" in done.out


def test_sizes_that_are_not_given_are_handy(graphc: Run, folder: Path) -> None:
    """A convolution of 64 channels over 64 images of 64 by 64 takes seconds and a gigabyte."""
    (folder / "conv.g").write_text("input X[N, C, H, H]\nparam W[C, C, 3, 3]\nL = sum(relu(conv2d(X, W)))\n")
    assert "not given, so 32: N, C, H" in graphc("bench", "conv.g", "--seconds", "0").err
    done = graphc("bench", "conv.g", "--size", "N=2,C=8", "--seconds", "0")
    assert done.status == 0 and "not given, so 64: H" in done.err


def test_undeclared_programs_get_rows_and_sizes(graphc: Run, folder: Path) -> None:
    (folder / "card.g").write_text("Z = X@W1 + b1; H = relu(Z); S = H@W2 + b2; L = softmax_ce(S, y)\n")
    assert graphc("bench", "card.g", "--seconds", "0").status == 0
    (folder / "free.g").write_text("L = sum(tanh(x)**2)\n")
    done = graphc("bench", "free.g", "--seconds", "0")
    assert done.status == 1 and "declare it" in done.err


def test_programs_without_a_loss_get_cotangents(graphc: Run, folder: Path) -> None:
    (folder / "two.g").write_text("input X[N, D]\nparam W[D, H]\nY = X@W\nE = exp(Y)\noutput Y, E\n")
    for level in ("-O1", "-O2"):
        assert graphc("bench", "two.g", level, "--seconds", "0").status == 0


def test_sizes_that_do_not_fit(graphc: Run, folder: Path) -> None:
    (folder / "conv.g").write_text("input X[N, C, H, H]\nparam W[4, C, K, K]\nL = sum(conv2d(X, W))\n")
    for command in (("bench", "--seconds", "0"), ("cost",)):
        done = graphc(*command, "conv.g", "--size", "N=1,C=1,H=3,K=5")
        assert (done.status, done.out) == (1, "") and "no meaning with these sizes" in done.err
    assert graphc("cost", "conv.g", "--size", "H=5,K=5").status == 0
    assert graphc("cost", "conv.g", "--size", "H=3").status == 0  # K may be 3


def test_it_is_measured_on_one_thread(graphc: Run) -> None:
    done = graphc("bench", "net.g", "-O2", "--threads", "2", "--size", SIZES, "--seconds", "0")
    assert done.status == 0 and "measured on one thread" in done.err


def test_a_clock_stands_before_each_statement_and_in_loops() -> None:
    """The marked module is the module with calls of the clock, nothing else."""
    rows = "param X[N, D], g[D], b[D]\nA = gelu(X)\nY = X + layer_norm(A, g, b)\nL = 0.5 * sum(Y * Y)"
    conv = "param X[N, 2, 8, 8], W[4, 2, 3, 3]\nP = max_pool2d(relu(conv2d(X, W)), 2)\nL = sum(P * P)"
    for level, text in ((0, rows), (1, rows), (2, rows), (1, conv), (2, conv)):
        costs = costs_of(package.differentiate(package.parse(text)), Options(level=level))
        lines = marked(costs).split("\n")
        assert "\n".join(line for line in lines if not line.strip().startswith("clock(")) == costs.module
        clocks = [line for line in lines if line.strip().startswith("clock(")]
        assert {f"clock({row})" for row in range(-1, len(costs.rows))} == {line.strip() for line in clocks}
        assert any(line.startswith("        clock(") for line in clocks) == (level == 2)
