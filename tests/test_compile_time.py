"""Compile time grows with the program and not faster: no line of graphc runs four times as often for twice the program.

Lines are counted, not seconds. What a line of C does (a copied list, `in` for a list) is not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType

import numpy as np
import pytest

import graphc
from counting import lines
from graphc.emitter import parse_back
from graphc.ir.graph import Builder
from graphc.language.budget import MOST_HINTS

MANY = 2_000
"""A line that runs less often than this takes no time that anybody notices."""


def chain(n: int) -> str:
    """One long chain of elementwise statements."""
    functions = ["tanh", "sigmoid", "exp", "relu", "sin"]
    body = [f"Z_{k + 1} = {functions[k % 5]}(Z_{k}) * 0.5" for k in range(n // 2)]
    return "\n".join(["input X[N, D]", "Z_0 = X * 1.5", *body, f"L = sum(Z_{n // 2})"])


def layers(n: int) -> str:
    """Products of matrices, each with parameters of its own."""
    body = [f"param W_{k}[d, d], b_{k}[d]\nh_{k + 1} = tanh(h_{k} @ W_{k} + b_{k})" for k in range(n // 3)]
    return "\n".join(["input X[N, d]", "h_0 = X * 1.0", *body, f"L = sum(h_{n // 3}**2)"])


def unrolled(n: int) -> str:
    """A loop over the same parameters."""
    step = f"for k in 0:{n // 3} {{ z_{{k+1}} = tanh(z_{{k}} @ W + b) }}"
    return "\n".join(["input X[N, d]\nparam W[d, d], b[d]\nz_{0} = X + b", step, f"L = sum(z_{{{n // 3}}}**2)"])


def lstm(n: int) -> str:
    """A recurrent net over many steps."""
    return f"""
