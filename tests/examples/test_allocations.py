"""The examples at -O2 in a workspace: a call after the first allocates no arrays, whichever function is called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from allocating import allocated, in_one_tile, small_buffers
from graphc.explain.formulas import order_of_sizes
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.pipeline import Options, joint_graph, lower_source
from graphc.verify.sampling import Sampler
from ops.running import quietly

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    str(path.relative_to(ROOT)): path
    for path in sorted([*ROOT.glob("examples/**/*.g"), *ROOT.glob("tests/benchmarks/programs/*.g")])
}
SIZES = (96, 24, 12)  # of every axis that has a name: the first with which no argument is too large
LARGEST = 50_000_000
ALLOWED = 45_000  # bytes: views, and NumPy's own buffers; an array of 96 by 96 has 74 KB
NUMPY_HAS_NO_FORM = {"examples/gaussian_process.g": "numpy.linalg makes its results and copies"}


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in NUMPY_HAS_NO_FORM])
def test_nothing_is_allocated(name: str) -> None:
    text, diagnostics = PROGRAMS[name].read_text(encoding="utf-8"), Diagnostics()
    joint = joint_graph(lower_source(Source(text, name), diagnostics), Options(level=2), diagnostics)
    for size in SIZES:
        sample = Sampler(joint, 0).at(dict.fromkeys(order_of_sizes(joint), size))
        if sample is not None and sum(np.asarray(value).nbytes for value in sample.values()) <= LARGEST:
            break
    assert sample is not None
    with quietly(), small_buffers():
        peaks = allocated(in_one_tile(text), {name: np.asarray(value) for name, value in sample.items()})
    assert max(peaks.values()) <= ALLOWED, peaks
