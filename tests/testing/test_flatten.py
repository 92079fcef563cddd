"""A module as a function of one vector: what optimisers do with it is what they do with a function written by hand."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import check_grad

import graphc

EXAMPLE = Path(__file__).parents[2] / "examples" / "logistic" / "fit.py"


def test_logistic_regression_is_that_of_scikit_learn(capsys: pytest.CaptureFixture[str]) -> None:
    from sklearn.linear_model import LogisticRegression

    example = runpy.run_path(str(EXAMPLE))
    X, y = example["load_data"]()
    X, y = X[:400], y[:400]
    parameters = example["fit"](X, y)
    other = LogisticRegression(C=1.0, solver="newton-cg", tol=1e-9, max_iter=1000).fit(X, y)
    assert np.abs(parameters["W"].T - other.coef_).max() <= 1e-4
    # The loss does not change when all biases grow alike: only their differences are determined.
    assert np.abs(parameters["b"] - parameters["b"].mean() - other.intercept_ + other.intercept_.mean()).max() <= 1e-4
    example["main"]()
    said = capsys.readouterr().out
    assert float(said.split()[-1].rstrip("%")) >= 90


def test_the_gradient_is_that_of_the_value() -> None:
    net = graphc.load("input x[n]\nparam A[m, n], c[]\nL = sum(tanh(A@x)*c)\nloss L\n")
    rng = np.random.default_rng(0)
    flat = graphc.flatten(net, x=rng.normal(size=3))
    theta = flat.pack({"A": rng.normal(size=(2, 3))}, c=0.7)
    assert theta.shape == (7,)
    assert check_grad(lambda t: flat.fun(t)[0], lambda t: flat.fun(t)[1], theta) <= 1e-6


def test_pack_and_unpack() -> None:
    net = graphc.load("param A[m, n], c[]\nL = sum(A)*c\nloss L\n")
    flat = graphc.flatten(net)
    with pytest.raises(RuntimeError, match="pack"):
        flat.unpack(np.zeros(7))
    A = np.arange(6.0).reshape(2, 3)
    theta = flat.pack(A=A, c=4)
    back = flat.unpack(theta)
    assert np.array_equal(back["A"], A)
    assert back["c"].shape == ()
    assert back["c"] == 4
    back["A"][:] = 0
    assert np.array_equal(flat.unpack(theta)["A"], A)
    with pytest.raises(ValueError, match="7 numbers"):
        flat.unpack(theta[:-1])
    with pytest.raises(TypeError, match="A, c"):
        flat.pack(A=A)


def test_more_outputs_than_the_loss_and_names_that_python_keeps() -> None:
    net = graphc.load("input lambda[]\nparam w[n]\noutput S, L\nS = w**2\nL = sum(S)*lambda\nloss L\n")
    flat = graphc.flatten(net, **{"lambda": 3.0})
    value, gradient = flat.fun(flat.pack(w=np.ones(4)))
    assert value == 12
    assert np.array_equal(gradient, np.full(4, 6.0))


def test_what_cannot_be_flattened() -> None:
    net = graphc.load("input x[n]\nparam w[n]\nL = sum(x*w)\nloss L\n")
    with pytest.raises(TypeError, match="no argument z"):
        graphc.flatten(net, z=1)
    with pytest.raises(TypeError, match="no argument is left"):
        graphc.flatten(net, x=np.ones(2), w=np.ones(2))
    flat = graphc.flatten(net)
    with pytest.raises(TypeError, match="no gradient of x"):
        flat.fun(flat.pack(x=np.ones(2), w=np.ones(2)))
    with pytest.raises(TypeError, match="no scalar loss"):
        graphc.flatten(graphc.load("param w[n]\nY = 2*w\n"))


def test_a_loss_whose_cotangent_has_another_name() -> None:
    net = graphc.load("L = sum(dL * lambda * lambda_)", verify=False)
    flat = graphc.flatten(net, dL=np.array([2.0, 3.0]), **{"lambda": np.array([1.0, 4.0])})
    value, gradient = flat.fun(flat.pack(lambda_=np.array([5.0, 6.0])))
    assert value == 82 and np.array_equal(gradient, [2.0, 12.0])
