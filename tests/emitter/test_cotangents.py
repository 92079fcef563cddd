"""Cotangents of a program without a scalar loss: one an output, or those of its floating outputs alone."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.cli import main
from graphc.grade import grade

TEXT = "input x[N, D]\nparam W[D, C]\nS = tanh(x @ W)\nT = sum(S, axis=0)\ni = argmax(S, axis=1)\nm = S > 0\noutput "
OUTPUTS = ("S", "i", "S, i, m", "i, S", "i, S, m", "S, T, i", "S, i, T", "m, S, T", "i, m")
RNG = np.random.default_rng(5)
SMALL = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))
LARGE = RNG.normal(size=(80, 60)), RNG.normal(size=(60, 2))


def gradient(x: Any, W: Any, given: dict[str, Any]) -> Any:
    S = np.tanh(x @ W)
    dS = given.get("S", 0) + np.broadcast_to(given.get("T", np.zeros(S.shape[1])), S.shape)
    return x.T @ (dS * (1 - S * S))


def every_way(net: ModuleType, cotangents: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The positional arguments that mean these cotangents of the floating outputs."""
    floating = tuple(cotangents.values())
    zeros = {name: np.zeros(3) for name in net.OUTPUTS}  # of what has no gradient anything will do
    return [
        floating,
        tuple((zeros | cotangents)[name] for name in net.OUTPUTS),
        tuple(cotangents.get(name) for name in net.OUTPUTS),
    ]


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("arguments", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("outputs", OUTPUTS)
def test_every_way_to_give_them(outputs: str, arguments: tuple[Any, Any], level: int) -> None:
    net = graphc.load(TEXT + outputs, level=level)
    x, W = arguments
    shapes = {"S": (len(x), 2), "T": (2,)}
    cotangents = {name: RNG.normal(size=shapes[name]) for name in net.OUTPUTS if name in shapes}
    want = gradient(x, W, cotangents)
    extra: list[dict[str, Any]] = [{}, {"workspace": net.Workspace(x, W)}] if level == 2 else [{}]
    for more in extra:
        _, cache = net.forward(x, W, **more)
        for given in every_way(net, cotangents):
            _, found = net.value_and_grad(x, W, cotangents=given, **more)
            for each in (found, net.backward(cache, *given, **more)):
                err = np.abs(each["W"] - want).max()
                assert err <= 1e-12 * max(1.0, np.abs(want).max())
        named = net.backward(cache, **{f"d{name}": value for name, value in cotangents.items()}, **more)["W"]
        np.testing.assert_allclose(named, want, rtol=1e-12)
        if len(cotangents) == 1:
            [alone] = cotangents.values()
            np.testing.assert_allclose(net.value_and_grad(x, W, cotangents=alone, **more)[1]["W"], want, rtol=1e-12)
            listed = alone.tolist()
            np.testing.assert_allclose(net.value_and_grad(x, W, cotangents=listed, **more)[1]["W"], want, rtol=1e-12)


def test_those_that_may_be_left_out_stand_where_python_lets_them() -> None:
    def parameters(outputs: str) -> str:
        return str(inspect.signature(graphc.load(TEXT + outputs, verify=False).backward))

    assert parameters("S, i, m") == "(cache, dS, di=None, dm=None)"
    assert parameters("i, S, m") == "(cache, di=None, dS=None, dm=None)"
    assert parameters("S, T") == "(cache, dS, dT)"
    assert parameters("i") == "(cache, di=None)"
    assert "i and m need none" in (graphc.load(TEXT + "i, S, m", verify=False).backward.__doc__ or "")


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("outputs", ["S, i", "i, S", "S, i, T", "S"])
def test_too_few_too_many_or_of_another_shape(outputs: str, level: int) -> None:
    net = graphc.load(TEXT + outputs, level=level, verify=False)
    x, W = LARGE
    _, cache = net.forward(x, W)
    dS = np.ones((80, 2))
    for given in [(), (dS,) * 4]:
        with pytest.raises((ValueError, TypeError)):
            net.backward(cache, *given)
        with pytest.raises((ValueError, TypeError)):
            net.value_and_grad(x, W, cotangents=given)
    for wrong in (np.ones((1, 2)), np.ones(2), np.float64(1.0)):
        with pytest.raises(ValueError, match=r"argument dS must have shape \(80, 2\), not"):
            net.value_and_grad(x, W, cotangents=(wrong, *[np.ones(2)] * (outputs == "S, i, T")))


@pytest.mark.parametrize("outputs", ["S, i", "i, S"])
def test_on_the_command_line(
    outputs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.g").write_text(TEXT + outputs)
    x, W = SMALL
    dS = RNG.normal(size=(3, 2))
    np.savez("data.npz", x=x, W=W, dS=dS, di=np.zeros(3))
    assert main(["check", "net.g"]) == 0
    assert main(["run", "net.g", "--data", "data.npz", "-o", "out.npz"]) == 0
    assert not capsys.readouterr().err
    with np.load("out.npz") as out:
        np.testing.assert_allclose(out["dW"], gradient(x, W, {"S": dS}), rtol=1e-12)


@pytest.mark.parametrize("arguments", ["cache, dS", "cache, di, dS", "cache, dS, di=None"])
def test_a_hand_written_backward_may_take_either(arguments: str, tmp_path: Path) -> None:
    student = tmp_path / "student.py"
    student.write_text(
        "import numpy as np\n\n\ndef forward(x, W):\n    S = np.tanh(x @ W)\n    return (S.argmax(1), S), (x, S)\n\n\n"
        f"def backward({arguments}):\n    x, S = cache\n    return {{'W': x.T @ (dS * (1 - S * S))}}\n"
    )
    program = tmp_path / "net.g"
    program.write_text(TEXT + "i, S")
    assert grade(str(student), str(program)).ok
