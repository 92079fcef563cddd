"""`graphc grade`: a file in a process of its own, for a student, for an autograder, for Gradescope."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import graphc_command
from graphc.grade.grading import grade

PROGRAM = "input X[N, D], t[N]\nparam w[D], b[]\nr = X@w + b - t\nL = mean(r**2)\nloss L\n"
RIGHT = """\
import numpy as np

def forward(X, t, w, b):
    r = X @ w + b - t
    return (r**2).mean(), (X, r)

def backward(cache):
    X, r = cache
    dr = 2 * r / len(r)
    dw = X.T @ dr
    db = dr.sum()
    return {"w": dw, "b": db}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.g").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


def write(folder: Path, source: str) -> Path:
    (folder / "student.py").write_text(source, encoding="utf-8")
    return folder / "student.py"


def test_a_right_file(folder: Path) -> None:
    write(folder, RIGHT)
    done = graphc_command("grade", "student.py", "--against", "net.g", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("student.py against net.g: all 2 gradients are right\n")


def test_a_wrong_file(folder: Path) -> None:
    write(folder, RIGHT.replace(" / len(r)", ""))
    done = graphc_command("grade", "student.py", "--against", "net.g", cwd=folder)
    assert done.returncode == 1
    assert "`dr` should be `" in done.stdout
    assert "1 / N` is left out" in done.stdout
    assert "student.py:9 | dr = 2 * r" in done.stdout
    assert "`dw` and `db` are wrong by that alone" in done.stdout


def test_for_programs(folder: Path) -> None:
    write(folder, RIGHT.replace("db = dr.sum()", "db = dr") + "\nprint('ä')\n")
    done = graphc_command(
        "grade", "student.py", "--against", "net.g", "--format", "json", "--gradescope", "results.json", cwd=folder
    )
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert not said["ok"]
    assert said["score"] == 0.5
    assert said["printed"] == "ä\n"
    assert [(f["gradient"], f["kind"], f["line"]) for f in said["findings"]] == [("b", "sum", 11)]
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert [test["score"] for test in results["tests"]] == [50.0, 0.0]
    assert results["score"] == 50.0
    assert "`db` should be" in results["output"]


def test_results_replace_results_and_nothing_else(folder: Path) -> None:
    write(folder, RIGHT)
    asked = ("grade", "student.py", "--against", "net.g", "--gradescope", "results.json")
    assert [graphc_command(*asked, cwd=folder).returncode for _ in range(2)] == [0, 0]
    (folder / "results.json").write_text('{"score": "mine"}')
    done = graphc_command(*asked, cwd=folder)
    assert done.returncode == 1 and "E0501" in done.stderr
    assert (folder / "results.json").read_text() == '{"score": "mine"}'
    assert graphc_command(*asked, "--force", cwd=folder).returncode == 0


def test_an_exception_is_shown_with_its_own_line(folder: Path) -> None:
    write(folder, RIGHT.replace("    db = dr.sum()", "    db = dr.summe()"))
    done = graphc_command("grade", "student.py", "--against", "net.g", cwd=folder)
    assert done.returncode == 1
    assert "student.py:11 in `backward`: AttributeError:" in done.stdout
    assert "11 | db = dr.summe()" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_what_stops_with_different_sizes_is_explained_with_equal_ones(folder: Path) -> None:
    made = grade(write(folder, RIGHT.replace("X.T @ dr", "X @ dr")), folder / "net.g")
    assert made.failure is not None
    assert (made.failure.type, made.failure.line) == ("ValueError", 10)
    assert made.verdict is not None
    assert [f.kind for f in made.verdict.findings] == ["transpose"]
    assert not made.ok
    assert made.score == 0


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (RIGHT.replace("    X, r = cache", "    while True: pass"), "still running after 2 seconds"),
        (RIGHT.replace("    X, r = cache", "    import os; os._exit(0)"), "ended Python before it answered"),
        (RIGHT.replace("    X, r = cache", "    raise SystemExit"), "SystemExit"),
        (RIGHT.replace("    X, r = cache", "    import graphc"), "cannot be imported"),
        (RIGHT.replace("def backward", "def backwards"), "none of the functions"),
        (RIGHT.replace("def forward(X", "def forward(Y"), "the argument `Y` of `forward`"),
        (RIGHT.replace("return {", "x = {"), "returns nothing"),
        (RIGHT.replace("def forward", "def forwards"), "takes a `cache`, and there is no `forward`"),
        (RIGHT + "\n(", "SyntaxError"),
        ("import no_such_module\n", "ModuleNotFoundError"),
    ],
)
def test_files_that_do_not_run(folder: Path, source: str, says: str) -> None:
    made = grade(write(folder, source), folder / "net.g", seconds=2)
    assert not made.ok
    assert made.failure is not None
    assert says in f"{made.failure.type}: {made.failure.message}"


