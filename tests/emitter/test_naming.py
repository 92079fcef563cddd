"""Names that meet each other in a generated module: each value keeps its own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import graphc
import graphc.emitter
from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.naming import RESERVED, argument_names, cotangent_names
from graphc.emitter.prelude import HELPERS
from ops.running import Program, close, named

PROGRAMS = [
    "y = lambda * lambda_", "y = lambda_ * lambda", "y = lambda * lambda_ * lambda__", "lambda = x*2; lambda_ = x*3",
    "y = dy * x", "dy = x * 2; y = dy * z", "dlambda_ = x*2; lambda = x*3; lambda_ = x*4", "y = cache * workspace * dy",
    "y = a * __x", "y = __x * __x_ * __x__", "type = x * 2", "count = x*2; index = x*3; index_2 = x*4; _ = x*5",
    "y = self * given * check * len * np * types * rows * own", "y = y_shape * x + tanh(N)", "y = shift * prod(x)",
]  # fmt: skip


@pytest.mark.parametrize("text", PROGRAMS)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_values_and_gradients_are_those_of_the_names(text: str, level: int) -> None:
    module = graphc.load(text, level=level, verify=False)
    rng = np.random.default_rng(3)
    program = Program(text, {name: rng.normal(size=(3,)) for name in module.INPUTS})
    arguments, cotangents = list(program.arguments.values()), list(program.cotangents.values())
    parameters = [name for name in inspect.signature(module.forward).parameters if name != "workspace"]
    called = dict(zip(parameters, arguments, strict=True))
    for given in [{}, *([{"workspace": module.Workspace(**called)}] if level == 2 else [])]:
        outputs, cache = module.forward(**called, **given)
        for have, (name, want) in zip(named(outputs), program.outputs.items(), strict=True):
            close(have, want, name)
        gradients = module.backward(cache, *cotangents, **given)
        for name, want in program.gradients.items():
            close(gradients[name], want, f"gradient of {name}")


def test_no_argument_hides_a_helper() -> None:
    """Whatever file defines it: an argument of that name would be called in its place."""
    for module in pkgutil.iter_modules(graphc.emitter.__path__, "graphc.emitter."):
        importlib.import_module(module.name)
    assert set(CHECK_HELPERS) | set(HELPERS) <= RESERVED


def test_a_taken_name_gets_underscores_until_it_is_free() -> None:
    assert argument_names(["lambda", "x"]) == ["lambda_", "x"]
    assert argument_names(["lambda", "lambda_", "lambda__"]) == ["lambda___", "lambda_", "lambda__"]
    assert cotangent_names(["y", "L"], ["x", "dy"]) == ["dy_", "dL"]


def test_a_name_is_not_private_to_a_class() -> None:
    """`class Workspace` would read `__x` as `_Workspace__x`, and `__x_` too."""
    assert argument_names(["__x"]) == ["__x__"]


def test_an_unnamed_argument_of_a_definition_is_called_as_it_calls_it() -> None:
    text = "def gated(z, u) { g = sigmoid(z); return g*u + z*z }\ny = gated(a + 2*b, a@K)"
    code = graphc.compile(text)
    assert "    z = a + 2 * b " in code
    assert "    aK = a @ K " in code  # a product's own name says more


def test_an_unnamed_result_is_called_after_its_operation() -> None:
    code = graphc.compile("param z[N], w[N]\nL = sum(sigmoid(z)*w + sqrt(w)*sigmoid(z)**2)")
    assert "    sigmoid_z = " in code
    assert "ratio" not in code


def test_words_are_not_doubled() -> None:
    code = graphc.compile("input s[N, K]\nL = sum(logsumexp(s, axis=1))")
    assert "total = np.maximum(e.sum(axis=1, keepdims=True), 1)" in code


def test_the_cotangents_of_unnamed_scores_and_products() -> None:
    code = graphc.compile("L = softmax_ce(relu(X@W1 + b1)@W2 + b2, y)")
    assert "    dS = P.copy()" in code
    code = graphc.compile("L = softmax_ce(H@W, y)")
    assert "    dHW = P.copy()" in code
    code = graphc.compile("S = exp(H)\nL = mse(H@S + b, T) + sum(S)")
    assert "    da = " in code


def test_a_name_of_the_program_is_not_lent_to_scores() -> None:
    code = graphc.compile("L = sum(S) + softmax_ce(X + 1, y); input S[N, C], X[N, C]; param W[N, C]; M = W*S")
    assert "    S = " not in code
