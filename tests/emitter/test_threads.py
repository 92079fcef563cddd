"""Loops over rows on several threads: the same numbers, every time; memory of their own; errors reach the caller."""

from __future__ import annotations

import linecache
import re
import threading
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.api import module_from
from graphc.cli import main
from graphc.emitter import tiles
from graphc.emitter.parse_back import NotWhatWasMeant, parse_back
from graphc.language.source import Source
from graphc.pipeline import Options, compile_source

ROWS = """\
param X[N, D], g[D], b[D]
A = gelu(X, approximate="tanh")
Y = X + layer_norm(A, g, b)
L = 0.5 * sum(Y * Y)
"""
MLP = """\
input X[N, D], y[N]: int
param W1[D, H], b1[H], W2[H, C], b2[C]
S = relu(X@W1 + b1)@W2 + b2
L = softmax_ce(S, y, reduction="mean")
"""
GATES = """\
param X[N, D], W[D, 2*D]
Z = X @ W
G = concatenate((sigmoid(Z[:, 0:D]), tanh(Z[:, D:2*D])), axis=1)
L = sum(G * G * Z) + sum(exp(-X))
M = sum(X * X)
loss L
output L, M
"""
ATTENTION = """\
input X[N, T, D]
param Wq[D, D], Wk[D, D], Wv[D, D]
Y = attention(X@Wq, X@Wk, X@Wv)
L = sum(Y * Y)
"""
CONV = "param X[N, 2, 8, 8], W[8, 2, 3, 3], b[8]\nP = max_pool2d(relu(conv2d(X, W, b)), 2)\nL = sum(P * P)\n"
PROGRAMS = {"rows": ROWS, "mlp": MLP, "gates": GATES, "attention": ATTENTION, "conv": CONV}


def module_of(text: str, threads: int, tile: int = 256) -> ModuleType:
    """The module with tiles so small that there are many."""
    options = Options(level=2, verify=False, threads=threads, tile=tile)
    return module_from(compile_source(Source(text), options).module, "threads")


def arguments(text: str, dtype: str, rows: int = 150) -> dict[str, Any]:
    sizes = {"N": rows, "D": 6, "H": 7, "C": 5, "T": 4}
    rng = np.random.default_rng(3)
    graph = graphc.parse(text)
    found: dict[str, Any] = {}
    for argument in graph.arguments:
        type = graph[argument.node].type
        shape = tuple(d.evaluate(sizes) for d in type.dims)
        labels = type.dtype == "int"
        found[argument.name] = rng.integers(0, 5, shape) if labels else rng.normal(size=shape).astype(dtype)
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_numbers_are_those_of_one_thread(name: str, threads: int, dtype: str) -> None:
    text, given = PROGRAMS[name], arguments(PROGRAMS[name], dtype)
    alone, together = module_of(text, 1), module_of(text, threads)
    wanted, gradients = alone.value_and_grad(**given, workspace=alone.Workspace(**given))
    workspace = together.Workspace(**given)
    close = {"rtol": 1e-12, "atol": 1e-11} if dtype == "float64" else {"rtol": 2e-4, "atol": 2e-3}
    for _ in range(2):  # sums begin anew
        value, found = together.value_and_grad(**given, workspace=workspace)
        np.testing.assert_allclose(value, wanted, **close)
        for key, gradient in gradients.items():
            assert found[key].dtype == gradient.dtype == np.dtype(dtype)
            np.testing.assert_allclose(found[key], gradient, **close)
    assert together.POOL, "no thread was used"
    outputs, cache = together.forward(**given, workspace=workspace)
    np.testing.assert_allclose(outputs, wanted, **close)
    for key, gradient in together.backward(cache, workspace=workspace).items():
        np.testing.assert_allclose(gradient, gradients[key], **close)


