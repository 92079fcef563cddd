"""The gradient check of a module before it is written: its `backward` against numerical derivatives of its `forward`.

In float64, along random directions, on several configurations of small sizes. A mismatch is an error that names the
variable, and the rule that made it. Where the numerical derivative itself is not to be trusted (two step sizes
disagree, or it is not a number) another point is tried, and if none serves the variable is reported as not checked.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphc.ir.graph import Graph
from graphc.language.diagnostics import Diagnostics
from graphc.verify.blame import blame, report_failure
from graphc.verify.numerical import TOLERANCE, derivative, deviation, doubt
from graphc.verify.program import Failure, Gradients, Program, Refusal
from graphc.verify.sampling import Sample, Sampler

__all__ = ["Report", "Row", "derivative", "verify"]

CONFIGURATIONS = 4
ATTEMPTS = 60
SECONDS = 1.0
"""After so long a quick check is content with one configuration, and takes the remaining variables together."""
HASTE = 10
"""So many attempts a quick check makes however long they take."""
LAST = 10.0
"""After so many seconds a quick check ends, with whatever it has."""
NEGLIGIBLE = 1e-10
"""The size of a gradient below which all are alike: no numerical derivative sees them."""
MOST_WARNINGS = 10
"""Of more variables that were not checked for the same reason one warning speaks."""
LARGE = 3000
"""Of a program with more operations one configuration must do."""


@dataclass
class Row:
    """One variable: the worst relative error over the directions tried; what kept it from being checked, how often."""

    name: str
    shape: str
    error: float = 0.0
    directions: int = 0
    ok: bool = True
    doubts: Counter[str] = field(default_factory=Counter)


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
    report = Report([Row(name, str(joint[joint.values[name]].type)) for name in joint.gradients])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        check_rules(joint, diagnostics, seed)
        if report.rows and not diagnostics.has_errors:  # a wrong rule explains every wrong gradient
            check = _Check(Program(joint, module_from(_widened(text), joint.file)), report.rows, seed, start, patient)
            try:
                check.run(Sampler(joint, seed, sizes))
            except Failure as failure:
                report_failure(failure, diagnostics)
    report.seconds = time.perf_counter() - start
    for row in report.rows:
        if not row.ok:
            blame(joint, row.name, row.error, diagnostics, seed)
    if not diagnostics.has_errors:
        _say_what_was_not_checked(joint, report.rows, diagnostics)
    return report


def _widened(text: str) -> str:
    """The module with its floating arguments taken as they come: what is declared float32 is checked in float64 too."""
    return text.replace('"float32"', '"float"')


def _say_what_was_not_checked(joint: Graph, rows: Sequence[Row], diagnostics: Diagnostics) -> None:
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if not row.directions and row.doubts:  # without a doubt it had no entries
            reasons.setdefault(row.doubts.most_common(1)[0][0], []).append(row.name)
    for why, names in reasons.items():
        for name in names if len(names) <= MOST_WARNINGS else names[:1]:
            origin = joint[joint.values[name]].origin
            which = f"the gradient of `{name}` was"
            if len(names) > MOST_WARNINGS:
                listed = ", ".join(f"`{other}`" for other in names[:3])
                which = f"the gradients of {listed} and {len(names) - 3} others were"
            diagnostics.warning("W0402", f"{which} not checked: {why}", origin.span if origin else None)


class _Check:
    """The rows filled in, sample by sample."""

    def __init__(self, program: Program, rows: list[Row], seed: int, start: float, patient: bool) -> None:
        self.program, self.rows, self.seed, self.start, self.patient = program, rows, seed, start, patient
        self.large = len(program.joint) > LARGE

    @property
    def late(self) -> bool:
        return not self.patient and time.perf_counter() - self.start > SECONDS

    @property
    def over(self) -> bool:
        return not self.patient and time.perf_counter() - self.start > LAST

    def run(self, sampler: Sampler) -> None:
        done = 0
        sampler_said = True
        for attempt, sample in enumerate(sampler):
            sampler_said = False
            enough = done >= (1 if self.large else CONFIGURATIONS)
            some = done or attempt >= HASTE or (self.large and any(row.directions for row in self.rows))
            if enough or attempt >= ATTEMPTS or (attempt and self.over) or (self.late and some):
                break
            try:
                gradients = self.program.gradients(sample)
            except Refusal as refusal:
                self._note_all(f"the program refuses the sampled arguments ({refusal})")
                continue
            if gradients.infinite:
                self._note_all(f"`{gradients.infinite}` is not finite at the sampled points")
                continue
            if self._sample(sample, gradients, np.random.default_rng(self.seed + attempt + 1000)):
                sampler.keep()
                done += 1
        if sampler_said:
            self._note_all(sampler.reason)

    def _note_all(self, note: str) -> None:
        for row in self.rows:
            row.doubts[note] += 1

    def _sample(self, sample: Sample, gradients: Gradients, rng: np.random.Generator) -> bool:
        """One direction per variable; whether all of them served."""
        rows = [row for row in self.rows if gradients.values[row.name].size]
        finite = []
        for row in rows:
            if np.isfinite(gradients.values[row.name]).all():
                finite.append(row)
            else:
                row.doubts["it is not finite at the sampled points"] += 1
        served = len(finite) == len(rows)
        for k, row in enumerate(finite):
            if k and self.late and row.name in self.program.arguments:
                rest = [r for r in finite[k:] if r.name in self.program.arguments]
                return self._together(rest, sample, gradients, rng) and served
            gradient = gradients.values[row.name]
            direction = rng.standard_normal(gradient.shape)
            served &= _enter(row, *self._deviation({row.name: direction}, sample, gradients))
        return served

    def _together(self, rows: list[Row], sample: Sample, gradients: Gradients, rng: np.random.Generator) -> bool:
        """All the variables along few directions, in which each has the same weight; a mismatch is tracked down.

        What has a gradient a thousand times as large goes by itself: to have the weight of the others, the variables
        with the smallest gradients would move so far that the program is another one there.
        """
        sizes = {row.name: max(float(np.linalg.norm(gradients.values[row.name])), NEGLIGIBLE) for row in rows}
        alike: list[list[Row]] = []
        for row in sorted(rows, key=lambda row: sizes[row.name]):
            if not alike or not sizes[row.name] <= 1e3 * sizes[alike[-1][0].name]:
                alike.append([])
            alike[-1].append(row)
        served = True
        for group in alike:
            weight = sizes[group[0].name]
            directions = {
                row.name: rng.standard_normal(np.shape(gradients.values[row.name])) * (weight / sizes[row.name])
                for row in group
            }
            served &= self._group(group, directions, sample, gradients)
        return served

    def _group(self, rows: list[Row], directions: Sample, sample: Sample, gradients: Gradients) -> bool:
        off, why = self._deviation(directions, sample, gradients)
        if off > TOLERANCE:
            self._track_down(rows, directions, sample, gradients)
            for row in rows:
                row.doubts["it differs from the numerical one along all variables at once, and not alone"] += 1
            return False
        entered = [_enter(row, off, why) for row in rows]
        return all(entered)

    def _track_down(self, rows: list[Row], directions: Sample, sample: Sample, gradients: Gradients) -> None:
        """Which of the variables is it? The joint direction has shown that one is wrong; halves of it show which."""
        while len(rows) > 1:
            half = rows[: len(rows) // 2]
            off, _ = self._deviation({row.name: directions[row.name] for row in half}, sample, gradients)
            rows = half if off > TOLERANCE else rows[len(rows) // 2 :]
        _enter(rows[0], *self._deviation({rows[0].name: directions[rows[0].name]}, sample, gradients))

    def _deviation(self, directions: Sample, sample: Sample, gradients: Gradients) -> tuple[float, str]:
        """The relative error of the gradients along the directions; nan where it cannot be told, and why."""
        try:
            slope = derivative(self.program.moved(sample, gradients.weights, directions))
        except Refusal as refusal:
            return float("nan"), f"a step leaves the domain ({refusal})"
        products = [gradients.values[name] * direction for name, direction in directions.items()]
        analytic = float(sum(np.sum(p) for p in products))
        terms = float(sum(np.sum(np.abs(p)) for p in products))
        off = deviation(analytic, slope, terms)
        if np.isnan(off):
            return off, doubt(analytic, slope, terms)
        if off > TOLERANCE and not self._steady(directions, sample, gradients, analytic):
            return float("nan"), "it is all rounding: a step of 1e-10 makes it another"
        return off, ""

    def _steady(self, directions: Sample, sample: Sample, gradients: Gradients, analytic: float) -> bool:
        """Whether the gradient stays what it is if the sample moves by less than any step: else it is all rounding,

        as that of the inverse of a singular matrix.
        """
        rng = np.random.default_rng(self.seed)
        near = {
            name: value * (1 + 1e-10 * rng.standard_normal(np.shape(value))) if value.dtype.kind == "f" else value
            for name, value in sample.items()
        }
        try:
            again = self.program.gradients(near, gradients.weights)
        except Refusal:
            return False
        other = float(sum(np.sum(again.values[name] * direction) for name, direction in directions.items()))
        return abs(other - analytic) <= TOLERANCE * max(abs(analytic), abs(other))


def _enter(row: Row, off: float, why: str) -> bool:
    """Put a deviation into its row, or why there is none; whether the sample served."""
    if np.isnan(off):
        row.doubts[why] += 1
        return False
    row.directions += 1
    row.error = max(row.error, off)
    row.ok &= off <= TOLERANCE
    return True


