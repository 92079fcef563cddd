"""Undeclared nets: what is learned of an argument later in a program holds where it stands earlier."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, compiled, hold

RESIDUAL = {
    "behind a block": "H = relu(X@A)@B + X; L = sum((H@C)**2)",
    "before a block": "H = X + relu(X@A)@B; S = H + relu(H@C)@D; L = sum(S**2)",
    "shared weights": "H = X + relu(X@A)@B; S = H + relu(H@A)@B; L = sum(S**2)",
    "normalised": "H = layer_norm(X + relu(X@A)@B, g, b); L = sum((H + tanh(H@C)@D)**2)",
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
    with pytest.raises(ValueError, match="1"):
        compiled(RESIDUAL["behind a block"]).forward(X=array(5, 3), A=array(3, 4), B=array(4, 2), C=np.ones((3, 4)))