@pytest.mark.parametrize("name", PROGRAMS)
def test_of_many_loops_each_is_a_function_of_the_module(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there are few: the same numbers to the last bit."""
    given, inside = arguments(PROGRAMS[name], "float64"), module_of(PROGRAMS[name], 2)
    monkeypatch.setattr(tiles, "MANY", 0)
    apart = module_of(PROGRAMS[name], 2)
    written, written_apart = ("".join(linecache.getlines(str(module.__file__))) for module in (inside, apart))
    assert "\n    def run_loop" in written and "\n    def run_loop" not in written_apart
    assert written_apart.count("\ndef run_loop") == written.count("\n    def run_loop")
    results = []
    for module in (inside, apart):
        workspace = module.Workspace(**given)
        value, gradients = module.value_and_grad(**given, workspace=workspace)
        assert module.POOL, "no thread was used"
        outputs, cache = module.forward(**given, workspace=workspace)
        backward = module.backward(cache, workspace=workspace)
        results.append([value, *gradients.values(), *np.atleast_1d(outputs), *backward.values()])
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_bits_every_time(name: str) -> None:
    """Sums over tiles are added in the order of the threads, whichever is done first."""
    module, given = module_of(PROGRAMS[name], 4), arguments(PROGRAMS[name], "float32")
    first = [module.value_and_grad(**given, workspace=module.Workspace(**given)) for _ in range(5)]
    assert module.POOL
    for value, gradients in first[1:]:
        assert np.array_equal(value, first[0][0])
        assert all(np.array_equal(gradient, first[0][1][key]) for key, gradient in gradients.items())


def test_threads_are_made_when_they_are_needed() -> None:
    module = module_of(ROWS, 3)
    assert module.POOL == {}
    few = arguments(ROWS, "float64", rows=4)
    module.value_and_grad(**few, workspace=module.Workspace(**few))
    assert module.POOL == {}, "few tiles are for one thread"
    many = arguments(ROWS, "float64")
    workspace = module.Workspace(**many)
    for _ in range(3):
        module.value_and_grad(**many, workspace=workspace)
    (pool,) = module.POOL.values()
    assert len(pool._threads) <= 2, "the caller's thread is one of the three"


def test_each_thread_has_arrays_of_its_own() -> None:
    module, given = module_of(ROWS, 2), arguments(ROWS, "float64")
    workspace = module.Workspace(**given)
    module.value_and_grad(**given, workspace=workspace)
    (loop,) = (part for part in workspace.value_and_grad if isinstance(part, list))
    first, second = ([each for each in share[0] if isinstance(each, np.ndarray)] for share in loop)
    source = graphc.compile(ROWS, level=2, threads=2, verify=False)
    names = re.search(r"for \(\n(.*?)\n +\) in share:", source, re.S)
    assert names is not None
    called = [name for name in re.findall(r"\w+", names[1]) if name != "rows"]
    alike = {name for name, a, b in zip(called, first, second, strict=True) if np.shares_memory(a, b)}
    assert alike == {"ones_2"}, "only what is read is for all"


def test_what_is_raised_in_a_thread_reaches_the_caller() -> None:
    """The first share is another thread's; NumPy's error state is the caller's in all of them."""
    module, given = module_of(ROWS, 2), arguments(ROWS, "float64")
    given["X"][3, 2] = 1e200
    workspace = module.Workspace(**given)
    with np.errstate(over="raise", invalid="raise"), pytest.raises(FloatingPointError):
        module.value_and_grad(**given, workspace=workspace)
    with np.errstate(all="ignore"):  # else a warning, which is an error in these tests
        value, _ = module.value_and_grad(**given, workspace=workspace)
    assert not np.isfinite(value)
    given["X"][3, 2] = 0
    assert np.isfinite(module.value_and_grad(**given, workspace=workspace)[0]), "it works again"


def test_callers_on_several_threads_do_not_disturb_one_another() -> None:
    module = module_of(MLP, 2)
    cases = [arguments(MLP, "float64", rows) for rows in (90, 150, 210)]
    wanted = [module.value_and_grad(**case, workspace=module.Workspace(**case)) for case in cases]
    wrong: list[str] = []

    def work(k: int) -> None:
        workspace = module.Workspace(**cases[k])
        for _ in range(20):
            value, gradients = module.value_and_grad(**cases[k], workspace=workspace)
            if value != wanted[k][0] or any(not np.array_equal(g, wanted[k][1][n]) for n, g in gradients.items()):
                wrong.append(f"case {k}")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_loop_reads_as_a_loop() -> None:
    text = graphc.compile(ROWS, level=2, threads=2, verify=False)
    function = text[text.index("def value_and_grad") : text.index("class Workspace")]
    assert "    def run_loop(share):\n" in function and "        return vdot_Y\n" in function
    assert "    vdot_Y = sum(in_threads(run_loop, loop), zero)\n" in function
    assert "    np.add.reduce(dg_sums, axis=0, out=dg)" in function
    assert "\nTHREADS = 2 " in text and "import concurrent" not in text
    assert "\nTILE = 1048576 " in text, "tiles are larger, so that threads wait less for the interpreter's lock"
    alone = graphc.compile(ROWS, level=2, verify=False)
    assert not {"in_threads", "THREADS", "POOL"} & set(re.findall(r"\w+", alone))
    assert "\nTILE = 131072 " in alone


@pytest.mark.parametrize("apart", [False, True])
def test_values_may_have_the_names_that_loops_use(apart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """`share`, `thread`, `own`, `run_loop`, … as values of the program, and as what rules call theirs."""
    if apart:
        monkeypatch.setattr(tiles, "MANY", 0)
    text = (
        "param X[N, D], share[D], part[D]\nthread = tanh(X * share)\nown = exp(thread + part)\n"
        "run_loop = max(own, axis=1, keepdims=true)\nloop = own / run_loop\nL = sum(loop * thread)"
    )
    rng = np.random.default_rng(0)
    given = {"X": rng.normal(size=(90, 6)), "share": rng.normal(size=6), "part": rng.normal(size=6)}
    alone, together = module_of(text, 1), module_of(text, 2)
    wanted = alone.value_and_grad(**given, workspace=alone.Workspace(**given))
    found = together.value_and_grad(**given, workspace=together.Workspace(**given))
    assert together.POOL and found[0] == pytest.approx(wanted[0])
    for name, gradient in wanted[1].items():
        assert found[1][name] == pytest.approx(gradient)


def test_only_such_a_function_may_stand_in_another() -> None:
    text = graphc.compile(ROWS, level=2, threads=2, verify=False)
    joint = graphc.differentiate(graphc.parse(ROWS))
    parse_back(text, joint)
    for old, new in (("def run_loop(share):", "def run(share):"), ("in share:", "in loop:"),
                     ("def run_loop(share):", "def run_loop(share, more=1):")):  # fmt: skip
        with pytest.raises(NotWhatWasMeant, match="holds a definition"):
            parse_back(text.replace(old, new), joint)


@pytest.mark.parametrize("long", [0, 20_000])
def test_only_a_loop_may_stand_beside_the_functions(long: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its body is read word by word, as a long one is, or as a tree."""
    monkeypatch.setattr(tiles, "MANY", 0)
    monkeypatch.setattr("graphc.emitter.parse_back.LONG", long)
    text = graphc.compile(ROWS, level=2, threads=2, verify=False)
    joint = graphc.differentiate(graphc.parse(ROWS))
    parse_back(text, joint)
    head = "def run_loop_of_backward(share"
    assert head in text
    run = text[text.index(head) :]
    for old, new, why in (
        (head, "def run(share", "which is not its own"),
        (head, "def run_loop_of_backward(other, share", "no loop that a thread runs"),
        (head, "def run_loop_of_backward(more=1, *share", "no loop that a thread runs"),
        (head, "def run_loop_of_backward(np", "no loop that a thread runs"),
        (run, run.replace("    for ", "    for x in share:\n        pass\n    for ", 1), "no loop that a thread runs"),
        ("in_threads(run_loop_of_backward", "in_threads(run_loop_3", "which is not its own"),
        ("run_loop_of_backward", "run_loop_of_forward", "is defined twice"),
    ):
        with pytest.raises(NotWhatWasMeant, match=why):
            parse_back(text.replace(old, new), joint)


def test_where_threads_may_be_asked_for(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="threads must be a number from 1 to 256, and 1 below level 2, not 2"):
        graphc.compile(ROWS, threads=2)
    with pytest.raises(ValueError, match="not 0"):
        graphc.compile(ROWS, level=2, threads=0)
    program = tmp_path / "net.g"
    program.write_text(ROWS)
    assert main(["compile", str(program), "--threads", "2"]) == 2
    assert "only the modules of -O2" in capsys.readouterr().err
    assert main(["compile", str(program), "-O2", "--threads", "0"]) == 2
    assert main(["compile", str(program), "-O2", "--threads", "2"]) == 0
    assert "in_threads" in (tmp_path / "net.py").read_text()