def test_what_is_no_real_array_is_told_by_its_type(folder: Path) -> None:
    write(folder, RIGHT.replace("db = dr.sum()", "db = dr.sum(keepdims=True) + 0j"))
    done = graphc_command("grade", "student.py", "--against", "net.g", cwd=folder)
    assert done.returncode == 1
    assert "it is no array of real numbers, but of type `complex128`" in done.stdout


def test_an_endless_loop_is_shown_with_its_line(folder: Path) -> None:
    made = grade(write(folder, RIGHT.replace("    X, r = cache", "    while True: pass")), folder / "net.g", seconds=1)
    assert made.failure is not None
    assert (made.failure.line, made.failure.function) == (8, "backward")


@pytest.mark.parametrize(
    "source",
    [
        "def gradients(X, t, w, b):\n    r = X @ w + b - t\n    return 2 * X.T @ r / len(r), 2 * r.mean()\n",
        "def value_and_grad(X, t, w, b):\n    r = X @ w + b - t\n"
        "    return (r @ r) / len(r), (2 * X.T @ r / len(r), 2 * r.mean())\n",
        "def gradients(params, X, t):\n    r = X @ params['w'] + params['b'] - t\n"
        "    return {'dw': 2 * X.T @ r / len(r), 'db': 2 * r.mean()}\n",
        "def forward(X, t, w, b):\n    r = X @ w + b - t\n    return (r @ r) / len(r)\n"
        "def backward(X, r):\n    dw, db = 2 * X.T @ r / len(r), 2 * r.mean()\n    return db, dw\n",
        RIGHT.replace("backward(cache)", "backward(dout, cache)").replace("dr = 2", "dr = dout * 2"),
    ],
)
def test_functions_and_arguments_are_found_by_name(folder: Path, source: str) -> None:
    made = grade(write(folder, source), folder / "net.g")
    assert made.ok, made


@pytest.mark.parametrize("upstream", ["dY", "dout", "grad_output"])
def test_the_one_cotangent_has_several_names(folder: Path, upstream: str) -> None:
    (folder / "affine.g").write_text("param X[N, D], W[D, H]\nY = X@W\n", encoding="utf-8")
    for arguments, first in (("X, W", ""), ("cache", "    X, W = cache\n")):
        body = f"{first}    return {upstream} @ W.T, X.T @ {upstream}\n"
        source = f"def backward({upstream}, {arguments}):\n{body}"
        if first:
            source = f"def forward(X, W):\n    return X @ W, (X, W)\n{source}"
        assert grade(write(folder, source), folder / "affine.g").ok


def test_a_value_that_nothing_computes_is_called_that(folder: Path) -> None:
    made = grade(write(folder, "def gradients(X, r):\n    return 2 * X.T @ r, 2 * r.sum()\n"), folder / "net.g")
    assert made.failure is not None
    assert made.failure.message == "the argument `r` of `gradients` is a value that no `forward` makes"


def test_a_function_of_another_name(folder: Path) -> None:
    write(folder, "def mine(X, t, w, b):\n    r = X @ w + b - t\n    return {'w': 2 * X.T @ r / len(r)}\n")
    command = ("grade", "student.py", "--against", "net.g", "--wrt", "w")
    assert graphc_command(*command, "--function", "mine", cwd=folder).returncode == 0
    assert graphc_command(*command, "--function", "yours", cwd=folder).returncode == 1


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("missing.py", "--against", "net.g"), 1),
        (("student.py", "--against", "missing.g"), 1),
        (("student.py",), 2),
        (("student.py", "--against", "net.g", "--time", "-1"), 2),
        (("student.py", "--against", "net.g", "--size", "N"), 2),
        (("student.py", "--against", "net.g", "--wrt", "nothing"), 1),
    ],
)
def test_wrong_calls(folder: Path, options: tuple[str, ...], status: int) -> None:
    write(folder, RIGHT)
    done = graphc_command("grade", *options, cwd=folder)
    assert done.returncode == status
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
