"""`graphc check`: a row per variable, and a status that a script can use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def rows(out: str) -> dict[str, list[str]]:
    """The table: variable -> shape, error, verdict."""
    lines = out.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("variable"))
    cells = [[cell for cell in line.split("  ") if cell] for line in lines[start + 1 :] if line]
    return {name: [cell.strip() for cell in rest] for name, *rest in cells}


def test_every_variable_has_a_row(graphc: Run) -> None:
    done = graphc("check", "net.g")
    assert (done.status, done.err) == (0, "")
    table = rows(done.out)
    assert {name: row[0] for name, row in table.items()} == {"W1": "(D, H)", "b1": "(H,)", "W2": "(H, C)", "b2": "(C,)"}
    for _, error, verdict in table.values():
        assert float(error) < 1e-6 and verdict == "ok"


def test_the_table_for_programs_to_read(graphc: Run) -> None:
    data = json.loads(graphc("check", "net.g", "--json").out)
    table = rows(graphc("check", "net.g").out)
    assert data["of"] == ["L"] and data["directions"] == 16
    assert {row["variable"]: row["shape"] for row in data["rows"]} == {name: row[0] for name, row in table.items()}
    for row in data["rows"]:
        assert row["relative_error"] < 1e-6 and row["verdict"] == "ok" and row["directions"] > 0


def test_sizes_and_seed_are_used(graphc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphc.verify import gradients

    seen = []
    verify = gradients.verify

    def spy(joint: Any, text: str, diagnostics: Any, seed: int = 0, sizes: Any = None, **more: Any) -> Any:
        seen.append((seed, sizes))
        return verify(joint, text, diagnostics, seed, sizes, **more)

    monkeypatch.setattr(gradients, "verify", spy)
    assert graphc("check", "net.g", "--seed", "7", "--size", "N=5, D=4").status == 0
    assert graphc("check", "net.g").status == 0
    assert seen == [(7, {"N": 5, "D": 4}), (0, None)]


def test_the_same_seed_gives_the_same_table(graphc: Run) -> None:
    first, again, other = (graphc("check", "net.g", "--seed", seed).out for seed in ("1", "1", "2"))
    assert first == again != other


def test_a_wrong_rule(graphc: Run, folder: Path) -> None:
    (folder / "swish.g").write_text(
        "op swish(x) = x * sigmoid(x)\n"
        "rule swish(x) -> y { s = sigmoid(x); dx = dy * (s - y * (1 - s)) }\n"
        "param x[n]\nL = sum(swish(x))\n"
    )
    done = graphc("check", "swish.g")
    assert done.status == 1
    assert "ok" not in rows(done.out)["x"]
    assert " --> swish.g:2:" in done.err


def test_a_mismatch_is_status_1(graphc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `backward` that is off by a factor, as a bug of the compiler would make it."""
    import graphc.pipeline as pipeline

    compile_graph = pipeline.compile_graph

    def wrong(*arguments: Any) -> Any:
        text, split = compile_graph(*arguments)
        spoiled = text.replace("    return value, backward(cache)", "    return value, backward(cache)")
        spoiled = spoiled.replace("dL=1.0", "dL=1.5")
        assert spoiled != text
        return spoiled, split

    monkeypatch.setattr(pipeline, "compile_graph", wrong)
    done = graphc("check", "net.g")
    assert done.status == 1
    assert {row[-1] for row in rows(done.out).values()} == {"WRONG"}
    assert "error[E0403]" in done.err


def test_sizes_that_no_argument_has(graphc: Run) -> None:
    done = graphc("check", "net.g", "--size", "M=3")
    assert done.status == 1
    assert "no argument of the program has a dimension `M`" in done.err and "C, D, H, N" in done.err
    done = graphc("check", "net.g", "--size", "N=9999999,D=9999")
    assert done.status == 1 and "`X` would have more than" in done.err


def test_nothing_to_check(graphc: Run, folder: Path) -> None:
    (folder / "i.g").write_text("input i[N]: int\nj = i + 1\n")
    done = graphc("check", "i.g")
    assert (done.status, done.out) == (0, "no variable has a gradient: there is nothing to check\n")


def test_an_undeclared_program(graphc: Run, folder: Path) -> None:
    (folder / "card.g").write_text("Z = X@W + b; L = sum(tanh(Z))\n")
    done = graphc("check", "card.g")
    assert done.status == 0, done.err
    assert set(rows(done.out)) == {"X", "W", "b"}


def test_sizes_may_be_given_one_after_the_other(graphc: Run) -> None:
    at_once = graphc("check", "net.g", "--json", "--size", "N=5,D=4")
    assert graphc("check", "net.g", "--json", "--size", "N=5", "--size", "D=4").out == at_once.out
    twice = graphc("check", "net.g", "--size", "N=5", "--size", "N=4")
    assert twice.status == 2 and "N stands there twice" in twice.err
