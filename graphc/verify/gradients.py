"""The gradient check of a module before it is written: its `backward` against numerical derivatives of its `forward`.

In float64, along random directions, on several configurations of small sizes. A mismatch is an error that names the
variable, and the rule that made it. Where the numerical derivative itself is not to be trusted (two step sizes
disagree, or it is not a number) another point is tried, and if none serves the variable is reported as not checked.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from graphc.ir.graph import Graph
from graphc.language.diagnostics import Diagnostics
from graphc.verify.sampling import Sample, samples

__all__ = ["Report", "Row", "derivative", "deviation", "verify"]

TOLERANCE = 1e-5
CONFIGURATIONS = 4
ATTEMPTS = 40
SECONDS = 1.0


@dataclass
class Row:
    """One variable: the worst relative error over the directions tried, and what kept it from being checked."""

    name: str
    shape: str
    error: float = 0.0
    directions: int = 0
    ok: bool = True
    note: str = ""


@dataclass
class Report:
    """The outcome of a verification; `worst` is the largest relative error of all directions."""

    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def directions(self) -> int:
        return sum(row.directions for row in self.rows)

    @property
    def worst(self) -> float:
        return max((row.error for row in self.rows), default=0.0)

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows)


class Slope(NamedTuple):
    """A numerical derivative and an estimate of its error.

    `rough`: the step sizes disagree by more than rounding explains, so that it says nothing against another value.
    """

    value: float
    error: float
    rough: bool


def derivative(f: Callable[[float], float], magnitude: float = 1.0) -> Slope:
    """The derivative of f at 0, by extrapolated central differences."""
    best = Slope(float("nan"), float("inf"), True)
    for h in (1e-3, 1e-4, 2e-5):
        h *= magnitude
        wide, middle, narrow = ((f(s) - f(-s)) / (2 * s) for s in (h, h / 2, h / 4))
        first, second = (4 * middle - wide) / 3, (4 * narrow - middle) / 3
        noise = 4e-16 * (abs(f(h)) + abs(f(-h))) / h
        error = abs(first - second) + noise
        if np.isfinite(second) and error < best.error:
            best = Slope(second, error, abs(first - second) > TOLERANCE / 3 * abs(second) + 100 * noise)
        if best.error <= 1e-8 * max(1.0, abs(best.value)):
            break
    return best


def deviation(analytic: float, slope: Slope, terms: float) -> float:
    """The relative error of a directional derivative; nan where the numerical one is not to be trusted.

    `terms` is the sum of the sizes of what adds up to the analytic one.
    """
    scale = max(abs(analytic), abs(slope.value), 1e-3 * terms, 1e-7)
    if not (np.isfinite(slope.value) and np.isfinite(analytic)) or slope.error > TOLERANCE * scale / 3:
        return float("nan")
    off = abs(analytic - slope.value) / scale
    return float("nan") if off > TOLERANCE and slope.rough else off


def verify(
    joint: Graph,
    text: str,
    diagnostics: Diagnostics,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    patient: bool = False,
) -> Report:
    """Check the module `text` of a joint graph. Mismatches become errors, what cannot be checked warnings.

    A quick check stops after about a second; `patient` goes through all configurations.
    """
    from graphc.api import module_from
    from graphc.verify.rules import check_rules

    start = time.perf_counter()
    module = module_from(text, joint.file)
    report = Report([Row(name, str(joint[id].type)) for name, id in _variables(joint)])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        check_rules(joint, diagnostics, seed)
        if report.rows and not diagnostics.has_errors:  # a wrong rule explains every wrong gradient
            _check_all(_Program(joint, module), report, seed, sizes, start, patient)
    report.seconds = time.perf_counter() - start
    for row in report.rows:
        if not row.ok:
            _blame(joint, row, diagnostics, seed)
        elif not row.directions and not diagnostics.has_errors:
            diagnostics.warning(
                "W0402", f"the gradient of `{row.name}` was not checked: {row.note or 'no sample served'}", None
            )
    return report


def _variables(joint: Graph) -> Iterator[tuple[str, int]]:
    for name in joint.gradients:
        yield name, joint.values[name]


class _Program:
    """The module as a function of its arguments; intermediate variables are moved in the reference evaluator."""

    def __init__(self, joint: Graph, module: Any) -> None:
        self.joint = joint
        self.module = module
        self.arguments = {a.name for a in joint.arguments}
        self.expanded: Graph | None = None

    def gradients(self, sample: Sample, weights: dict[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """The gradients, and the weights of the outputs they are for (drawn if not given)."""
        outputs, cache = self.module.forward(*sample.values())
        if self.joint.loss:
            return self.module.backward(cache), {}
        values = list(outputs) if isinstance(outputs, tuple) else [outputs]
        by_name = dict(zip(self.joint.outputs, values, strict=True))
        rng = np.random.default_rng(7)
        weights = weights or {n: rng.standard_normal(np.shape(by_name[n])) for n in self.joint.cotangents}
        return self.module.backward(cache, *weights.values()), weights

    def value(self, sample: Sample, weights: dict[str, Any]) -> float:
        outputs, _ = self.module.forward(*sample.values())
        return self._scalar(outputs, weights)

    def _scalar(self, outputs: Any, weights: dict[str, Any]) -> float:
        values = list(outputs) if isinstance(outputs, tuple) else [outputs]
        by_name = dict(zip(self.joint.outputs, values, strict=True))
        if self.joint.loss:
            if self.joint.loss in by_name:
                return float(by_name[self.joint.loss])
            raise KeyError(self.joint.loss)
        return float(sum(np.sum(w * by_name[n]) for n, w in weights.items()))

    def reference(self) -> Graph:
        """The graph of the primitive operations, for what the module does not show."""
        from graphc.passes.expand import expand

        if self.expanded is None:
            outputs = dict(self.joint.outputs)
            if self.joint.loss:
                outputs[self.joint.loss] = self.joint.values[self.joint.loss]
            self.expanded = expand(self.joint.replace(gradients={}, updates={}, outputs=outputs), share=False)
        return self.expanded

    def moved(self, sample: Sample, weights: dict[str, Any], name: str, direction: Any) -> Callable[[float], float]:
        """The weighted output as a function of a step of one variable along a direction."""
        if name in self.arguments and not (self.joint.loss and self.joint.loss not in self.joint.outputs):
            return lambda t: self.value({**sample, name: sample[name] + t * direction}, weights)
        from graphc.ir.interpret import interpret

        graph = self.reference()
        id = graph.values[name]
        base = interpret(graph, sample, dict.fromkeys(graph.cotangents, 0.0))
        names = [self.joint.loss] if self.joint.loss else list(weights)

        def step(t: float) -> float:
            values = interpret(graph, sample, dict.fromkeys(graph.cotangents, 0.0), {id: base[id] + t * direction})
            out = {n: values[graph.values[n]] for n in names}
            return float(out[names[0]]) if self.joint.loss else float(sum(np.sum(weights[n] * out[n]) for n in names))

        return step


def _check_all(
    program: _Program, report: Report, seed: int, sizes: Mapping[str, int] | None, start: float, patient: bool
) -> None:
    done = 0
    large = len(program.joint) > 3000
    for attempt, sample in enumerate(samples(program.joint, seed, sizes)):
        late = time.perf_counter() - start > SECONDS
        if (
            done >= (1 if large else CONFIGURATIONS)
            or attempt >= ATTEMPTS
            or (late and not patient and (done or attempt > 4))
        ):
            break
        try:
            gradients, weights = program.gradients(sample, None)
        except (ValueError, FloatingPointError, np.linalg.LinAlgError, IndexError) as error:
            for row in report.rows:
                row.note = row.note or f"the program refuses the sampled arguments ({error})"
            continue
        if not _finite(gradients.values()):
            for row in report.rows:
                row.note = row.note or "its value is not finite at the sampled points"
            continue
        served = _check_sample(program, report, sample, gradients, weights, seed + attempt, start, patient, large)
        done += served


def _finite(arrays: Any) -> bool:
    return all(np.isfinite(a).all() for a in arrays)


def _check_sample(
    program: _Program,
    report: Report,
    sample: Sample,
    gradients: dict[str, Any],
    weights: dict[str, Any],
    seed: int,
    start: float,
    patient: bool,
    large: bool,
) -> bool:
    """One direction per variable; whether all of them served."""
    rng = np.random.default_rng(seed + 1000)
    served = True
    for k, row in enumerate(report.rows):
        if large and k and not patient and time.perf_counter() - start > SECONDS:
            row.note = row.note or "the program is large: the time for the check was used up"
            continue
        gradient = gradients[row.name]
        if gradient.size == 0:
            row.note = row.note or "it was empty in the sample"
            continue
        direction = rng.standard_normal(gradient.shape)
        try:
            slope = derivative(program.moved(sample, weights, row.name, direction))
        except (ValueError, FloatingPointError, np.linalg.LinAlgError, IndexError, KeyError) as error:
            row.note = row.note or f"a step leaves the domain ({error})"
            served = False
            continue
        analytic = float(np.sum(gradient * direction))
        off = deviation(analytic, slope, float(np.sum(np.abs(gradient * direction))))
        if np.isnan(off):
            row.note = row.note or "two step sizes give different numerical derivatives"
            served = False
            continue
        row.directions += 1
        row.error = max(row.error, off)
        if not off <= TOLERANCE:
            row.ok = False
    return served


def _blame(joint: Graph, row: Row, diagnostics: Diagnostics, seed: int) -> None:
    """The error for a wrong gradient: the variable, the value where it first goes wrong, the rule that made it."""
    from graphc.verify.rules import first_wrong

    wrong = first_wrong(joint, seed)
    message = f"the gradient of `{row.name}` is wrong: it differs from the numerical one by {row.error:.1e} (relative)"
    if wrong is None:
        diagnostics.error("E0403", message, None, help="this is a bug in graphc, not in your program: please report it")
        return
    node, place, error = wrong
    span = node.origin.span if node.origin else None
    value = f" at `{node.name}`" if node.name else ""
    diagnostics.error(
        "E0403",
        message,
        span,
        f"the rule of `{node.op}` is off by {error:.1e} here",
        notes=[(f"it first goes wrong{value}, in the gradient with respect to {place}", None)],
    )
