"""The digits example, as its README says it: compile, train, and read 96 % or more on images held out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from command import graphc_command
from modules import run_without_compiler

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
MODELS = ("net", "svm")
TRAIN = "import runpy, sys; sys.argv[0] = 'train.py'; runpy.run_path('train.py', run_name='__main__')"


def copy_of_the_example(folder: Path) -> Path:
    """The example without modules that someone generated in the repository."""
    generated = shutil.ignore_patterns(*(f"{model}.py" for model in MODELS), "__pycache__")
    return Path(shutil.copytree(EXAMPLE, folder / "digits", ignore=generated))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example with both programs compiled."""
    folder = copy_of_the_example(tmp_path_factory.mktemp("example"))
    for model in MODELS:
        done = graphc_command("compile", f"digits/{model}.g", cwd=folder.parent)
        assert done.returncode == 0, done.stderr
        assert (folder / f"{model}.py").exists()
    return folder


@pytest.mark.parametrize("model", MODELS)
def test_training_reaches_96_percent(model: str, digits: Path) -> None:
    done = run_without_compiler(TRAIN, digits, model)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = re.search(r"^accuracy on the 360 held-out images: (\d+\.\d)%$", done.stdout, re.MULTILINE)
    assert found, done.stdout
    assert float(found[1]) >= 96.0


def test_the_loss_falls_and_is_drawn(digits: Path) -> None:
    done = run_without_compiler(TRAIN, digits, "--epochs", "10")
    losses = [float(loss) for loss in re.findall(r"loss (\d+\.\d+)", done.stdout)]
    assert len(losses) == 10
    assert losses[-1] < losses[0] / 2
    curve = [line.partition("│")[2] for line in done.stdout.splitlines() if "│" in line]
    assert len(curve) == 10
    assert all(any("⠀" < cell <= "⣿" for cell in line) for line in curve), "the curve has a gap"
    assert curve[0][0] != "⠀", "it starts at the top"
    assert curve[-1][-1] != "⠀", "and ends at the bottom"


def test_a_terminal_without_unicode_gets_ascii(digits: Path) -> None:
    script = "import sys; sys.stdout.reconfigure(encoding='ascii'); " + TRAIN
    done = run_without_compiler(script, digits, "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert sum("|" in line for line in done.stdout.splitlines()) == 10


@pytest.mark.parametrize("model", MODELS)
def test_without_the_module_it_says_what_to_run(model: str, tmp_path: Path) -> None:
    folder = copy_of_the_example(tmp_path)
    done = run_without_compiler(TRAIN, folder, model)
    assert done.returncode == 1
    assert f"graphc compile {model}.g" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_data_are_the_1797_images() -> None:
    with np.load(EXAMPLE / "digits.npz") as file:
        images, labels = file["images"], file["labels"]
    assert (images.shape, images.dtype, images.max()) == ((1797, 8, 8), np.uint8, 16)
    # As the data set's own description counts them.
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert int(images.sum(dtype=np.int64)) == 561718  # of all pixels in the original table
