"""Generated modules under another NumPy, where nothing of graphc is installed.

    python tests/other_numpy.py write FOLDER     compiles every example, in float64 and float32, with its results
    python tests/other_numpy.py check FOLDER     runs the modules (numpy alone is needed) and compares

`.ci/run` writes with the newest NumPy and checks with the oldest that is supported.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

TOLERANCE = {"float64": 1e-9, "float32": 2e-3}
EXAMPLES = Path(__file__).parent.parent / "examples"


def load(path: Path) -> Any:
    """A module from its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def results(module: Any, sample: dict[str, Any]) -> dict[str, Any]:
    """Outputs and gradients by name, cotangents being ones."""
    outputs, cache = module.forward(*sample.values())
    values = outputs if len(module.OUTPUTS) > 1 else (outputs,)
    found = {f"value {name}": value for name, value in zip(module.OUTPUTS, values, strict=True)}
    try:
        gradients = module.backward(cache)
    except TypeError:  # no scalar loss: a cotangent for each floating output
        gradients = module.backward(cache, *(np.ones_like(v) for v in values if v.dtype.kind == "f"))
    found.update({f"gradient {name}": value for name, value in gradients.items()})
    if hasattr(module, "step"):
        found.update({f"new {name}": value for name, value in module.step(*sample.values()).items()})
    return found


def write(folder: Path) -> int:
    """Compile the examples and store arguments and results beside the modules; the number of modules."""
    import graphc
    from graphc.verify.sampling import samples

    count = 0
    for program in sorted(EXAMPLES.rglob("*.g")):
        text = program.read_text(encoding="utf-8")
        try:
            graph = graphc.parse(text)
        except graphc.GraphcError:  # definitions for others to import, or a program that imports them
            continue
        module = graphc.load(program)
        sample = next(iter(samples(graphc.differentiate(graph), seed=1)))
        name = "_".join(program.relative_to(EXAMPLES).with_suffix("").parts)
        (folder / f"{name}.py").write_text(graphc.compile(text), encoding="utf-8")
        for dtype in TOLERANCE:
            cast = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in sample.items()}
            arrays = {f"argument {k}": v for k, v in cast.items()}
            np.savez(folder / f"{name}.{dtype}.npz", **arrays, **results(module, cast))
        count += 1
    return count


def check(folder: Path) -> int:
    """Compare every module's results with the stored ones; the number of modules."""
    modules = sorted(folder.glob("*.py"))
    for path in modules:
        module = load(path)
        for dtype, tolerance in TOLERANCE.items():
            stored = dict(np.load(folder / f"{path.stem}.{dtype}.npz"))
            sample = {k.removeprefix("argument "): v for k, v in stored.items() if k.startswith("argument ")}
            for name, value in results(module, sample).items():
                wanted = stored[name]
                assert value.dtype == wanted.dtype, f"{path.stem} {dtype}: {name} is {value.dtype}, not {wanted.dtype}"
                assert value.shape == wanted.shape, f"{path.stem} {dtype}: {name} has shape {value.shape}"
                # A sampled state may leave the domain (a negative variance): then both are nan.
                np.testing.assert_allclose(value, wanted, tolerance, tolerance, err_msg=f"{path.stem} {dtype}: {name}")
    return len(modules)


if __name__ == "__main__":
    action, folder = sys.argv[1], Path(sys.argv[2])
    number = {"write": write, "check": check}[action](folder)
    assert number > 0, "no module"
    print(f"{action}: {number} modules with NumPy {np.__version__}")
