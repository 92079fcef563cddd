"""Small programs compiled and held against NumPy: their values, their gradients, their floating type."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

import graphc
from modules import execute
from numerical import assert_gradients

__all__ = ["array", "body", "compiled", "error_of", "hold", "hold_in_workspace"]


def array(*shape: int, seed: int = 0) -> Any:
    """Numbers that are not near a kink of anything."""
    rng = np.random.default_rng([seed, *shape])
    return rng.uniform(0.2, 1.5, shape) * rng.choice([-1.0, 1.0], shape)


def compiled(text: str, level: int = 1, **options: Any) -> ModuleType:
    """The module of a program, not verified."""
    return execute(graphc.compile(text, level=level, verify=False, **options), "program")


def body(text: str, function: str = "forward", level: int = 1, **options: Any) -> list[str]:
    """The statements of a function of the module, without comments."""
    source = graphc.compile(text, level=level, verify=False, **options)
    match = re.search(rf"^def {function}\(.*?(?=^def |\Z)", source, re.MULTILINE | re.DOTALL)
    assert match is not None
    lines = [re.sub(r"\s+# .*$", "", line).strip() for line in match.group(0).splitlines()[1:]]
    return [line for line in lines if line and not line.startswith(("#", '"""'))]


def hold(
    text: str, arguments: Mapping[str, Any], expected: Callable[..., Any] | None = None, *,
    levels: tuple[int, ...] = (0, 1), rtol: float = 1e-7, step: float = 2e-3, gradient: bool = True,
    single: bool = True,
) -> None:
    """Check a program at each level: values against `expected(**arguments)`, gradients numerically, float32."""
    for level in levels:
        module = compiled(text, level)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            values = _forward(module, arguments)
            if expected is not None:
                wanted = expected(**arguments)
                wanted = wanted if isinstance(wanted, tuple) else (wanted,)
                assert len(wanted) == len(values), f"{len(values)} outputs, {len(wanted)} expected"
                for have, want in zip(values, wanted, strict=True):
                    assert np.shape(have) == np.shape(want), f"shape {np.shape(have)}, expected {np.shape(want)}"
                    np.testing.assert_allclose(have, want, rtol=1e-9, atol=1e-12)
            if gradient:
                _hold_gradients(module, arguments, values, rtol, step)
            if single:
                _hold_single(module, arguments, values, gradient)


def _forward(module: ModuleType, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
    outputs, _ = module.forward(**arguments)
    return tuple(outputs) if isinstance(outputs, tuple) else (outputs,)


def _cotangents(values: tuple[Any, ...]) -> list[Any]:
    floating = [v for v in values if np.asarray(v).dtype.kind == "f"]
    return [array(*np.shape(v), seed=7 + k) for k, v in enumerate(floating)]


def _backward(module: ModuleType, cache: Any, cotangents: list[Any]) -> dict[str, Any]:
    result: dict[str, Any] = module.backward(cache, *cotangents)
    return result


def _hold_gradients(
    module: ModuleType, arguments: Mapping[str, Any], values: tuple[Any, ...], rtol: float, step: float
) -> None:
    cotangents = _cotangents(values)
    _, cache = module.forward(**arguments)
    gradients = _backward(module, cache, cotangents)

    def value(**moved: Any) -> float:
        floating = [v for v in _forward(module, moved) if np.asarray(v).dtype.kind == "f"]
        return float(sum(np.vdot(c, v) for c, v in zip(cotangents, floating, strict=True)))

    assert gradients
    assert_gradients(value, arguments, gradients, rtol=rtol, step=step)


def _hold_single(
    module: ModuleType, arguments: Mapping[str, Any], values: tuple[Any, ...], gradient: bool
) -> None:
    def narrow(x: Any) -> Any:
        return np.asarray(x, np.float32) if np.asarray(x).dtype == np.float64 else x

    single = {name: narrow(x) for name, x in arguments.items()}
    outputs, cache = module.forward(**single)
    for value in outputs if isinstance(outputs, tuple) else (outputs,):
        assert np.asarray(value).dtype != np.float64, "float32 in, float64 out"
    if gradient:
        for name, value in _backward(module, cache, [narrow(c) for c in _cotangents(values)]).items():
            assert np.asarray(value).dtype == np.float32, f"the gradient of {name} is {np.asarray(value).dtype}"


def hold_in_workspace(fast: ModuleType, literal: ModuleType, given: Mapping[str, Any], tolerance: float) -> None:
    """What a module computes twice in one workspace against another module: its value, gradients to ten times that."""
    workspace = fast.Workspace(**given)
    want, gradients = literal.value_and_grad(**given)
    for _ in range(2):
        have, found = fast.value_and_grad(**given, workspace=workspace)
        assert abs(have - want) <= tolerance * max(1, abs(want))
        for name, gradient in gradients.items():
            off = np.abs(found[name] - gradient).max(initial=0)
            assert off <= 10 * tolerance * max(1, np.abs(gradient).max(initial=0))


def error_of(text: str) -> str:
    """What the compiler says of a program that is wrong."""
    try:
        graphc.compile(text, verify=False)
    except graphc.GraphcError as error:
        return str(error)
    raise AssertionError("the program compiles")
