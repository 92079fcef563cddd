"""`graphc compile`: what it writes, where, and what it says about it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphc.emitter.signature import is_ours

Run = Callable[..., Any]
SAID = re.compile(
    r"wrote net\.py: gradients of L for W1, b1, W2, b2; "
    r"verified along (\d+) directions, worst relative error (\d)e-(\d\d)\n"
)


def test_it_writes_beside_the_program_and_says_what_was_verified(graphc: Run, folder: Path) -> None:
    done = graphc("compile", "net.g")
    assert (done.status, done.err) == (0, "")
    said = SAID.fullmatch(done.out)
    assert said and int(said[1]) >= 4 and int(said[3]) >= 6
    assert is_ours((folder / "net.py").read_bytes()) == "ours"


def test_of_a_large_program_the_share_of_the_verification_is_said(graphc: Run, folder: Path) -> None:
    loop = "param x[N]\nh_{0} = x\nfor k in 0:800 { h_{k+1} = sin(h_{k} + x) }\nL = sum(h_{800})\n"
    (folder / "long.g").write_text(loop, encoding="utf-8")
    done = graphc("compile", "long.g")
    said = re.search(r"verified along \d+ directions? in (\d+\.\d) of (\d+\.\d) s, worst", done.out)
    assert said, done.out
    assert 0 <= float(said[1]) <= float(said[2])


def test_what_it_wrote_works(graphc: Run, folder: Path) -> None:
    graphc("compile", "net.g")
    script = "import numpy as np, net\n"
    script += "L, grads = net.value_and_grad(*(np.ones(s) for s in [(5, 4), (5, 3), (4, 6), 6, (6, 3), 3]))\n"
    script += "assert L > 0 and grads['W1'].shape == (4, 6)"
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


def test_standard_output_is_the_module_alone_and_the_same_bytes(graphc: Run, folder: Path) -> None:
    graphc("compile", "net.g")
    command = [sys.executable, "-m", "graphc", "compile", "net.g", "-o", "-"]
    done = subprocess.run(command, cwd=folder, capture_output=True)
    assert done.returncode == 0
    assert done.stdout == (folder / "net.py").read_bytes()
    assert b"verified along" in done.stderr
    (folder / "net.py").unlink()
    graphc("compile", "net.g", "-o", "-")
    assert not (folder / "net.py").exists()


def test_the_bytes_depend_on_neither_the_folder_nor_the_hash_seed(folder: Path) -> None:
    (folder / "sub").mkdir()
    modules = set()
    calls = (("0", folder, "net.g"), ("1", folder / "sub", "../net.g"), ("2", folder, str(folder / "net.g")))
    for seed, cwd, name in calls:
        command = [sys.executable, "-m", "graphc", "compile", name, "-o", "-", "--quiet"]
        done = subprocess.run(command, cwd=cwd, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed})
        assert (done.returncode, done.stderr) == (0, b"")
        modules.add(done.stdout)
    assert len(modules) == 1
    assert str(folder).encode() not in modules.pop()


def test_quiet(graphc: Run, folder: Path) -> None:
    done = graphc("compile", "net.g", "-q")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert (folder / "net.py").exists()


def test_what_is_up_to_date_is_not_written_again(graphc: Run, folder: Path) -> None:
    graphc("compile", "net.g")
    before = (folder / "net.py").stat().st_mtime_ns
    done = graphc("compile", "net.g")
    assert done.out.startswith("net.py is up to date: ")
    assert (folder / "net.py").stat().st_mtime_ns == before


def test_a_new_version_replaces_an_old_one_but_not_a_persons_work(graphc: Run, folder: Path) -> None:
    graphc("compile", "net.g")
    (folder / "net.g").write_text((folder / "net.g").read_text() + "# a remark\n")
    assert graphc("compile", "net.g").out.startswith("wrote net.py")
    edited = (folder / "net.py").read_text() + "# mine\n"
    (folder / "net.py").write_text(edited)
    done = graphc("compile", "net.g")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error[E0501]: `net.py` was edited after graphc wrote it\n") and "--force" in done.err
    assert (folder / "net.py").read_text() == edited
    assert graphc("compile", "net.g", "--force").status == 0
    assert is_ours((folder / "net.py").read_bytes()) == "ours"


def test_the_program_itself_is_never_replaced(graphc: Run, folder: Path) -> None:
    text = (folder / "net.g").read_text()
    (folder / "net.py").symlink_to("net.g")
    for output in ("net.g", "./net.g", "net.py"):
        done = graphc("compile", "net.g", "-o", output, "--force")
        assert done.status == 1 and "reads" in done.err
    assert (folder / "net.g").read_text() == text
    (folder / "prog.py").write_text(text)  # without -o it would be written over itself
    assert graphc("compile", "prog.py", "--force").status == 1
    assert (folder / "prog.py").read_text() == text


def test_a_module_that_would_hide_numpy_from_itself_is_not_written(graphc: Run, folder: Path) -> None:
    (folder / "net.g").rename(folder / "numpy.g")
    done = graphc("compile", "numpy.g")
    assert done.status == 1 and "`numpy.py` would be imported in the place of numpy itself" in done.err
    assert not (folder / "numpy.py").exists()
    assert graphc("compile", "numpy.g", "-o", "net.py").status == 0


def test_wrt_loss_and_verification(graphc: Run) -> None:
    done = graphc("compile", "net.g", "--wrt", "S, W1", "-o", "a.py")
    assert "gradients of L for S, W1; verified" in done.out
    done = graphc("compile", "net.g", "--no-verify", "-o", "b.py")
    assert done.out == "wrote b.py: gradients of L for W1, b1, W2, b2; not verified\n"


@pytest.mark.parametrize("level", ["-O0", "-O1"])
def test_levels(graphc: Run, folder: Path, level: str) -> None:
    assert graphc("compile", "net.g", level, "-o", f"net{level[-1]}.py").status == 0


def test_an_unknown_name(graphc: Run, folder: Path) -> None:
    for option in ("--wrt", "--loss"):
        done = graphc("compile", "net.g", option, "W11")
        assert done.status == 1
        assert "`W11`" in done.err and "did you mean `W1`?" in done.err
    assert not (folder / "net.py").exists()


def test_a_wrong_rule_is_refused_and_nothing_written(graphc: Run, folder: Path) -> None:
    (folder / "swish.g").write_text(
        "op swish(x) = x * sigmoid(x)\n"
        "rule swish(x) -> y { s = sigmoid(x); dx = dy * (s - y * (1 - s)) }\n"
        "param x[n]\nL = sum(swish(x))\n"
    )
    done = graphc("compile", "swish.g")
    assert (done.status, done.out) == (1, "")
    assert " --> swish.g:2:" in done.err
    assert sorted(path.name for path in folder.iterdir()) == ["net.g", "swish.g"]


def test_all_errors_of_a_file_in_their_places(graphc: Run, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "bad.g").write_text("Y = nosuch(x)\nZ = = 2\nQ = x +\n")
    done = graphc("compile", "sub/bad.g")
    assert done.status == 1
    places = [line.strip() for line in done.err.splitlines() if "-->" in line]
    assert {"--> sub/bad.g:2:5", "--> sub/bad.g:3:8"} <= set(places)


def test_warnings_go_to_standard_error(graphc: Run, folder: Path) -> None:
    (folder / "flat.g").write_text("param w[n], v[n]\nL = sum(w)\n")
    done = graphc("compile", "flat.g", "--quiet", "--wrt", "w,v")
    assert (done.status, done.out) == (0, "")
    assert done.err.startswith("warning[W0401]: ") and "`v`" in done.err


def test_a_program_without_gradients(graphc: Run, folder: Path) -> None:
    (folder / "i.g").write_text("input i[N]: int\nj = i + 1\n")
    assert graphc("compile", "i.g").out == "wrote i.py: no variable has a gradient\n"


def test_a_program_on_standard_input(folder: Path) -> None:
    def call(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "graphc", "compile", *arguments]
        return subprocess.run(command, cwd=folder, input=program, capture_output=True, encoding="utf-8")

    for arguments, out in ((["-"], '"""'), (["-", "-o", "a.py"], "wrote a.py")):
        done = call("L = sum(x * x)\n", *arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(out)
    done = call("L = \n", "-")
    assert done.returncode == 1 and " --> <stdin>:1:" in done.stderr


def test_crlf_and_a_byte_order_mark_change_no_place(graphc: Run, folder: Path) -> None:
    (folder / "bad.g").write_bytes("\ufeffY = x\r\nZ = Y +* 2\r\n".encode())
    done = graphc("compile", "bad.g")
    assert done.status == 1 and " --> bad.g:2:8" in done.err