input X[{n // 20}, N, D]
param Wx[D, 4*H], Wh[H, 4*H], b[4*H]
h_{{0}} = zeros((N, H))
c_{{0}} = zeros((N, H))
for t in 0:{n // 20} {{
  z_{{t}} = X[t] @ Wx + h_{{t}} @ Wh + b
  i_{{t}} = sigmoid(z_{{t}}[:, 0:H]); f_{{t}} = sigmoid(z_{{t}}[:, H:2*H]); o_{{t}} = sigmoid(z_{{t}}[:, 2*H:3*H])
  c_{{t+1}} = f_{{t}} * c_{{t}} + i_{{t}} * tanh(z_{{t}}[:, 3*H:4*H])
  h_{{t+1}} = o_{{t}} * tanh(c_{{t+1}})
}}
L = sum(h_{{{n // 20}}}**2)
"""


def parameters(n: int) -> str:
    """Many parameters of one value."""
    body = [f"s_{k + 1} = s_{k} + x * w_{k}" for k in range(n // 2)]
    names = ", ".join(f"w_{k}[d]" for k in range(n // 2))
    return "\n".join(["input x[N, d]", f"param {names}", "s_0 = x * 2", *body, f"L = sum(s_{n // 2})"])


def wide(n: int) -> str:
    """A sum of many terms."""
    body = [f"t_{k} = tanh(x * {k + 1}.5)" for k in range(n // 3)]
    return "\n".join(["param x[N, d]", *body, "L = sum(" + " + ".join(f"t_{k}" for k in range(n // 3)) + ")"])


def numbers(n: int) -> str:
    """A sum of many numbers, each of which is asked whether it is one of Python's."""
    return "param x[N, d]\nL = sum(" + " + ".join(["x"] * (n * 10)) + ")"


def views(n: int) -> str:
    """Values in other shapes of other shapes: which of them have to be copied is asked of each."""
    body = [f"v_{k + 1} = reshape(v_{k}, {('(N*d,)', '(d, N)')[k % 2]})" for k in range(n // 3 * 2)]
    return "\n".join(["param x[N, d]\nv_0 = x.T", *body, f"L = sum(v_{n // 3 * 2}**2)"])


def expression(n: int) -> str:
    """One very long expression, nested as deeply as its length needs."""

    def part(low: int, high: int) -> str:
        middle = (low + high) // 2
        return f"({part(low, middle)} + {part(middle, high)})" if high - low > 1 else f"tanh(x * {low}.5)"

    return f"param x[N, d]\nL = sum({part(0, n // 3)})"


def undeclared(n: int) -> str:
    """Products of undeclared variables."""
    body = [f"h_{k + 1} = tanh(h_{k} @ W_{k} + b_{k})" for k in range(n // 3)]
    return "\n".join(["h_0 = X * 1.0", *body, f"L = sum(h_{n // 3}**2)"])


def entrywise(n: int) -> str:
    """Undeclared variables of unknown rank."""
    body = [f"h_{k + 1} = tanh(h_{k} * W_{k} + b_{k})" for k in range(n // 3)]
    return "\n".join(["h_0 = X * 1.0", *body, f"L = sum(h_{n // 3}**2)"])


def normalised(n: int) -> str:
    """Composite operations, of each of which many primitive ones are made."""
    body = [f"h_{k + 1} = layer_norm(softmax(h_{k}) @ W + b, g, b) + h_{k}" for k in range(n // 12)]
    return "\n".join(["input X[N, D]\nparam W[D, D], g[D], b[D]\nh_0 = X @ W", *body, f"L = mean(h_{n // 12}**2)"])


def rolls(n: int) -> str:
    """The two parts of a cut axis the other way round, over and over."""
    step = f"for k in 0:{n // 3} {{ z_{{k+1}} = concatenate([z_{{k}}[1:], z_{{k}}[:1]]) }}"
    return f"param z_0[N]\n{step}\nL = sum(z_{n // 3}**2)"


def heads(n: int) -> str:
    """Many products of one value, each with a gradient that may be computed earlier."""
    body = [f"param W_{k}[d, c]\nl_{k} = sum((x @ W_{k})**2)" for k in range(n // 3)]
    return "\n".join(["input x[N, d]", *body, "L = " + " + ".join(f"l_{k}" for k in range(n // 3))])


def training(n: int) -> str:
    """Steps of many parameters: the code comes back to the statement of the loss for each of them."""
    terms = " + ".join(f"sin(x * w_{k})" for k in range(n // 3))
    step = f"for k in 0:{n // 3} {{ w_{{k}} <- w_{{k}} - 0.1 * grad(L, w_{{k}}) }}"
    return f"input x[N]\nparam w_{{0:{n // 3}}}[N]\nL = sum({terms})\n{step}"


def of_every_size(n: int) -> str:
    """Products with sizes of their own, so that nothing has the size of anything else."""
    body = [f"param p_{k}[D, H_{k}]\nl_{k} = sum((x @ p_{k})**2)" for k in range(n // 3)]
    return "\n".join(["input x[N, D]", *body, "L = " + " + ".join(f"l_{k}" for k in range(n // 3))])


def readouts(n: int) -> str:
    """A recurrent net with a loss for each step, which at -O2 are computed at once."""
    step = "h_{t+1} = tanh(h_{t}@W + b); l_{t+1} = l_{t} + softmax_ce(h_{t+1}@U, y[t])"
    head = f"input y[{n // 5}, N]: int\nparam h_0[N, d], W[d, d], b[d], U[d, C]\nl_0 = sum(W**2)"
    return f"{head}\nfor t in 0:{n // 5} {{ {step} }}\nL = l_{n // 5}"


PROGRAMS = [
    chain, layers, unrolled, lstm, parameters, wide, numbers, expression, undeclared, entrywise, normalised, rolls,
    training, of_every_size,
]  # fmt: skip


SOME = [chain, layers, lstm, undeclared, views, heads, training, of_every_size, readouts]


@pytest.mark.parametrize(
    ("program", "level"),
    [(p, 1) for p in PROGRAMS] + [(p, 2) for p in SOME] + [(p, 0) for p in (chain, layers, normalised, unrolled)],
    ids=lambda value: getattr(value, "__name__", f"O{value}"),
)
def test_twice_the_program_is_twice_the_work(
    program: Callable[[int], str], level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse_back, "LONG", 0)  # functions are checked in one way, short or long
    graphc.compile(program(40), level=level, verify=False)  # what is read once and kept
    once, twice = (
        lines(lambda n=n: graphc.compile(program(n), level=level, verify=False)) for n in (80, 160)
    )  # fmt: skip
    steep = {
        place: (once[place], count)
        for place, count in twice.items()
        if count > MANY and count > 2.6 * once[place] and place[0] != "language/diagnostics.py"  # see the next test
    }
    assert not steep, f"lines that run too often: {steep}"
    assert sum(twice.values()) <= 2.4 * sum(once.values())


def test_names_are_compared_so_many_times_and_no_more() -> None:
    """Each name of an undeclared program may be a slip of the pen for each other one."""
    def compared(n: int) -> int:
        counts = lines(lambda: graphc.parse(undeclared(n)))
        return max(count for (file, _), count in counts.items() if file == "language/diagnostics.py")

    assert compared(300) > 5_000, "in a small program all of them are"
    assert compared(3000) <= 2 * MOST_HINTS, "an undeclared program is lowered twice"


def test_the_size_of_a_sum_of_undeclared_products_names_each_of_them_once() -> None:
    """Written as what the last one and the sum before it broadcast to, it would double with each of them."""

    def text(n: int) -> str:
        return graphc.compile("L = sum(" + " + ".join(f"tanh(x{k} @ w{k})" for k in range(n)) + ")", verify=False)

    assert len(text(32)) < 4 * len(text(16)) < 16 * len(text(8))
    with pytest.raises(graphc.GraphcError, match="more than 100 sizes broadcast"):
        text(101)


def test_the_shape_of_a_sum_of_very_many_terms_is_that_of_its_first() -> None:
    """Found without going down from sum to sum by calls, of which Python has no more than a thousand."""
    terms = "".join(f"z_{k} = sin(y + {k})\n" for k in range(1200))
    text = f"y = tanh(x * w)\n{terms}L = sum({' + '.join(f'z_{k}' for k in range(1200))})"
    assert "def backward(" in graphc.compile(text, verify=False)


def scopes(code: CodeType) -> int:
    """The scopes in a text: functions, classes, comprehensions."""
    return 1 + sum(scopes(each) for each in code.co_consts if isinstance(each, CodeType))


def test_the_emitted_text_has_no_scope_for_each_of_its_loops() -> None:
    """In each of them Python looks for all names of the function around it: quadratic time to compile."""

    def softmaxes(n: int) -> CodeType:
        text = f"input x[N, D]\nparam W[D, D]\nz_0 = x\nfor k in 0:{n} {{ z_{{k+1}} = softmax(z_{{k}} @ W) }}\n"
        module = graphc.compile(text + f"L = sum(z_{n}**2)", level=2, verify=False)
        assert module.count(" in loop") >= 2 * n
        return compile(module, "softmaxes", "exec")

    assert scopes(softmaxes(24)) == scopes(softmaxes(12))


def test_no_function_holds_many_that_threads_run() -> None:
    """Nor in each of these, of which a loop on threads is one."""
    text = graphc.compile(layers(3 * 40), level=2, threads=2, verify=False)
    functions = [each for each in compile(text, "layers", "exec").co_consts if isinstance(each, CodeType)]
    assert sum(each.co_name.startswith("run_loop") for each in functions) >= 80
    assert max(map(scopes, functions)) < 20


@pytest.mark.parametrize(
    "step", ["z_{k} + tanh(z_{k} @ W)", "z_{k} - 0.1 * ((z_{k} @ W.T - X) @ W)", "z_{k} + (z_{k} @ W + X)"]
)
@pytest.mark.parametrize("level", [1, 2])
def test_a_long_sum_of_products_is_not_replaced_over_and_over(step: str, level: int) -> None:
    """Each increment of a state by a product with the same weights might be joined with all that were before."""
    module = graphc.load(
        f"input X[N, D]\nparam W[D, D]\nz_0 = X\nfor k in 0:250 {{ z_{{k+1}} = {step} }}\nL = sum(z_250)", level=level
    )
    W = np.eye(2) * 1e-3
    L, grads = module.value_and_grad(np.ones((3, 2)), W)
    assert np.isfinite(L) and np.isfinite(grads["W"]).all()


def test_what_adds_work_is_seen_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a sum of products is as large as they are is known before it is made, to be forgotten again."""
    forgotten: list[int] = []
    forget = Builder.forget

    def noted(builder: Builder, count: int) -> None:
        forgotten.append(count)
        forget(builder, count)

    monkeypatch.setattr(Builder, "forget", noted)
    text = "input h_0[N, d]\nparam W[d, d]\nfor k in 0:40 { h_{k+1} = softmax(h_{k} @ W) + h_{k} }\nL = sum(h_40**2)"
    graphc.compile(text, verify=False)
    assert len(forgotten) <= 4 * 40  # the softmax's own; it was ten of each layer


def test_what_is_a_plain_number_is_asked_once() -> None:
    """Each rule would look through all numbers before it."""

    def work(n: int) -> int:
        text = f"param x[], a[]\nz_0 = x\nfor k in 0:{n} {{ z_{{k+1}} = 0.5*(z_{{k}} + a/z_{{k}}) }}\nL = z_{n}"
        return sum(lines(lambda: graphc.compile(text, verify=False)).values())

    work(10)
    assert work(160) <= 2.3 * work(80)
