"""What each step of a loop makes for itself bears one name in all steps, and nothing that another one still reads."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.emitter.step_names import Life, names_of_steps, without_numbers
from ops.programs import array, body, compiled, hold

GRU = """
input X[STEPS, N, D]
param W[D, 3*H], V[H, 3*H]
h_0 = zeros((N, H))
for t in 0:STEPS {
  a_{t} = X[t] @ W
  u_{t} = h_{t} @ V
  r_{t} = sigmoid(a_{t}[:, 0:H] + u_{t}[:, 0:H])
  z_{t} = sigmoid(a_{t}[:, H:2*H] + u_{t}[:, H:2*H])
  n_{t} = tanh(a_{t}[:, 2*H:3*H] + r_{t} * u_{t}[:, 2*H:3*H])
  h_{t+1} = z_{t} * h_{t} + (1 - z_{t}) * n_{t}
}
L = sum(h_STEPS**2)
output L
"""


def assigned(text: str, function: str = "backward", **options: Any) -> list[str]:
    """The names that a function assigns, as often as it does."""
    return re.findall(r"^(\w+) = ", "\n".join(body(text, function, **options)), re.MULTILINE)


def arguments(steps: int, n: int = 3, h: int = 4) -> dict[str, Any]:
    return {"X": array(steps, n, 2), "W": array(2, 3 * h), "V": array(h, 3 * h)}


@pytest.mark.parametrize(("name", "common"), [
    ("dz_4", "dz"), ("dz_4_tanh", "dz_tanh"), ("dh_1_12", "dh"), ("product_h_1_2_W_0", "product_h_W"),
    ("x2_x3", "x2_x3"), ("_4", "_4"), ("conv2d", "conv2d"), ("dz_4a", "dz_4a"),
])  # fmt: skip
def test_numbers_that_are_subscripts(name: str, common: str) -> None:
    assert without_numbers(name) == common


def lives(*each: tuple[str, int, int, int]) -> dict[str, Life]:
    return {name: Life(first, last, {(("t", step),)}) for name, first, last, step in each}


FOUR = [("dz_3", 0, 1, 3), ("dz_2", 2, 3, 2), ("dz_1", 4, 6, 1), ("dz_0", 7, 9, 0)]


def test_lives_that_follow_each_other_share_a_name() -> None:
    assert set(names_of_steps(lives(*FOUR), ["dz_3", "z"]).values()) == {"dz"}
    assert not names_of_steps(lives(*FOUR), ["dz"])  # which is something else
    assert not names_of_steps(lives(*FOUR[:2]), [])  # few enough to be told apart
    assert not names_of_steps(lives(*FOUR[:3], ("dz_0", 6, 9, 0)), [])  # made where the one before is still read
    assert not names_of_steps(lives(*FOUR[:3], ("dz_0", 7, 9, 1)), [])  # two of one step


def test_what_several_steps_read_keeps_its_number() -> None:
    over = lives(*FOUR)
    over["dz_1"].steps.add((("t", 0),))
    assert "dz_1" not in names_of_steps(over, [])


def test_a_step_is_written_as_in_a_loop() -> None:
    text = GRU.replace("STEPS", "5")
    names = assigned(text)
    assert names.count("da") == names.count("du") == names.count("dn_tanh") == 5
    assert {"dh_5", "dh_4", "dh_3", "dh_2", "dh_1"} <= set(names) and "da_4" not in names
    assert "a_4 = X[4] @ W" in body(text), "what the program names is called so"
    hold(text, arguments(5))


def test_fewer_steps_are_told_apart() -> None:
    assert {"da_1", "da_0"} <= set(assigned(GRU.replace("STEPS", "2")))
    assert "da_3" in assigned(GRU.replace("STEPS", "5"), level=0)


def test_a_name_that_means_something_else_is_left_alone() -> None:
    text = "input da[N], x[N]\nparam w[N]\nh_0 = w\nfor t in 0:5 { a_{t} = h_{t} * x\n h_{t+1} = sin(a_{t}) * a_{t} }"
    text += "\nL = sum(h_5 * da)"
    assert assigned(text).count("da") == 0
    hold(text, {"da": array(3), "x": array(3, seed=1), "w": array(3, seed=2)})
    text = "param w[N]\nh_0 = w\nfor t in 0:5 { a_{t} = h_{t} * w\n h_{t+1} = sin(a_{t}) * a_{t} }\n"
    text += "a = h_5**2\nL = sum(a * exp(a))"
    hold(text, {"w": array(3)})
    assert assigned(text).count("da") <= 1


def test_whose_array_a_later_step_takes_keeps_its_number() -> None:
    """`da` would be what the product reads by then, in the array that was `da_4`."""
    text = "param x[N, D], W[D, D]\nh_0 = x\nfor t in 0:6 { a_{t} = tanh(h_{t})\n h_{t+1} = sin(a_{t} @ W) }"
    lines = body(text, "backward")
    assert "dh_3 = np.multiply(da_3, 1 - a_3 * a_3, out=da_3)" in lines
    assert "da_3 = np.matmul(dh_sin, W.T, out=da_5)" in lines
    hold(text, {"x": array(3, 3), "W": array(3, 3, seed=1)})


def test_the_gradient_of_a_step_that_is_asked_for_keeps_its_number() -> None:
    text = GRU.replace("STEPS", "5")
    given = arguments(5)
    plain, module = (compiled(text, level, wrt=["a_3", "u_0", "V"]) for level in (0, 1))
    wanted, found = (m.backward(m.forward(**given)[1]) for m in (plain, module))
    for name in wanted:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-12, atol=1e-14)


def test_a_long_statement_still_says_its_step() -> None:
    terms = " + ".join(f"{k}.5 * sin(h_{{t}} / {k})" for k in range(1, 9))
    backward = graphc.compile(f"param w[N]\nh_0 = w\nfor t in 0:5 {{ h_{{t+1}} = {terms} }}", verify=False)
    heads = re.findall(r"^    # h_\{t\+1\} = .*$", backward, re.MULTILINE)
    assert len(heads) == 10 and all(re.search(r"\.\.\.   \[t = \d\]", head) for head in heads)


def test_the_memory_of_backward_does_not_grow_by_the_steps() -> None:
    peaks = []
    for steps in (4, 12):
        given = arguments(steps, n=64, h=64)
        net = compiled(GRU.replace("STEPS", str(steps)))
        _, cache = net.forward(**given)
        tracemalloc.start()
        net.backward(cache)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 64 * 64 * np.dtype(float).itemsize, peaks


# ------------------------------------------------------------ any loops

FUNCTIONS = ("tanh", "sigmoid", "sin", "softplus", "square", "relu", "layer")
SHAPES = ("{0} * {1}", "{0} + {1}", "{0} - {1}", "({0} @ V) * {1}", "concatenate([{0}[:, 0:2], {1}[:, 2:4]], axis=1)",
          "{0} / (2 + {1}**2)", "({0}.T).T + {1}", "where({0} > 0, {1}, {0})", "0.5 * {0} + {1}[::-1]")  # fmt: skip


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A program with a loop, perhaps one within another: its statements read values of this step, of earlier ones, and
    from outside; some of them are read behind the loop as well."""
    steps, backwards, nested = draw(st.integers(4, 6)), draw(st.booleans()), draw(st.booleans())
    lines = ["param X[N, 4], V[4, 4]", "def layer(x) { z = x * 0.3; return tanh(z) * z }", "w = tanh(X)"]
    start, end, step = (steps, 0, -1) if backwards else (0, steps, 1)
    lines += [f"h_{start} = X", f"h_{(start - step) % 10} = w"]
    inside: list[str] = []

    def value() -> str:
        return draw(st.sampled_from(["h_{t}", f"h_{{(t+{10 - step})%10}}", "w", "X", *inside]))

    statements = []
    for name in draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=4, unique=True)):
        expression = draw(st.sampled_from(SHAPES)).format(value(), value())
        statements.append(f"{name}_{{t}} = {draw(st.sampled_from(FUNCTIONS))}({expression})")
        inside.append(f"{name}_{{t}}")
    if nested:
        statements.append(f"q_{{t,0}} = {value()}")
        inner = f"p_{{t,k}} = tanh(q_{{t,k}} * {value()})\n q_{{t,k+1}} = p_{{t,k}} * q_{{t,k}}"
        statements.append(f"for k in 0:2 {{ {inner} }}")
        inside.append("q_{t,2}")
    following = draw(st.sampled_from(SHAPES)).format(value(), value())
    statements.append(f"h_{{t+({step})}} = {following}")
    text = "\n".join(lines) + f"\nfor t in {start}:{end}:{step} {{\n" + "\n".join(statements) + "\n}\n"
    last = [f"{name[: name.index('_')]}_{draw(st.integers(1, steps - 1))}" for name in inside if "," not in name]
    behind = draw(st.lists(st.sampled_from(last), max_size=2, unique=True)) if last else []
    text += "L = mean(" + " + ".join(f"sin({name})" for name in [f"h_{end}", *behind]) + ")\n"
    kind = draw(st.sampled_from(["plain", "plain", "grad", "step"]))
    if kind == "grad":
        return text + "G = grad(L, X)\nM = mean(G**2)\noutput M\n"
    return text + ("V <- V - 0.1 * grad(L, V)\noutput L\n" if kind == "step" else "output L\n")


