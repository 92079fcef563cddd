"""Whole networks: values and gradients of the generated modules against the same networks written with autograd.

The references know nothing of the compiler: each is the network once more, in the plainest NumPy that autograd takes.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

from command import graphc_command
from graphc.api import compile as compile_text
from modules import execute, run_without_compiler

EXAMPLES = Path(__file__).parents[2] / "examples"
LEVELS = (0, 1)
TYPES = (np.float64, np.float32)
TOLERANCE = {np.float64: 1e-10, np.float32: 3e-4}  # relative to the largest entry of each array

Arguments = dict[str, Any]


def softmax(scores: Any) -> Any:
    e = anp.exp(scores - anp.max(scores, axis=-1, keepdims=True))
    return e / anp.sum(e, axis=-1, keepdims=True)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + anp.exp(-x))


def logsumexp(x: Any) -> Any:
    return anp.log(anp.sum(anp.exp(x), axis=-1))


# ---------------------------------------------------------------- the networks once more


def convnet(a: Arguments) -> dict[str, Any]:
    def convolution(x: Any, w: Any, b: Any) -> Any:
        n, side = x.shape[0], x.shape[2]
        blank = anp.zeros((n, x.shape[1], 1, side))
        tall = anp.concatenate([blank, x, blank], axis=2)
        edge = anp.zeros((n, x.shape[1], side + 2, 1))
        wide = anp.concatenate([edge, tall, edge], axis=3)
        parts = [anp.einsum("ncij,oc->noij", wide[:, :, p : p + side, q : q + side], w[:, :, p, q])
                 for p in range(3) for q in range(3)]  # fmt: skip
        return sum(parts) + b[:, None, None]

    def pool(x: Any) -> Any:
        n, c, side, _ = x.shape
        return anp.max(anp.max(anp.reshape(x, (n, c, side // 2, 2, side // 2, 2)), axis=5), axis=3)

    first = pool(anp.maximum(convolution(a["X"], a["W1"], a["b1"]), 0))
    second = pool(anp.maximum(convolution(first, a["W2"], a["b2"]), 0))
    scores = anp.dot(anp.reshape(second, (len(a["X"]), -1)), a["W3"]) + a["b3"]
    return {"S": scores, "L": -anp.mean(anp.log(softmax(scores)[np.arange(len(a["y"])), a["y"]]))}


def transformer_block(a: Arguments) -> dict[str, Any]:
    def normalised(x: Any, gamma: Any, beta: Any) -> Any:
        mean = anp.mean(x, axis=-1, keepdims=True)
        variance = anp.mean((x - mean) ** 2, axis=-1, keepdims=True)
        return gamma * (x - mean) / anp.sqrt(variance + 1e-5) + beta

    X = a["X"]
    n, places, width = X.shape
    half = width // 2
    u = normalised(X, a["gamma1"], a["beta1"])
    seen = np.tril(np.ones((places, places)))
    samples = []
    for k in range(n):  # sample by sample and head by head
        heads = []
        for h in (slice(0, half), slice(half, width)):
            q, key, v = (anp.dot(u[k], a[w])[:, h] for w in ("Wq", "Wk", "Wv"))
            scores = anp.dot(q, key.T) / np.sqrt(half)
            e = anp.exp(scores - anp.max(scores)) * seen
            heads.append(anp.dot(e / anp.sum(e, axis=1, keepdims=True), v))
        samples.append(anp.dot(anp.concatenate(heads, axis=1), a["Wo"]))
    r = X + anp.array(samples)
    z = anp.dot(normalised(r, a["gamma2"], a["beta2"]), a["W1"]) + a["b1"]
    h = 0.5 * z * (1 + anp.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
    return {"Y": r + anp.dot(h, a["W2"]) + a["b2"]}


def lstm(a: Arguments) -> dict[str, Any]:
    n, steps, _ = a["X"].shape
    size = len(a["v"])
    h = c = anp.zeros((n, size))
    for t in range(steps):
        z = anp.dot(a["X"][:, t], a["Wx"]) + anp.dot(h, a["Wh"]) + a["b"]
        i, f, o = (sigmoid(z[:, k * size : (k + 1) * size]) for k in range(3))
        c = f * c + i * anp.tanh(z[:, 3 * size :])
        h = o * anp.tanh(c)
    prediction = anp.dot(h, a["v"]) + a["a"]
    return {"prediction": prediction, "L": anp.mean((prediction - a["target"]) ** 2)}


def vae(a: Arguments) -> dict[str, Any]:
    n = len(a["X"])
    e = anp.tanh(anp.dot(a["X"], a["W1"]) + a["b1"])
    mean = anp.dot(e, a["W_mean"]) + a["b_mean"]
    sigma = anp.exp(anp.dot(e, a["W_log"]) + a["b_log"])
    decoded = sigmoid(anp.dot(anp.tanh(anp.dot(mean + sigma * a["noise"], a["W2"]) + a["b2"]), a["W3"]) + a["b3"])
    reconstruction = -anp.sum(a["X"] * anp.log(decoded) + (1 - a["X"]) * anp.log(1 - decoded))
    divergence = anp.sum(0.5 * (mean**2 + sigma**2 - 1 - anp.log(sigma**2)))
    return {"L": (reconstruction + divergence) / n, "reconstruction": reconstruction, "divergence": divergence}


def gmm(a: Arguments) -> dict[str, Any]:
    n, size = a["X"].shape
    total = 0.0
    prior = 0.0
    scores = []
    for k in range(len(a["alpha"])):  # one normal distribution after the other
        diagonal = anp.exp(a["log_diagonal"][k])
        q = a["lower"][k] * np.tril(np.ones((size, size)), -1) + anp.diag(diagonal)
        distance = anp.sum(anp.dot(a["X"] - a["mean"][k], q.T) ** 2, axis=1)
        scores.append(a["alpha"][k] + anp.log(anp.linalg.det(q)) - distance / 2)
        prior = prior + a["gamma"] ** 2 / 2 * anp.sum(q**2) - a["m"] * anp.sum(a["log_diagonal"][k])
    total = anp.sum(logsumexp(anp.array(scores).T)) - n * logsumexp(a["alpha"])
    return {"L": total - prior}


def gaussian_process(a: Arguments) -> dict[str, Any]:
    X, n = a["X"], len(a["y"])
    difference = (X[:, None] - X[None]) / anp.exp(a["log_length"])
    kernel = anp.exp(2 * a["log_signal"]) * anp.exp(-anp.sum(difference**2, axis=2) / 2)
    covariance = kernel + anp.exp(2 * a["log_noise"]) * anp.eye(n)
    fit = anp.dot(a["y"], anp.dot(anp.linalg.inv(covariance), a["y"]))
    return {"L": (fit + anp.linalg.slogdet(covariance)[1] + n * np.log(2 * np.pi)) / 2}


def word2vec(a: Arguments) -> dict[str, Any]:
    total = 0.0
    for k, word in enumerate(a["word"]):  # pair by pair
        v = a["V"][word]
        total = total - anp.log(sigmoid(anp.dot(v, a["C"][a["context"][k]])))
        for other in a["others"][k]:
            total = total - anp.log(sigmoid(-anp.dot(v, a["C"][other])))
    return {"L": total / len(a["word"])}


def matrix_factorisation(a: Arguments) -> dict[str, Any]:
    total = 0.0
    for u, i, rating in zip(a["user"], a["item"], a["rating"], strict=True):  # rating by rating
        error = rating - anp.dot(a["P"][u], a["Q"][i]) - a["b"][u] - a["c"][i] - a["mean"]
        size = anp.sum(a["P"][u] ** 2) + anp.sum(a["Q"][i] ** 2) + a["b"][u] ** 2 + a["c"][i] ** 2
        total = total + error**2 + 0.02 * size
    return {"L": total}


# ---------------------------------------------------------------- their arguments


@dataclass(frozen=True)
class Network:
    """A reference, the shapes of the floating arguments, and what else is given; `scale` of the random numbers."""

    reference: Callable[[Arguments], dict[str, Any]]
    shapes: dict[str, tuple[int, ...]]
    integers: dict[str, tuple[int, tuple[int, ...]]]  # name -> how many there are, shape
    inputs: tuple[str, ...]  # floating, and without a gradient
    loss: str | None = "L"
    scale: float = 0.5


NETWORKS = {
    "convnet": Network(
        convnet,
        {"X": (3, 1, 8, 8), "W1": (2, 1, 3, 3), "b1": (2,), "W2": (4, 2, 3, 3), "b2": (4,), "W3": (16, 5), "b3": (5,)},
        {"y": (5, (3,))}, ("X",),
    ),
    "transformer_block": Network(
        transformer_block,
        {"X": (2, 5, 6), "gamma1": (6,), "beta1": (6,), "Wq": (6, 6), "Wk": (6, 6), "Wv": (6, 6), "Wo": (6, 6),
         "gamma2": (6,), "beta2": (6,), "W1": (6, 7), "b1": (7,), "W2": (7, 6), "b2": (6,)},
        {}, ("X",), None,
    ),
    "lstm": Network(
        lstm,
        {"X": (4, 5, 3), "target": (4,), "Wx": (3, 8), "Wh": (2, 8), "b": (8,), "v": (2,), "a": ()},
        {}, ("X", "target"),
    ),
    "vae": Network(
        vae,
        {"X": (4, 6), "noise": (4, 2), "W1": (6, 5), "b1": (5,), "W_mean": (5, 2), "b_mean": (2,), "W_log": (5, 2),
         "b_log": (2,), "W2": (2, 5), "b2": (5,), "W3": (5, 6), "b3": (6,)},
        {}, ("X", "noise"),
    ),
    "gmm": Network(
        gmm,
        {"X": (7, 3), "gamma": (), "m": (), "alpha": (4,), "mean": (4, 3), "log_diagonal": (4, 3), "lower": (4, 3, 3)},
        {}, ("X", "gamma", "m"),
    ),
    "gaussian_process": Network(
        gaussian_process,
        {"X": (6, 2), "y": (6,), "log_length": (2,), "log_signal": (), "log_noise": ()},
        {}, ("X", "y"),
    ),
    "word2vec": Network(
        word2vec,
        {"V": (5, 3), "C": (5, 3)},
        {"word": (5, (6,)), "context": (5, (6,)), "others": (5, (6, 4))}, (),
    ),
    "matrix_factorisation": Network(
        matrix_factorisation,
        {"rating": (9,), "P": (4, 3), "Q": (5, 3), "b": (4,), "c": (5,), "mean": ()},
        {"user": (4, (9,)), "item": (5, (9,))}, ("rating",),
    ),
}  # fmt: skip


def arguments_of(network: Network, dtype: Any) -> Arguments:
    """Random arguments, such that float32 holds them exactly."""
    rng = np.random.default_rng(21)
    floating = {name: network.scale * rng.standard_normal(shape) for name, shape in network.shapes.items()}
    integers = {name: rng.integers(0, top, shape) for name, (top, shape) in network.integers.items()}
    return {**{name: value.astype(np.float32).astype(dtype) for name, value in floating.items()}, **integers}


def module(name: str, level: int) -> ModuleType:
    """The network compiled, its gradients verified."""
    return execute(compile_text((EXAMPLES / f"{name}.g").read_text(encoding="utf-8"), level=level), name)


def assert_close(have: Any, want: Any, dtype: Any, what: str) -> None:
    assert np.asarray(have).dtype == dtype, what
    assert np.shape(have) == np.shape(want), what
    error = np.max(np.abs(np.asarray(have, np.float64) - want))
    size = max(float(np.max(np.abs(want))), 1e-3)
    assert error <= TOLERANCE[dtype] * size, f"{what}: {error / size:.1e} of its size"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: t.__name__)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.filterwarnings("error")
def test_values_and_gradients(name: str, dtype: Any, level: int) -> None:
    network = NETWORKS[name]
    net = module(name, level)
    given, exact = arguments_of(network, dtype), arguments_of(network, np.float64)
    wanted = network.reference(exact)
    outputs, cache = net.forward(**given)
    assert tuple(wanted) == net.OUTPUTS
    for key, have in zip(wanted, outputs if len(wanted) > 1 else (outputs,), strict=True):
        assert_close(have, wanted[key], dtype, key)

    weights = {}
    if network.loss is None:
        rng = np.random.default_rng(3)
        weights = {k: rng.standard_normal(np.shape(v)).astype(np.float32).astype(dtype) for k, v in wanted.items()}
    gradients = net.backward(cache, *weights.values())
    parameters = [key for key in network.shapes if key not in network.inputs]
    assert sorted(gradients) == sorted(parameters)
    for key in parameters:

        def scalar(x: Any, key: str = key) -> Any:
            results = network.reference({**exact, key: x})
            if network.loss is not None:
                return results[network.loss]
            return sum(anp.sum(np.asarray(w, np.float64) * results[k]) for k, w in weights.items())

        assert_close(gradients[key], grad(scalar)(exact[key]), dtype, f"gradient of {key}")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_gradient_is_worth_comparing(name: str) -> None:
    """No parameter has a gradient of zeros, with which a comparison would say nothing."""
    network = NETWORKS[name]
    given = arguments_of(network, np.float64)
    outputs, cache = (net := module(name, 1)).forward(**given)
    gradients = net.backward(cache) if network.loss else net.backward(cache, np.cos(outputs))
    for key, gradient in gradients.items():
        assert np.max(np.abs(gradient)) > 1e-4, key


# ---------------------------------------------------------------- the training script and the list

TRAIN = "import runpy, sys; sys.argv[0] = 'train_convnet.py'; runpy.run_path('train_convnet.py', run_name='__main__')"


def copy_of_the_convnet(folder: Path) -> Path:
    for name in ("convnet.g", "train_convnet.py"):
        shutil.copy(EXAMPLES / name, folder)
    (folder / "digits").mkdir()
    shutil.copy(EXAMPLES / "digits" / "digits.npz", folder / "digits")
    return folder


def test_the_convnet_learns_the_digits(tmp_path: Path) -> None:
    folder = copy_of_the_convnet(tmp_path)
    done = graphc_command("compile", "convnet.g", cwd=folder)
    assert done.returncode == 0, done.stderr
    done = run_without_compiler(TRAIN, folder)
    assert done.returncode == 0, done.stderr
    found = re.search(r"^accuracy on the 360 held-out images: (\d+\.\d)%$", done.stdout, re.MULTILINE)
    assert found, done.stdout
    assert float(found[1]) >= 97.0


def test_without_the_module_the_script_says_what_to_run(tmp_path: Path) -> None:
    done = run_without_compiler(TRAIN, copy_of_the_convnet(tmp_path))
    assert done.returncode == 1
    assert "graphc compile convnet.g" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_list_of_examples_is_complete() -> None:
    """Every program under examples/ is named in its README, or its folder is; and nothing that does not exist."""
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))
    there = {path.name for path in EXAMPLES.glob("*.g")} | {path.name for path in EXAMPLES.glob("*.py")}
    generated = {path.with_suffix(".py").name for path in EXAMPLES.glob("*.g")}
    folders = {f"{path.parent.relative_to(EXAMPLES)}/" for path in EXAMPLES.rglob("*.g") if path.parent != EXAMPLES}
    assert (there - generated) | folders <= listed
    assert all((EXAMPLES / name).exists() for name in listed)
