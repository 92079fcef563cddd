"""Checks of many arguments are loops: they refuse the same, in the same words, and their text is a few bytes each."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

import graphc
from graphc.emitter.repeated import MANY, MANY_ALIKE, Check, write_checks


def layers(n: int) -> str:
    """Products with matrices that are all alike."""
    step = f"for k in 0:{n} {{ z_{{k+1}} = tanh(z_{{k}} @ W_{{k}} + b_{{k}}) }}"
    return f"input x[N, D]\nparam W_{{0:{n}}}[D, D], b_{{0:{n}}}[D]\nz_0 = x\n{step}\nL = sum(z_{n})"


def undeclared(n: int) -> str:
    """Products with matrices of which each has sizes of its own."""
    body = [f"z_{k + 1} = tanh(z_{k} @ W_{k} + b_{k})" for k in range(n)]
    return "\n".join(["z_0 = x", *body, f"L = sum(z_{n})"])


def arguments(net: ModuleType, dtype: str = "d") -> dict[str, np.ndarray]:
    shapes = {"x": (3, 2), "W": (2, 2), "b": (2,)}
    return {name: np.full(shapes[name[0]], 0.1, dtype) for name in (*net.INPUTS, *net.PARAMETERS)}


FEW, MUCH = 5, 40


@pytest.mark.parametrize("program", [layers, undeclared])
@pytest.mark.parametrize(("name", "shape"), [
    ("W_2", (2,)), ("W_2", (2, 2, 1)), ("W_2", (2, 3)), ("W_2", (3, 2)), ("b_2", (3,)), ("b_2", (3, 3)), ("x", (3,)),
    ("x", (3, 3)), ("b_2", (1, 1, 2)),
])  # fmt: skip
def test_what_is_refused_is_said_in_the_same_words(
    program: Callable[[int], str], name: str, shape: tuple[int, ...]
) -> None:
    said = []
    for n in (FEW, MUCH):
        net = graphc.load(program(n), verify=False)
        with pytest.raises(ValueError) as refused:
            net.forward(**{**arguments(net), name: np.ones(shape)})
        said.append(str(refused.value))
    assert said[0] == said[1], said
    assert re.match(r"argument \w+(: dimension \d must be| must have shape| of shape)", said[0]), said


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("program", [layers, undeclared])
def test_arguments_of_all_sorts_are_taken(program: Callable[[int], str], level: int) -> None:
    net = graphc.load(program(MUCH), level=level, verify=False)
    given = arguments(net)
    L, grads = net.value_and_grad(**given)
    lists = {name: value.tolist() for name, value in given.items()}
    for other in ({**given, "W_7": given["W_7"].tolist()}, lists, {**given, "b_3": given["b_3"].astype("f")}):
        value, found = net.value_and_grad(**other)
        np.testing.assert_allclose(value, L, rtol=1e-6)
        assert found["b_3"].dtype == (other["b_3"].dtype if isinstance(other["b_3"], np.ndarray) else np.float64)
        for name in grads:
            np.testing.assert_allclose(found[name], grads[name], rtol=1e-5)
    value, found = net.value_and_grad(**arguments(net, "f"))
    assert value.dtype == np.float32
    assert {g.dtype for g in found.values()} == {np.dtype("f")}
    with pytest.raises(ValueError, match="argument W_9 must be an array of real numbers, not complex128"):
        net.forward(**{**given, "W_9": given["W_9"] + 0j})
    with pytest.raises(ValueError, match="argument b_9 is not an array"):
        net.forward(**{**given, "b_9": [[1], [2, 3]]})


def test_integers_beside_many_floating_arguments_keep_their_kind() -> None:
    text = layers(MUCH).replace("input x[N, D]", "input y[N]: int, x[N, 2]").replace("D", "2")
    net = graphc.load(text.replace(f"sum(z_{MUCH})", f"softmax_ce(z_{MUCH}, y)"))
    given = {"y": np.array([0, 1, 1]), "x": np.ones((3, 2))}
    given |= {name: np.full((2, 2) if name[0] == "W" else 2, 0.1) for name in net.PARAMETERS}
    L, _ = net.forward(**given)
    assert net.forward(**{**given, "y": [0, 1, 1], "W_3": given["W_3"].tolist()})[0] == L
    with pytest.raises(ValueError, match="argument y must be an array of integers"):
        net.forward(**{**given, "y": given["y"] * 1.0})
    with pytest.raises(ValueError, match=r"argument b_4: dimension 0 must be 2, not 3; its shape is \(3,\)"):
        net.forward(**{**given, "b_4": np.ones(3)})


def test_names_of_arguments_are_not_those_of_the_loops() -> None:
    names = ["name", "value", "values", "names", "types", "sizes", "said", "INPUTS", "PARAMETERS", "shape", "floating"]
    names += [f"w_{k}" for k in range(MUCH)]
    declared = ", ".join(f"{name}[N]" for name in names)
    net = graphc.load(f"input x[N]\nparam {declared}\nL = sum(x * {' * '.join(names)})")
    values = [np.full(3, 2.0), *(np.ones(3) for _ in names)]
    L, grads = net.value_and_grad(*values)
    assert L == 6
    assert set(grads) == set(names)
    for k, name in enumerate(names, 1):
        with pytest.raises(ValueError, match=f"argument {name} must have shape"):
            net.forward(*values[:k], np.ones((3, 1)), *values[k + 1 :])


@pytest.mark.parametrize(("program", "most"), [(layers, 110), (undeclared, 270)])
def test_an_argument_more_takes_little_text(program: Callable[[int], str], most: int) -> None:
    def size(n: int) -> int:
        text = graphc.compile(program(n), verify=False)
        return len(text[text.index("\ndef check(") : text.index("\ndef arrays(")])

    each = (size(2 * MUCH) - size(MUCH)) / (2 * MUCH)
    assert each <= most / 2, f"{each} bytes"


def test_so_many_checks_are_a_loop() -> None:
    def written(count: int, apart: int) -> list[str]:
        texts = [{"name": f'"a{k}"', "value": f"a{k}", "sizes": f"(n{k % apart},)"} for k in range(count)]
        template = "if {value}.shape != {sizes}:\n    raise wrong({name}, {value}, {sizes})"
        return write_checks([Check(template, each) for each in texts], lambda name: name)

    assert written(MANY_ALIKE - 1, 1)[:2] == ["if a0.shape != (n0,):", '    raise wrong("a0", a0, (n0,))']
    assert len(written(MANY_ALIKE - 1, 1)) == 2 * MANY_ALIKE - 2
    assert written(MANY_ALIKE, 1)[0] == "for name, value in zip("
    assert written(MANY_ALIKE, 1)[-2:] == [
        "    if value.shape != (n0,):", "        raise wrong(name, value, (n0,))",
    ]  # fmt: skip
    assert len(written(MANY - 1, MANY)) == 2 * MANY - 2
    assert written(MANY, MANY)[0] == "for name, value, sizes in zip("
    assert written(MANY, MANY)[-1] == "        raise wrong(name, value, sizes)"
