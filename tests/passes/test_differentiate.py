"""The joint graph: what accumulates, what is summed over broadcast axes, what is zero, what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir.dims import dim
from graphc.ir.graph import Builder, Graph
from graphc.ir.types import Type, Unknown
from graphc.language.values import Fault
from graphc.passes.differentiate import Adjoint, differentiate, sum_to_type, unreached
from numerical import assert_gradients
from ops.running import Program, close

RNG = np.random.default_rng(3)


def array(*shape: int) -> Any:
    return RNG.uniform(0.3, 1.2, shape) * RNG.choice([-1.0, 1.0], shape)


def gradients(text: str, *cotangents: Any, level: int = 1, **arguments: Any) -> dict[str, Any]:
    module = graphc.load(text, verify=False, level=level)
    _, cache = module.forward(**arguments)
    result: dict[str, Any] = module.backward(cache, *cotangents)
    return result


# ---------------------------------------------------------------- accumulation


def test_contributions_of_all_uses_are_summed() -> None:
    x = array(3)
    dx = gradients("input x[3]\nL = sum(x * x + x + x * 3)", x=x)["x"]
    err = np.max(np.abs(dx - (2 * x + 4)))
    assert err <= 1e-14


def test_repeated_operands_contribute_once_each() -> None:
    A = array(3, 3)
    dA = gradients("input A[3, 3]\nL = sum(A @ A)", A=A)["A"]
    ones = np.ones((3, 3))
    err = np.max(np.abs(dA - (ones @ A.T + A.T @ ones)))
    assert err <= 1e-14


@pytest.mark.parametrize("order", list(itertools.permutations(("W1", "W2", "H"))))
def test_gradients_asked_for_one_by_one_are_those_of_backward(order: tuple[str, ...]) -> None:
    """Several `grad` of one loss share a reverse pass; in which order they are asked for makes no difference."""
    text = "input X[4, 3], W1[3, 5], W2[5, 2]\nH = tanh(X @ W1)\nL = sum((H @ W2 + sum(H))**2)\n"
    text += "".join(f"g_{name} = grad(L, {name})\n" for name in order)
    text += f"output L, {', '.join(f'g_{name}' for name in order)}\nloss L\n"
    arguments = {"X": array(4, 3), "W1": array(3, 5), "W2": array(5, 2)}
    module = graphc.load(text, wrt=["W1", "W2", "H"], verify=False)
    outputs, backward = module.value_and_grad(**arguments)
    for name in order:
        close(getattr(outputs, f"g_{name}"), backward[name], name)


def test_several_outputs_take_a_cotangent_each() -> None:
    x, u, v = array(3), array(3), array(3)
    dx = gradients("input x[3]\na = exp(x)\nb = x * x\noutput a, b", u, v, x=x)["x"]
    err = np.max(np.abs(dx - (u * np.exp(x) + 2 * v * x)))
    assert err <= 1e-13


def test_one_value_under_two_names_takes_both_cotangents() -> None:
    x, u, v = array(3), array(3), array(3)
    dx = gradients("input x[3]\na = exp(x)\nb = a\noutput a, b", u, v, x=x)["x"]
    err = np.max(np.abs(dx - (u + v) * np.exp(x)))
    assert err <= 1e-13


def test_an_intermediate_value_is_a_variable_too() -> None:
    x = array(3)
    found = gradients_of("input x[3]\nz = x * x\nL = sum(exp(z))", ["z", "x"], x=x)
    close(found["z"], np.exp(x * x), "z", 1e-13)
    close(found["x"], 2 * x * np.exp(x * x), "x", 1e-13)


def gradients_of(text: str, wrt: list[str], **arguments: Any) -> dict[str, Any]:
    module = graphc.load(text, wrt=wrt, verify=False)
    result: dict[str, Any] = module.backward(module.forward(**arguments)[1])
    return result


def test_the_gradient_of_the_loss_with_respect_to_itself_is_one() -> None:
    found = gradients_of("input x[3]\nL = sum(x)", ["L", "x"], x=array(3))
    assert found["L"] == 1.0


# ---------------------------------------------------------------- broadcasting


@pytest.mark.parametrize("shape", [(4,), (1, 4), (1,), (), (3, 1), (3, 4)])
@pytest.mark.parametrize("level", [0, 1])
def test_the_card_is_right_for_every_shape_of_the_bias(shape: tuple[int, ...], level: int) -> None:
    """The program as it stands on the design card; only run time knows the shape of `b1`."""
    module = graphc.load("Z = X@W1 + b1; H = relu(Z); S = H@W2 + b2; L = softmax_ce(S, y)", level=level, verify=False)
    arguments = {"X": array(3, 5), "W1": array(5, 4), "b1": array(*shape), "W2": array(4, 2), "b2": array(2)}
    y = np.array([0, 1, 1])
    _, found = module.value_and_grad(**arguments, y=y)
    assert found["b1"].shape == shape
    assert_gradients(lambda **moved: float(module.forward(**moved, y=y)[0]), arguments, found, directions=1)


@pytest.mark.parametrize("a", [(2, 3), (1, 3), (2, 1), (3,), (1,), ()])
@pytest.mark.parametrize("b", [(2, 3), (1, 1), (4, 2, 3), (4, 1, 1), ()])
@pytest.mark.parametrize("operator", ["*", "/", "-"])
def test_a_gradient_has_the_shape_of_its_variable(a: tuple[int, ...], b: tuple[int, ...], operator: str) -> None:
    text = f"input a[{', '.join(map(str, a))}], b[{', '.join(map(str, b))}]\ny = tanh(a {operator} b)"
    program = Program(text, {"a": array(*a), "b": array(*b)})
    assert program.gradients["a"].shape == a
    assert program.gradients["b"].shape == b
    module = graphc.load(text, verify=False)
    assert_gradients(program.value(module), program.arguments, program.gradients, directions=1, rtol=1e-6)


def fitted(wide: tuple[int | str, ...], narrow: tuple[int | str, ...]) -> tuple[Graph | Builder, int]:
    builder = Builder()
    c = builder.add("argument", (), {"name": "c"}, type=Type(tuple(map(dim, wide))))
    x = builder.add("argument", (), {"name": "x"}, type=Type(tuple(map(dim, narrow))))
    return builder, sum_to_type(builder, c, x, "f")


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (("N", "D"), ("D",)), (("N", "D"), ("N", 1)), (("N", "D"), (1, 1)), (("N", "D"), ()), (("N", "D"), ("N", "D")),
        (("B", "N", "D"), (1, "D")), ((1, "D"), ("D",)), (("?x.0:1",), (1,)),
    ],
)  # fmt: skip
def test_a_contribution_that_is_wider_is_summed(wide: tuple[int | str, ...], narrow: tuple[int | str, ...]) -> None:
    builder, id = fitted(wide, narrow)
    assert builder[id].type == Type(tuple(map(dim, narrow)))


@pytest.mark.parametrize(
    ("wide", "narrow"), [((), ("N",)), (("D",), ("N", "D")), (("N", 1), ("N", "D")), (("H",), ("D",))]
)
def test_one_that_is_narrower_is_the_mistake_of_its_rule(
    wide: tuple[int | str, ...], narrow: tuple[int | str, ...]
) -> None:
    with pytest.raises(Fault) as caught:
        fitted(wide, narrow)
    assert caught.value.code == "E0303"


def test_what_only_run_time_knows_is_summed_then() -> None:
    builder = Builder()
    x = builder.add("argument", (), {"name": "x"}, type=Type(Unknown("@x")))
    c = builder.add("argument", (), {"name": "c"}, type=Type((dim("N"), dim("D"))))
    made = sum_to_type(builder, c, x, "f")
    assert builder[made].op == "sum_to"
    assert builder.type(made).shape == Unknown("@x")


def test_what_run_time_knows_of_one_axis_is_summed_beside_an_axis_of_size_1() -> None:
    text = 'input x[H, N, D], c[1, D]\nz = x - einsum("ij,ij->i", f, f)[:, None, None] * c'
    module = graphc.load(text, wrt=["f", "c"])
    for rows in (2, 1):
        given = {"x": array(2, 3, 4), "c": array(1, 4), "f": array(rows, 5)}
        _, found = module.value_and_grad(**given, cotangents=(np.ones((2, 3, 4)),))
        assert found["f"].shape == given["f"].shape
        assert_gradients(lambda **moved: float(module.forward(**moved)[0].sum()), given, found, directions=1)


# ---------------------------------------------------------------- zeros


def test_a_variable_that_nothing_leads_from_has_zeros_and_a_warning() -> None:
    graph = differentiate(graphc.parse("input x[2, 3], z[4]\nL = sum(x)\noutput L, z"))
    assert unreached(graph) == ["z"]
    found = gradients("input x[2, 3], z[4]\nL = sum(x)\noutput L, z\nloss L", x=array(2, 3), z=array(4))
    assert found["z"].shape == (4,)
    assert not found["z"].any()


@pytest.mark.parametrize("text", ["floor(x)", "sign(x)", "stop_gradient(x)", "x > 0", "one_hot([1, 0], 3)", "x // 2"])
def test_nothing_flows_through_what_is_not_smooth(text: str) -> None:
    found = gradients(f"input x[2, 3]\nL = sum(({text}) * 2) + 0 * sum(x)", x=array(2, 3))
    assert not found["x"].any()


def test_integers_get_no_gradient() -> None:
    graph = differentiate(graphc.parse("input W[5, 3], i[2]: int\nL = sum(embedding(i, W))"))
    assert list(graph.gradients) == ["W"]


# ---------------------------------------------------------------- which variables, which loss


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("param W[3]\ninput x[3]\nL = sum(W * x)", ["W"]),
        ("input x[3], z[3]\nL = sum(x * z)", ["x", "z"]),
        ("L = sum(a * b)", ["a", "b"]),
        ("input x[3]\nL = sum(x * w)", ["w"]),
        ("L = softmax_ce(S, y)", ["S"]),
    ],
)
def test_default_variables(text: str, wanted: list[str]) -> None:
    assert list(differentiate(graphc.parse(text)).gradients) == wanted


def test_the_only_scalar_output_is_the_loss() -> None:
    graph = differentiate(graphc.parse("input x[3]\nz = exp(x)\nL = sum(z)\noutput z, L"))
    assert list(graph.cotangents) == ["L"]
    assert list(differentiate(graphc.parse("input x[3]\na = sum(x)\nb = max(x)\noutput a, b")).cotangents) == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"wrt": ["q"]}, "E0201"), ({"loss": "z"}, "E0401"), ({"loss": "q"}, "E0201"), ({"wrt": ["i"]}, "E0402"),
        ({"loss": "u"}, "E0401"),  # which may be an array when it runs
    ],
)
def test_wrong_names(options: dict[str, Any], code: str) -> None:
    text = "input x[3, 2], i[2]: int\nz = x[i]\nL = sum(z)\nu = v * 2"
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.differentiate(graphc.parse(text), **options)
    assert code in str(caught.value)


# ---------------------------------------------------------------- again


def test_second_derivatives_are_symmetric() -> None:
    """⟨H v, w⟩ = ⟨v, H w⟩ for a Hessian."""
    text = (
        "input X[4, 3], W[3, 2], v[3, 2], w[3, 2]\nL = sum(log_softmax(tanh(X @ W))**2)\n"
        "a = sum(hvp(L, W, v) * w)\nb = sum(hvp(L, W, w) * v)\noutput a, b"
    )
    module = graphc.load(text, verify=False)
    a, b = module.forward(X=array(4, 3), W=array(3, 2), v=array(3, 2), w=array(3, 2))[0]
    err = abs(a - b)
    assert err <= 1e-12 * abs(a)


def test_third_derivatives() -> None:
    x = abs(array(3))
    text = "input x[3]\ng = grad(sum(x**4), x)\nh = grad(sum(g), x)\nt = grad(sum(h), x)\noutput g, h, t"
    g, h, t = graphc.load(text, verify=False).forward(x=x)[0]
    close(g, 4 * x**3, "first", 1e-13)
    close(h, 12 * x**2, "second", 1e-13)
    close(t, 24 * x, "third", 1e-13)


@pytest.mark.parametrize("length", [200])
def test_the_joint_graph_grows_in_proportion_to_the_program(length: int) -> None:
    def size(steps: int) -> int:
        loop = f"for k in 0:{steps} {{ h_{{k+1}} = tanh(h_{{k}} @ W) }}"
        return len(differentiate(graphc.parse(f"input x[3], W[3, 3]\nh_0 = x\n{loop}\nL = sum(h_{steps})")))

    short, long = size(length), size(2 * length)
    assert long - short <= 1.05 * short


def test_nothing_is_differentiated_that_no_variable_needs() -> None:
    """The reverse pass walks the nodes between the variables and the loss, no others."""
    graph = graphc.parse("input X[5, 4]\nparam W[4, 3]\nA = exp(X) @ W\nL = sum(A)")
    joint = differentiate(graph)
    rules = {node.origin.rule for node in joint if node.origin and node.origin.rule}
    assert "exp" not in rules
    assert "matmul" in rules


def test_an_adjoint_asked_again_adds_nothing() -> None:
    builder = Builder()
    x = builder.add("argument", (), {"name": "x"}, type=Type((dim(3),)))
    y = builder.add("exp", [x])
    L = builder.add("sum", [y], {"axis": None, "keepdims": False})
    adjoint = Adjoint(builder, {L: builder.const(1.0)})
    first = adjoint.gradients([x])
    before = len(builder.nodes)
    assert adjoint.gradients([x]) == first
    assert len(builder.nodes) == before
