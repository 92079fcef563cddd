"""The generated modules as an implementation of the workloads: `make(workload, inputs) -> fn() -> (value, gradients)`.

The level is taken from the environment variable GRAPHC_LEVEL (1 by default). With GRAPHC_WORKSPACE=1 an -O2 module
works in memory that is allocated once, with GRAPHC_THREADS=2 on two threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import graphc

PROGRAMS = Path(__file__).parent / "programs"
FILES = {
    "W1:tiny": "w1_two_layer.g", "W1:cifar": "w1_two_layer.g", "W1:large": "w1_two_layer.g", "W1:deep": "w1_deep.g",
    "W2": "w2_gelu_norm.g", "W4": "w4_attention.g", "W5": "w5_lstm.g", "W7": "w7_conv.g",
}  # fmt: skip
WRT = {
    "W1:deep": [f"W{i}" for i in range(1, 10)] + [f"b{i}" for i in range(1, 10)],
    "W2": ["X", "g", "b"], "W4": ["Wq", "Wk", "Wv", "Wo"], "W5": ["Wx", "Wh", "b"], "W7": ["Wc", "bc", "Wf", "bf"],
}  # fmt: skip


def make(
    workload: str, inputs: Mapping[str, Any], level: int | None = None, workspace: bool | None = None
) -> Callable[[], tuple[Any, list[Any]]]:
    """A function that computes value and gradients of a workload, the gradients in the workload's order."""
    level = int(os.environ.get("GRAPHC_LEVEL", "1")) if level is None else level
    threads = int(os.environ.get("GRAPHC_THREADS", "1")) if level == 2 else 1
    module = graphc.load(PROGRAMS / FILES[workload], level=level, verify=False, threads=threads)
    names = [*module.INPUTS, *module.PARAMETERS]
    key = {name: name.replace("_", "") for name in names}
    arguments = {name: inputs[key[name]] for name in names}
    wrt = WRT.get(workload, ["W1", "W2", "b1", "b2"])
    order = [next(name for name in names if key[name] == wanted) for wanted in wrt]
    if os.environ.get("GRAPHC_WORKSPACE") == "1" if workspace is None else workspace:
        arguments["workspace"] = module.Workspace(**arguments)

    def run() -> tuple[Any, list[Any]]:
        value, gradients = module.value_and_grad(**arguments)
        return value, [gradients[name] for name in order]

    return run
