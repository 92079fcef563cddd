"""Train a convolutional network on handwritten digits with a module that graphc generated.

    graphc compile examples/convnet.g
    python examples/train_convnet.py

NumPy and the generated `convnet.py` are all it needs: graphc may be uninstalled by now. The images are those of
`examples/digits`.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np

HERE = Path(__file__).resolve().parent
HELD_OUT = 360  # of 1,797 images: about one in five
CHANNELS = 16, 32
CLASSES = 10
BATCH = 32
ETA, MOMENTUM = 0.05, 0.9

Arrays = dict[str, np.ndarray]


def main() -> int:
    parser = argparse.ArgumentParser(description="Train a convolutional network on handwritten digits.")
    parser.add_argument("--epochs", type=int, default=12, help="passes over the training images (default: 12)")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the start and the order (default: 0)")
    args = parser.parse_args()

    convnet = load_module(HERE / "convnet.py")
    if convnet is None:
        source = os.path.relpath(HERE / "convnet.g")
        print(f"convnet.py is missing; generate it with\n\n    graphc compile {source}\n", file=sys.stderr)
        return 1

    rng = np.random.default_rng(args.seed)
    train, held_out = load_data(rng)
    parameters = start(rng)
    velocities = {name: np.zeros_like(value) for name, value in parameters.items()}
    print(f"{len(train['y'])} images to learn from, {len(held_out['y'])} held out")
    began = time.perf_counter()
    for epoch in range(args.epochs):
        eta = ETA * (1 + math.cos(math.pi * epoch / args.epochs)) / 2  # smaller and smaller (Loshchilov, Hutter 2017)
        order = rng.permutation(len(train["y"]))
        for k in range(0, len(order), BATCH):
            rows = order[k : k + BATCH]
            _, grads = convnet.value_and_grad(train["X"][rows], train["y"][rows], **parameters)
            for name, gradient in grads.items():
                velocities[name] = MOMENTUM * velocities[name] + gradient
                parameters[name] -= eta * velocities[name]
        loss, accuracy = evaluate(convnet, train, parameters)
        print(f"epoch {epoch + 1:2}/{args.epochs}  loss {loss:.4f}  accuracy {accuracy:.1%}", flush=True)
    _, accuracy = evaluate(convnet, held_out, parameters)
    print(f"accuracy on the {len(held_out['y'])} held-out images: {accuracy:.1%}")
    print(f"{time.perf_counter() - began:.1f} s")
    return 0


def load_module(path: Path) -> ModuleType | None:
    """The generated module, or None if it has not been generated."""
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_data(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """Training and held-out images with one channel, numbers from 0 to 1, in an order that `rng` shuffles."""
    with np.load(HERE / "digits" / "digits.npz") as file:
        images, labels = file["images"], file["labels"]
    order = rng.permutation(len(labels))
    X = images[order, None].astype(np.float32) / 16
    y = labels[order].astype(np.int64)
    return {"X": X[HELD_OUT:], "y": y[HELD_OUT:]}, {"X": X[:HELD_OUT], "y": y[:HELD_OUT]}


def start(rng: np.random.Generator) -> Arrays:
    """Parameters before training: weights scaled for relu (He et al. 2015), biases zero."""

    def weights(*shape: int, inputs: int) -> np.ndarray:
        return rng.normal(0, math.sqrt(2 / inputs), shape).astype(np.float32)

    first, second = CHANNELS
    return {
        "W1": weights(first, 1, 3, 3, inputs=9),
        "b1": np.zeros(first, np.float32),
        "W2": weights(second, first, 3, 3, inputs=9 * first),
        "b2": np.zeros(second, np.float32),
        "W3": weights(4 * second, CLASSES, inputs=4 * second),
        "b3": np.zeros(CLASSES, np.float32),
    }


def evaluate(convnet: ModuleType, data: Arrays, parameters: Arrays) -> tuple[float, float]:
    """Mean loss and the share of images whose highest score is the right digit's."""
    outputs, _ = convnet.forward(X=data["X"], y=data["y"], **parameters)
    return float(outputs.L), float(np.mean(outputs.S.argmax(axis=1) == data["y"]))


if __name__ == "__main__":
    sys.exit(main())
