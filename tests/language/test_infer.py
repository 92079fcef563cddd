"""Undeclared nets: what is learned of an argument later in a program holds where it stands earlier."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from ops.programs import array, compiled, hold

RESIDUAL = {
    "behind a block": "H = relu(X@A)@B + X; L = sum((H@C)**2)",
    "before a block": "H = X + relu(X@A)@B; S = H + relu(H@C)@D; L = sum(S**2)",
    "shared weights": "H = X + relu(X@A)@B; S = H + relu(H@A)@B; L = sum(S**2)",
    "normalised": "H = layer_norm(X + relu(X@A)@B, g, b); L = sum((H + tanh(H@C)@D)**2)",
}
SQUARE = {
    "symmetric": "B = (A + A.T)/2 + eye(shape(A)[0]); L = sum((B @ X)**2)",
    "normalised graph": "B = A + A.T; r = exp(B @ ones((shape(A)[0],))); L = sum((diag(r) @ B @ diag(r) @ X)**2)",
    "parts of a sum": "input x[3, D], h[3, H]\nparam W[D, 2*H]\na = x@W + h@U; L = sum((h*a[:, 0:H] + a[:, H:])**2)",
    "declared after it": "input V[3, K]\nH = X + relu(X@P)@Q; L = sum((H @ V)**2)",
}
WEIGHTS = {"X": array(5, 3), "A": array(3, 4), "B": array(4, 3), "C": array(3, 4, seed=1), "D": array(4, 3, seed=1),
           "g": array(3), "b": array(3, seed=1)}  # fmt: skip


@pytest.mark.parametrize("text", RESIDUAL.values(), ids=RESIDUAL)
def test_residual_connections_need_no_declarations(text: str) -> None:
    """The width of `relu(X@A)@B + X` was that of B while X was of any shape, and later perhaps that of X."""
    names = compiled(text).INPUTS
    hold(text, {name: WEIGHTS[name] for name in names}, levels=(0, 1, 2), single=False)


def test_a_block_of_one_column_broadcasts_as_in_numpy() -> None:
    hold(RESIDUAL["behind a block"], {**{k: WEIGHTS[k] for k in "XAC"}, "B": array(4, 1)}, single=False)
    with pytest.raises(ValueError, match=r"argument C: dimension 0 must be .* 2, not 3"):
        compiled(RESIDUAL["behind a block"]).forward(X=array(5, 3), A=array(3, 4), B=array(4, 2), C=np.ones((3, 4)))


@pytest.mark.parametrize("text", SQUARE.values(), ids=SQUARE)
def test_sizes_that_broadcast_to_one_that_is_asked_for_are_that_one(text: str) -> None:
    given = {"A": array(3, 3), "X": array(3, 3), "P": array(3, 2), "Q": array(2, 3), "V": array(3, 4), "x": array(3, 2),
             "h": array(3, 3), "W": array(2, 6), "U": array(3, 6)}  # fmt: skip
    module = compiled(text)
    hold(text, {name: given[name] for name in module.INPUTS + module.PARAMETERS}, levels=(0, 1, 2), single=False)
    wrong = next(name for name in "AQU" if name in module.INPUTS + module.PARAMETERS)
    with pytest.raises(ValueError, match=r"argument [AXUQ]: dimension \d must be .*, not [235]"):
        module.forward(**{name: given[name] for name in module.INPUTS + module.PARAMETERS} | {wrong: array(2, 5)})


@pytest.mark.parametrize("made", ["eye(2*shape(X)[0] + 1)", "ones((shape(X)[0], 3))", "arange(shape(exp(X))[1])"])
def test_a_size_of_an_argument_of_any_shape_asks_for_its_declaration(made: str) -> None:
    """It was "a tensor" that "must be known at compile time", or no `shape(x)[0]`."""
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"L = sum(X) + sum({made})")
    error = caught.value.errors[0]
    assert (error.code, error.help) == ("E0210", "declare its shape, for example `input X[N, D]`")
    graphc.compile(f"A = X @ ones((3, 2))\nL = sum(A) + sum({made})", verify=False)  # of two axes then


def test_of_a_program_that_is_wrong_either_way_the_first_mistake_met_is_told() -> None:
    """Taking sizes for equal put the blame on the residual connection, which is right, in place of `V.T`."""
    text = "input X[N, D], V[D, 10], y[N]: int\nH = relu(X@A)@B + X\nQ = relu(H@C)@E + H\nL = softmax_ce(Q @ V.T, y)"
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(text)
    assert [error.line for error in caught.value.errors] == [4]
