"""One factorisation where there were three: of a matrix whose inverse is needed, systems are solved by the inverse."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, body, compiled, hold

SPD = array(4, 4) @ array(4, 4).T + 3 * np.eye(4)
PLAIN = array(4, 4, seed=1) + 3 * np.eye(4)  # not symmetric
GAUSS = "param K[n, n], y[n]\nL = 0.5 * sum(y * solve(K, y)) + 0.5 * logdet(K)"


def text_of(program: str, level: int) -> str:
    return "\n".join(body(program, "forward", level) + body(program, "backward", level))


@pytest.mark.parametrize("level", [1, 2])
def test_a_gaussian_process_inverts_its_matrix_once(level: int) -> None:
    found = text_of(GAUSS, level)
    assert found.count("np.linalg.inv") == 1 and "np.linalg.solve" not in found
    assert "np.linalg.solve" in text_of(GAUSS, 0)


@pytest.mark.parametrize("K", [SPD, PLAIN, SPD[:1, :1], np.eye(2)], ids=["spd", "plain", "one", "identity"])
@pytest.mark.parametrize("program", [
    GAUSS,
    "param K[n, n], y[n]\nL = sum(sin(solve(K, y))) + sum(tanh(solve(K.T, y))) + logdet(K)",
    "param K[n, n], y[n]\nB = outer(y, y) + K\nL = sum(sin(solve(K, B))) + sum(solve(K.T, B)**2) + sum(inv(K)**2)",
    "param K[n, n], y[n]\nL = sum(y * solve(K @ K.T + 2 * eye(n), y)) + logdet(K @ K.T + 2 * eye(n))",
])  # fmt: skip
def test_gradients_are_those_of_the_literal_derivation(program: str, K: np.ndarray) -> None:  # type: ignore[type-arg]
    given = {"K": K, "y": array(len(K), seed=2)}
    hold(program, given, levels=(0, 1, 2))
    value, expected = compiled(program, 0).value_and_grad(**given)
    for level in (1, 2):
        module = compiled(program, level)
        for more in ({}, {"workspace": module.Workspace(**given)} if level == 2 else {}):
            found, gradients = module.value_and_grad(**given, **more)
            np.testing.assert_allclose(found, value, rtol=1e-10)
            for name, gradient in expected.items():
                np.testing.assert_allclose(gradients[name], gradient, rtol=1e-9, atol=1e-11)


def test_of_no_equations_and_of_a_singular_matrix() -> None:
    for level in (0, 1, 2):
        value, gradients = compiled(GAUSS, level).value_and_grad(np.zeros((0, 0)), np.zeros(0))
        assert value == 0 and gradients["K"].shape == (0, 0) and gradients["y"].shape == (0,)
        with pytest.raises(np.linalg.LinAlgError):
            compiled(GAUSS, level).value_and_grad(np.zeros((2, 2)), np.ones(2))


def test_other_systems_are_solved() -> None:
    """Where no inverse is needed, or that of another matrix, and where matrices are stacked."""
    alone = "param K[n, n], y[n]\nL = sum(y * solve(K, y))"
    other = "param K[n, n], y[n]\nL = sum(y * solve(K, y)) + logdet(K + eye(n))"
    stacked = "param K[m, n, n], B[m, n, k]\nL = sum(solve(K, B)**2) + sum(logdet(K))"
    for program in (alone, other, stacked):
        assert "np.linalg.solve" in text_of(program, 1)
    hold(stacked, {"K": np.stack([SPD, PLAIN]), "B": array(2, 4, 3)}, levels=(0, 1, 2))


@pytest.mark.parametrize("steep", [1e3, 1e6, 1e9])
def test_the_error_is_within_the_bound_of_a_solution(steep: float) -> None:
    """For a matrix of this condition number: what a solution by the factorisation is bounded by, too."""
    q, _ = np.linalg.qr(array(12, 12))
    K = q @ np.diag(np.geomspace(1, 1 / steep, 12)) @ q.T
    y = K @ np.ones(12)
    program = "param K[n, n], y[n]\nx = solve(K, y)\nL = sum(x) + logdet(K)\noutput x, L\nloss L"
    assert "np.linalg.solve" not in text_of(program, 1)
    bound = 12 * steep * np.finfo(float).eps
    (x, _), _ = compiled(program, 1).forward(K, y)
    assert np.abs(np.linalg.solve(K, y) - 1).max() <= bound
    assert np.abs(x - 1).max() <= bound
