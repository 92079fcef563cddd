"""Writes the derivations beside this file: `python make.py`. A test holds them against what graphc derives now."""

from __future__ import annotations

from pathlib import Path

from graphc.cli import main

HERE = Path(__file__).parent
PROGRAMS = {"two_layer_net": "a4_two_layer", "bilinear_layer": "b12_bilinear", "multiclass_svm": "e3_multiclass_svm"}
FORMATS = {"text": "txt", "markdown": "md", "latex": "tex", "html": "html"}


def make(folder: Path) -> None:
    """Write each derivation in each format."""
    for name, program in PROGRAMS.items():
        for format, ending in FORMATS.items():
            target = folder / f"{name}.{ending}"
            source = HERE.parent / f"{program}.g"
            status = main(["derive", str(source), "--format", format, "-o", str(target), "--force"])
            assert status == 0, f"{program} cannot be derived"


if __name__ == "__main__":
    make(HERE)
