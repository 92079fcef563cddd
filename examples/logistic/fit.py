"""Fit logistic regression to handwritten digits with L-BFGS: the loss of `logistic.g` as a function of one vector.

    python examples/logistic/fit.py

Needs graphc, NumPy and SciPy; the data is that of `examples/digits`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import graphc

HERE = Path(__file__).resolve().parent
CLASSES = 10


def load_data() -> tuple[np.ndarray, np.ndarray]:
    """The images as rows of numbers from 0 to 1, and their labels."""
    with np.load(HERE.parent / "digits" / "digits.npz") as data:
        return data["images"].reshape(len(data["images"]), -1) / 16, data["labels"].astype(int)


def fit(X: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """The weights and biases of the least loss."""
    model = graphc.load(HERE / "logistic.g")
    flat = graphc.flatten(model, X=X, y=y)
    start = flat.pack(W=np.zeros((X.shape[1], CLASSES)), b=np.zeros(CLASSES))
    options = {"maxiter": 10000, "maxfun": 20000, "ftol": 0, "gtol": 1e-7}
    found = minimize(flat.fun, start, jac=True, method="L-BFGS-B", options=options)
    return flat.unpack(found.x)


def main() -> None:
    X, y = load_data()
    learnt, held_out = slice(0, 1400), slice(1400, None)
    parameters = fit(X[learnt], y[learnt])
    guess = (X[held_out] @ parameters["W"] + parameters["b"]).argmax(axis=1)
    print(f"accuracy on the {len(guess)} held-out images: {(guess == y[held_out]).mean():.1%}")


if __name__ == "__main__":
    main()
