"""A case's program in the reference evaluator and as emitted modules, and what holds between them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

import graphc
from graphc.ir.interpret import interpret
from graphc.passes.expand import expand

__all__ = ["Program", "close", "failures", "quietly", "report"]


class Program:
    """A program's text and arguments: values and gradients by the reference evaluator, in float64."""

    def __init__(self, text: str, arguments: Mapping[str, Any]) -> None:
        self.text = text
        self.arguments = {name: np.asarray(value) for name, value in arguments.items()}
        graph = graphc.parse(text)
        self.joint = graphc.differentiate(graph)
        forward = expand(graph, share=False)
        values = interpret(forward, self.arguments)
        self.outputs = {name: np.asarray(values[id]) for name, id in forward.outputs.items()}
        targets = {name: np.asarray(values[forward.values[name]]) for name in self.joint.cotangents}
        rng = np.random.default_rng(5)
        self.cotangents = {
            name: rng.uniform(0.5, 1.5, value.shape) * rng.choice([-1.0, 1.0], value.shape)
            for name, value in targets.items()
        }
        reverse = expand(self.joint, share=False)
        values = interpret(reverse, self.arguments, self.cotangents)
        self.gradients = {name: np.asarray(values[id]) for name, id in reverse.gradients.items()}

    @property
    def finite(self) -> bool:
        return all(bool(np.isfinite(value).all()) for value in self.outputs.values())

    def weighted(self, outputs: Any) -> float:
        """The inner product of what `forward` returned with the cotangents: what the gradients are gradients of."""
        values = dict(zip(self.outputs, named(outputs), strict=True))
        return float(sum(np.sum(c * values[name]) for name, c in self.cotangents.items()))

    def value(self, module: ModuleType) -> Callable[..., float]:
        """That as a function of the arguments, through an emitted module."""
        return lambda **moved: self.weighted(module.forward(**moved)[0])


def named(outputs: Any) -> tuple[Any, ...]:
    """What `forward` returned, always as a tuple."""
    return tuple(outputs) if isinstance(outputs, tuple) else (outputs,)


@contextmanager
def quietly(loud: bool = False) -> Iterator[None]:
    """Warnings are errors if `loud`, else they pass: where a value is not finite NumPy itself warns."""
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error" if loud else "ignore")
        warnings.simplefilter("ignore", graphc.GraphcWarning)
        yield


def close(have: Any, want: Any, what: str, rtol: float = 1e-10, atol: float = 1e-11) -> None:
    """Assert that two arrays have one shape and agree to a tolerance; nan equals nan."""
    have, want = np.asarray(have), np.asarray(want)
    assert have.shape == want.shape, f"{what}: shape {have.shape}, expected {want.shape}"
    assert (have.dtype.kind == "f") == (want.dtype.kind == "f"), f"{what}: {have.dtype}, expected {want.dtype}"
    if not have.size:
        return
    a, b = have.astype(float), want.astype(float)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0.0, np.abs(a - b))
    finite = np.abs(b[np.isfinite(b)])
    tolerance = atol + rtol * float(finite.max(initial=0.0))
    err = float(off.max())
    shown = f"have {a.ravel()[:4]}, want {b.ravel()[:4]}"
    assert err <= tolerance, f"{what}: differs by {err:.2e}, allowed is {tolerance:.1e}; {shown}"


def failures(cases: Iterable[Any], check: Callable[[Any], None]) -> list[str]:
    """What a check says of the cases that fail it."""
    found = []
    for case in cases:
        try:
            check(case)
        except AssertionError as error:
            found.append(f"{case}\n    {str(error).partition(chr(10))[0]}")  # without pytest's picture of the arrays
        except Exception as error:  # a crash is a failure of the case, and the other cases still run
            found.append(f"{case}\n    {type(error).__name__}: {error}")
    return found


def report(found: Sequence[str], shown: int = 6) -> str:
    """The failures, the first few in full."""
    more = f"\n… and {len(found) - shown} more" if len(found) > shown else ""
    return f"{len(found)} failed:\n" + "\n".join(found[:shown]) + more