@settings(max_examples=60, deadline=None)
@given(programs(), st.booleans())
def test_any_loop_gives_what_the_derivation_gives(text: str, intermediate: bool) -> None:
    arguments = {"X": array(3, 4), "V": array(4, 4) / 4}
    named = sorted({*re.findall(r"(?<!\w)([abch])_\{t\}", text)})
    wrt = ["X", "V"] + [f"{name}_2" for name in named if intermediate]
    plain = compiled(text, 0, wrt=wrt)
    wanted_value, wanted = plain.value_and_grad(**arguments)
    for level in (1, 2):
        module = compiled(text, level, wrt=wrt)
        value, found = module.value_and_grad(**arguments)
        np.testing.assert_allclose(value, wanted_value, rtol=1e-9, atol=1e-12)
        for name in wanted:
            np.testing.assert_allclose(found[name], wanted[name], rtol=1e-8, atol=1e-11, err_msg=text)
        if "<-" in text:
            new = module.step(**arguments)["V"]
            np.testing.assert_allclose(new, plain.step(**arguments)["V"], rtol=1e-9, atol=1e-12)


def test_comments_do_not_add_up_what_other_steps_called_by_the_name_of_this_one() -> None:
    """`db = 1ᵀ dZ + 1ᵀ dZ + 1ᵀ dZ` was said of the gradients of three steps, of which the name stands for one."""
    text = (Path(__file__).parents[2] / "examples" / "lstm.g").read_text(encoding="utf-8")
    comments = [line for line in graphc.compile(text, verify=False).split("\n") if "# " in line and "dZ" in line]
    assert any("db += 1ᵀ dZ    dWh += h_0ᵀ dZ    dWx += X[:, 0]ᵀ dZ" in line for line in comments)
    assert not any("1ᵀ dZ + 1ᵀ dZ" in line for line in comments)
