"""Train a two-layer classifier on handwritten digits with a module that graphc generated.

    graphc compile examples/digits/net.g
    python examples/digits/train.py

NumPy and the generated `net.py` (or `svm.py`) are all it needs: graphc may be uninstalled by now.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

HERE = Path(__file__).resolve().parent
HELD_OUT = 360  # of 1,797 images: about one in five
HIDDEN = 128
BATCH = 32
CLASSES = 10

Arrays = dict[str, np.ndarray]


def main() -> int:
    parser = argparse.ArgumentParser(description="Train a classifier of handwritten digits.")
    parser.add_argument("model", nargs="?", choices=["net", "svm"], default="net", help="net.g or svm.g (default: net)")
    parser.add_argument("--epochs", type=int, default=60, help="passes over the training images (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the start and the order (default: 0)")
    args = parser.parse_args()

    model = load_module(args.model)
    if model is None:
        source = os.path.relpath(HERE / f"{args.model}.g")
        print(f"{args.model}.py is missing; generate it with\n\n    graphc compile {source}\n", file=sys.stderr)
        return 1

    rng = np.random.default_rng(args.seed)
    train, held_out = load_data(rng)
    print(f"{args.model}: {len(train['y'])} images to learn from, {len(held_out['y'])} held out")

    parameters = start(rng)
    losses = [evaluate(model, train, parameters)[0]]
    for epoch in range(args.epochs):
        for rows in batches(rng, len(train["y"])):
            parameters = model.step(X=train["X"][rows], y=train["y"][rows], **parameters)
        loss, _ = evaluate(model, train, parameters)
        losses.append(loss)
        progress(epoch + 1, args.epochs, loss)

    print("\n" + "\n".join(picture(losses)) + "\n")
    _, accuracy = evaluate(model, held_out, parameters)
    print(f"accuracy on the {len(held_out['y'])} held-out images: {accuracy:.1%}")
    return 0


def load_module(name: str) -> ModuleType | None:
    """The generated module beside this script, or None if it has not been generated."""
    path = HERE / f"{name}.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_data(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """Training and held-out images as rows of numbers from 0 to 1, in an order that `rng` shuffles."""
    with np.load(HERE / "digits.npz") as file:
        images, labels = file["images"], file["labels"]
    order = rng.permutation(len(labels))
    X = images.reshape(len(images), -1)[order].astype(np.float32) / 16
    y = labels[order].astype(np.int64)
    return {"X": X[HELD_OUT:], "y": y[HELD_OUT:]}, {"X": X[:HELD_OUT], "y": y[:HELD_OUT]}


def start(rng: np.random.Generator) -> Arrays:
    """Parameters before training: weights scaled for relu (He et al. 2015), biases zero."""

    def weights(rows: int, columns: int) -> np.ndarray:
        return rng.normal(0, math.sqrt(2 / rows), (rows, columns)).astype(np.float32)

    return {
        "W1": weights(64, HIDDEN),
        "b1": np.zeros(HIDDEN, np.float32),
        "W2": weights(HIDDEN, CLASSES),
        "b2": np.zeros(CLASSES, np.float32),
    }


def batches(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Row numbers of one pass over `count` images, shuffled, in groups of `BATCH`; the last may be smaller."""
    order = rng.permutation(count)
    return [order[k : k + BATCH] for k in range(0, count, BATCH)]


def evaluate(model: ModuleType, data: Arrays, parameters: Arrays) -> tuple[float, float]:
    """Mean loss and the share of images whose highest score is the right digit's."""
    outputs, _ = model.forward(X=data["X"], y=data["y"], **parameters)
    return float(outputs.L), float(np.mean(outputs.S.argmax(axis=1) == data["y"]))


def encodable(preferred: str, fallback: str) -> str:
    """`preferred` if standard output's encoding has all its characters, else `fallback`."""
    try:
        preferred.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return fallback
    return preferred


def progress(done: int, total: int, loss: float) -> None:
    """A bar that redraws itself in a terminal; elsewhere ten plain lines."""
    status = f"epoch {done:{len(str(total))}}/{total}  loss {loss:.4f}"
    if sys.stdout.isatty():
        full, empty = encodable("█░", "#.")
        filled = 30 * done // total
        print(f"\r{full * filled}{empty * (30 - filled)}  {status}", end="\n" if done == total else "", flush=True)
    elif 10 * done // total > 10 * (done - 1) // total:
        print(status)


def picture(losses: list[float], width: int = 60, height: int = 10) -> list[str]:
    """The curve of the losses as `height` lines of text, its scale logarithmic."""
    if encodable("⣿", ""):
        dots_x, dots_y = 2, 4  # a Braille character is a grid of dots, and each dot a bit of its code point
        bits = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
        blank, glyph = 0x2800, chr
    else:
        dots_x, dots_y, bits = 1, 1, [[1]]
        blank, glyph = 0, " *".__getitem__

    top = max(losses)
    shown = [max(loss, top / 1000) for loss in losses]  # a loss of exactly 0 has no logarithm
    low, high = math.log(min(shown)), math.log(top)
    columns, rows = width * dots_x, height * dots_y
    across = np.linspace(0, len(losses) - 1, columns)
    curve = np.interp(across, range(len(losses)), np.log(shown))
    levels = np.rint((high - curve) / max(high - low, 1e-12) * (rows - 1)).astype(int)

    cells = [[blank] * width for _ in range(height)]
    above = levels[0]
    for x, y in enumerate(levels):
        # Join each dot to its neighbour, so that a steep fall is a line and not a scatter.
        for step in range(min(above, y), max(above, y) + 1):
            cells[step // dots_y][x // dots_x] |= bits[step % dots_y][x % dots_x]
        above = y

    labels = [f"{top:8.4f} ", *[" " * 9] * (height - 2), f"{min(shown):8.4f} "]
    side, corner, floor = encodable("│└─", "|+-")
    lines = [label + side + "".join(map(glyph, cells[row])) for row, label in enumerate(labels)]
    return [*lines, " " * 9 + corner + floor * width, f"{'loss':>8}  0{'epoch ' + str(len(losses) - 1):>{width - 1}}"]


if __name__ == "__main__":
    sys.exit(main())
