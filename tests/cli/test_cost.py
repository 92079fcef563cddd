"""`graphc cost`: a table that fits the terminal, numbers for sizes, JSON, and programs that say too little."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_formulas(graphc: Run) -> None:
    done = graphc("cost", "net.g")
    assert (done.status, done.err) == (0, "")
    forward = next(line for line in done.out.splitlines() if "Z = X@W1 + b1" in line)
    assert "N*D*H" in forward
    assert "saved: X, W2, H, " in done.out and "peak of backward: 8*" in done.out


@pytest.mark.parametrize("more", [(), ("-O0",), ("-O2",), ("--size", "N=200,D=3072,H=100,C=10")])
def test_it_is_legible_at_100_columns(graphc: Run, more: tuple[str, ...]) -> None:
    done = graphc("cost", "net.g", *more)
    assert done.status == 0 and max(map(len, done.out.splitlines())) <= 100


def test_numbers_for_sizes(graphc: Run) -> None:
    done = graphc("cost", "net.g", "--size", "N=200,D=3072,H=100,C=10")
    (line, *_) = (line for line in done.out.splitlines() if "Z = X@W1" in line)
    assert "61.4 M" in line and "N*" not in done.out


def test_some_sizes_stay_open(graphc: Run) -> None:
    done = graphc("cost", "net.g", "--size", "N=200")
    (line, *_) = (line for line in done.out.splitlines() if "Z = X@W1" in line)
    assert "200*D*H" in line


def test_json(graphc: Run) -> None:
    done = graphc("cost", "net.g", "--json", "--size", "N=2,D=3,H=5,C=7", "--dtype", "float32")
    data = json.loads(done.out)
    first = data["statements"][0]
    assert (data["dtype"], first["part"], first["line"]) == ("float32", "forward", 4)
    assert first["multiplications"] == {"formula": "30", "value": 30}
    assert first["bytes"]["value"] == 4 * ((6 + 15 + 10) + (10 + 5 + 10))
    assert {"forward", "backward", "value_and_grad"} == set(data["memory"])
    assert data["total"]["multiplications"]["value"] == sum(s["multiplications"]["value"] for s in data["statements"])
    assert data["saved_bytes"]["value"] == 4 * sum(each["numbers"]["value"] for each in data["saved"])
    formulas = json.loads(graphc("cost", "net.g", "--json").out)
    assert formulas["statements"][0]["multiplications"] == {"formula": "N*D*H"}


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2"])
def test_the_form_of_the_json_is_fixed(graphc: Run, level: str) -> None:
    """What programs that read it rely on; more may come, nothing goes."""
    for sizes in ((), ("--size", "N=2"), ("--size", "N=2,D=3,H=5,C=7")):
        data = json.loads(graphc("cost", "net.g", level, "--json", *sizes).out)
        assert data.keys() >= {
            "file", "level", "dtype", "sizes", "inferred", "statements", "total", "saved", "saved_bytes", "memory",
            "not_counted",
        }  # fmt: skip
        counts = {"multiplications", "functions", "bytes", "complete"}
        assert data["total"].keys() >= counts
        for row in data["statements"]:
            assert row.keys() >= {"part", "gradient", "steps", "statement", "file", "line", *counts}
        for each in data["saved"]:
            assert each.keys() >= {"name", "argument", "view", "numbers"}
        exact = len(sizes) > 0 and "C=" in sizes[1]
        numbers = [data["saved_bytes"], data["total"]["bytes"], *data["memory"].values()]
        assert all({"formula"} | ({"value"} if exact else set()) <= each.keys() for each in numbers)


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2"])
def test_a_training_step_is_counted_by_itself(graphc: Run, folder: Path, level: str) -> None:
    (folder / "sgd.g").write_text("input x[N, D]\nparam w[D]\nL = sum((x @ w)**2)\nw <- w - 0.1 * grad(L, w)\n")
    data = json.loads(graphc("cost", "sgd.g", level, "--json", "--size", "N=7,D=5").out)
    step = [row for row in data["statements"] if row["part"] == "step"]
    assert [row["multiplications"]["value"] for row in step if row["line"] == 4] == [5]
    rest = sum(row["multiplications"]["value"] for row in data["statements"] if row["part"] != "step")
    assert data["total"]["multiplications"]["value"] == rest
    assert data["step_total"]["multiplications"]["value"] == sum(row["multiplications"]["value"] for row in step)
    shown = graphc("cost", "sgd.g", level).out
    places = [shown.index(words) for words in ("\ntotal ", "\nstep\n", "w <- w - 0.1", "\ntotal of step")]
    assert places == sorted(places)
    assert "peak of step: " in shown


def test_what_is_saved_is_told_by_its_kinds(graphc: Run, folder: Path) -> None:
    (folder / "ce.g").write_text("input X[N, D], y[N]: int\nparam W[D, C]\nL = softmax_ce(X@W, y)\n")
    for level in ("-O1", "-O2"):
        assert "saved: X, y, P = N*(D + C) numbers, N integers\n" in graphc("cost", "ce.g", level).out
        done = graphc("cost", "ce.g", level, "--size", "N=2,D=3,C=5")
        assert "saved: X, y, P = 16 numbers, 2 integers: 144 B\n" in done.out
        data = json.loads(graphc("cost", "ce.g", level, "--json", "--size", "N=2,D=3,C=5").out)
        assert data["saved_bytes"] == {"formula": "144", "value": 144}


def test_an_unknown_size(graphc: Run) -> None:
    done = graphc("cost", "net.g", "--size", "M=3")
    assert done.status == 1 and "no argument of the program has a dimension `M`" in done.err


def test_inferred_sizes_have_short_names(graphc: Run, folder: Path) -> None:
    (folder / "card.g").write_text("Z = X@W1 + b1; H = relu(Z); S = H@W2 + b2; L = softmax_ce(S, y)\n")
    done = graphc("cost", "card.g")
    assert done.status == 0 and max(map(len, done.out.splitlines())) <= 100
    assert "n1*n2*n3 " in done.out and "n1 is X.shape[0]" in done.out
    assert "8*(n1*(n3 + n4) + n3*n4)" in " ".join(done.out.split())  # of `b2` nothing is counted but the product is
    assert "the shape of `b1`, `b2` is not counted; declare it: `param b1[…]`" in " ".join(done.out.split())
    assert graphc("cost", "card.g", "--size", "n1=5").status == 0


def test_a_program_without_any_shape_is_told_what_to_declare(graphc: Run, folder: Path) -> None:
    (folder / "free.g").write_text("L = sum(tanh(x)**2)\n")
    done = graphc("cost", "free.g")
    assert done.status == 1 and done.out == ""
    assert "free.g:1:14" in done.err and "declare it, for example `param x[N, D]`" in done.err


def test_lean_memory_shows(graphc: Run, folder: Path) -> None:
    (folder / "rows.g").write_text("input X[N, D]\nparam g[D], b[D]\nY = layer_norm(tanh(X), g, b)\nL = sum(Y * Y)\n")
    kept = {word: graphc("cost", "rows.g", "--memory", word).out for word in ("lean", "balanced", "fast")}
    assert "saved: X, g, b = " in kept["lean"]
    assert "Y = 2*N*D numbers" in kept["balanced"] and "Y = 2*N*D numbers" in kept["fast"]
    assert graphc("compile", "rows.g", "--memory", "tiny").status == 2
