"""The check of a module before it is written: its `backward` against numerical derivatives of its `forward`, and what
that returns against the program as it is written.

In float64, along random directions, on several configurations of small sizes. A mismatch is an error that names the
variable, and the rule that made it. Where the numerical derivative itself is not to be trusted (two step sizes
disagree, or it is not a number) another point is tried, and if none serves the variable is reported as not checked.
"""

from __future__ import annotations

import math
import time
import types
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress

import numpy as np

from graphc.ir.graph import Graph
from graphc.language.diagnostics import Diagnostics
from graphc.passes.differentiate import unreached
from graphc.verify.blame import blame, report_failure
from graphc.verify.numerical import (
    FIRST,
    OF_MANY,
    TOLERANCE,
    VANISHING,
    Slope,
    derivative,
    deviation,
    doubt,
    grain,
    kinked,
)
from graphc.verify.program import Failure, Gradients, Program, Refusal
from graphc.verify.report import NEGLIGIBLE, Report, Row, enter, say_what_was_not_checked
from graphc.verify.sampling import LARGE, LONG, Sample, Sampler

__all__ = ["Report", "Row", "derivative", "verify"]

CONFIGURATIONS = 4
ATTEMPTS = 60
SECONDS = 1.0
"""After so long a quick check is content with one configuration, and takes the remaining variables together."""
EVALUATIONS = 60
"""So many evaluations of the program a quick check may make however large it is, on whatever machine."""
BUDGET = 300_000
"""So many nodes it may evaluate in all if that is more: some tenths of a second."""
WORK = 20_000
"""So many nodes are run, times the variables that go by themselves: of a large program all of them go together."""
PROBES = 8
"""Of so many samples of a long program the one with the most gradients that differences see is taken first."""
LATEST = 2.0
"""After so many seconds a quick check of a large program begins with no other sample, and no other group of gradients
of like size."""
COMPARED = 8
"""At so many samples the values of a program are held against those of its graph: at one of a long program, and at none
of a large one."""
VANISHED = 2
"""At so many samples a large program is looked at where all its gradients all but vanish: there is nothing to compare,
and they were the best of several."""
HASTE = 10
"""So many attempts a quick check makes however long they take."""
LAST = 10.0
"""After so many seconds a quick check ends, with whatever it has."""
SEEN = (1e-6, 1e8)
"""The sizes of gradients that differences see well: beside smaller ones rounding is large, and a program with larger
ones is rarely smooth over a step."""

SWAMPING = 1e11
"""Beside larger values 1 is so much rounding that a right rule, `dy * (y + s * (1 - y))`, is wrong by the tolerance."""


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
    from graphc.verify.rules import check_rules

    start = time.perf_counter()
    report = Report([Row(name, joint[joint.values[name]].type) for name in joint.gradients])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        check_rules(joint, diagnostics, seed)
        if not diagnostics.has_errors:  # a wrong rule explains every wrong gradient
            compared = COMPARED if patient or len(joint) <= LONG else int(len(joint) <= LARGE)
            program = Program(joint, _loaded(text, joint.file), compared)
            check = _Check(program, report.rows, seed, start, patient)
            try:
                if report.rows:
                    check.run(Sampler(joint, seed, sizes))
                else:
                    _compare(program, Sampler(joint, seed, sizes))
            except Failure as failure:
                report_failure(failure, diagnostics)
    report.seconds = time.perf_counter() - start
    for row in report.rows:
        if not row.ok:
            blame(joint, row.name, row.error, diagnostics, seed)
    if not diagnostics.has_errors:
        say_what_was_not_checked(joint, report.rows, diagnostics)
    return report


def _compare(program: Program, sampler: Sampler) -> None:
    """Hold the values of a program that nobody wants a gradient of against those of its graph."""
    for attempt, sample in enumerate(sampler):
        if not program.compared or attempt == HASTE:
            break
        try:
            program.forward(sample)
        except Refusal:
            sampler.refuse()
        else:
            sampler.keep()


def _loaded(text: str, name: str) -> types.ModuleType:
    """The module with its floating arguments taken as they come: what is declared float32 is checked in float64 too.

    Its loops over rows take them one by one: arrays of the sizes that are drawn here would all fit into one tile.
    """
    from graphc.api import module_from

    module = module_from(text.replace('"float32"', '"float"'), name)
    if hasattr(module, "TILE"):
        vars(module)["TILE"] = 1
    return module


class _Check:
    """The rows filled in, sample by sample."""

    def __init__(self, program: Program, rows: list[Row], seed: int, start: float, patient: bool) -> None:
        self.program, self.rows, self.seed, self.start, self.patient = program, rows, seed, start, patient
        self.started = time.thread_time()  # on a busy machine as on any other
        self.long = len(program.joint) > LONG and not patient
        self.large = len(program.joint) > LARGE and not patient
        self.most = max(EVALUATIONS, BUDGET // len(program.joint))
        self.unreached = set(unreached(program.joint)) if self.long else set()
        singly = 0 if self.large else WORK // len(program.joint)
        self.singly = len(rows) if patient or len(rows) <= singly else singly // 4

    @property
    def spent(self) -> bool:
        return not self.patient and self.program.evaluations > self.most

    @property
    def elapsed(self) -> float:
        return time.thread_time() - self.started

    @property
    def late(self) -> bool:
        return self.spent or (not self.patient and self.elapsed > SECONDS)

    @property
    def hurried(self) -> bool:
        """Whether the first numerical derivative of a large program has to do."""
        return self.large and self.elapsed > SECONDS and (self.some or self.ending)

    @property
    def ending(self) -> bool:
        """Whether a check of a large program begins with nothing else."""
        return self.large and self.elapsed > LATEST

    @property
    def over(self) -> bool:
        return self.ending or (not self.patient and time.perf_counter() - self.start > LAST)

    def run(self, sampler: Sampler) -> None:
        done = vanished = 0
        for attempt, sample, gradients in self._points(sampler):
            if self._sample(sample, gradients, np.random.default_rng(self.seed + attempt + 1000)):
                sampler.keep()
                done += 1
            vanished += self.large and all(size < NEGLIGIBLE for size in gradients.sizes.values())
            content = done or (self.large and self.some)
            if vanished == VANISHED and not self.some:
                break
            if done >= (1 if self.large else CONFIGURATIONS) or self.spent or (self.late and content):
                break

    def _points(self, sampler: Sampler) -> Iterator[tuple[int, Sample, Gradients]]:
        """Samples in the program's domain, each with its number and its gradients, until it is time to give up.

        Of a long program those at which all gradients are of a size that differences see are given at once, the others
        after some have been tried, the best one first.
        """
        waiting: list[tuple[int, int, Sample, Gradients, dict[str, str]]] = []
        sampler_said = True
        for attempt, sample in enumerate(sampler):
            sampler_said = False
            if attempt >= ATTEMPTS or (attempt and self.over) or self.spent or (self.late and attempt >= HASTE):
                break
            if waiting and (attempt >= PROBES or self.late or (attempt > 1 and self.elapsed > SECONDS / 2)):
                yield from self._best(waiting, sampler)
                waiting = []
                if self.over:
                    break
            try:
                gradients = self.program.gradients(sample)
            except Refusal as refusal:
                self._note_all(f"the program refuses the sampled arguments ({refusal})")
                sampler.refuse()
                continue
            if gradients.infinite:
                self._note_all(f"`{gradients.infinite}` is not finite at the sampled points")
                continue
            unseen = self._unseen(gradients) if self.long and attempt < PROBES else 0
            if unseen:
                waiting.append((unseen, attempt, sample, gradients, sampler.domains))
            else:
                yield attempt, sample, gradients
        yield from self._best(waiting, sampler)
        if sampler_said:
            self._note_all(sampler.reason)

    def _best(
        self, waiting: list[tuple[int, int, Sample, Gradients, dict[str, str]]], sampler: Sampler
    ) -> Iterator[tuple[int, Sample, Gradients]]:
        for k, (_, number, sample, gradients, domains) in enumerate(sorted(waiting, key=lambda each: each[:2])):
            if k and self.over:
                break
            sampler.domains = domains
            yield number, sample, gradients

    def _unseen(self, gradients: Gradients) -> int:
        """How many gradients are too small or too large for differences: one that is 0 says little elsewhere."""
        least, most = SEEN
        return sum(not least < size < most for name, size in gradients.sizes.items() if name not in self.unreached)

    @property
    def some(self) -> bool:
        """Whether something has been checked."""
        return any(row.directions for row in self.rows)

    def _note_all(self, note: str) -> None:
        for row in self.rows:
            row.doubts[note] += 1

    def _sample(self, sample: Sample, gradients: Gradients, rng: np.random.Generator) -> bool:
        """A direction for each variable, or of many variables for all that remain; whether all of them served."""
        rows = [row for row in self.rows if gradients.values[row.name].size and not (self.large and row.directions)]
        finite = []
        for row in rows:
            if np.isfinite(gradients.values[row.name]).all():
                finite.append(row)
            else:
                row.doubts["it is not finite at the sampled points"] += 1
        served = len(finite) == len(rows)
        for k, row in enumerate(finite):
            if (k >= self.singly or (k and self.late)) and row.name in self.program.arguments:
                rest = [r for r in finite[k:] if r.name in self.program.arguments]
                return self._together(rest, sample, gradients, rng) and served
            direction = rng.standard_normal(gradients.values[row.name].shape)
            served &= enter(row, *self._deviation({row.name: direction}, sample, gradients))
        return served

    def _together(self, rows: list[Row], sample: Sample, gradients: Gradients, rng: np.random.Generator) -> bool:
        """The variables along few directions, in which each has the same weight; a mismatch is tracked down.

        What has a gradient a thousand times as large goes by itself: to have the weight of the others, the variables
        with the smallest gradients would move so far that the program is another one there.
        """
        sizes = {row.name: max(gradients.sizes[row.name], NEGLIGIBLE) for row in rows}
        alike: list[list[Row]] = []
        for row in sorted(rows, key=lambda row: sizes[row.name]):
            if not alike or not sizes[row.name] <= 1e3 * sizes[alike[-1][0].name]:
                alike.append([])
            alike[-1].append(row)
        served = True
        for k, group in enumerate(sorted(alike, key=len, reverse=True)):
            if k and self.ending:
                for row in group:
                    row.doubts["the time of a quick check was over (`graphc check` takes more)"] += 1
                served = False
                continue
            weight = sizes[group[0].name] / math.sqrt(len(group))  # so that the value moves as far as for one variable
            directions = {
                row.name: rng.standard_normal(np.shape(gradients.values[row.name])) * (weight / sizes[row.name])
                for row in group
            }
            served &= self._group(group, directions, sample, gradients)
        return served

    def _group(self, rows: list[Row], directions: Sample, sample: Sample, gradients: Gradients) -> bool:
        off, why = self._deviation(directions, sample, gradients)
        if off > TOLERANCE:
            self._track_down(rows, directions, sample, gradients, off)
            return False
        served = True
        for row in rows:
            size = gradients.sizes[row.name]
            vanishing = size < NEGLIGIBLE and (size > 0 or (self.long and row.name not in self.unreached))
            served &= enter(row, float("nan"), VANISHING) if vanishing else enter(row, off, why)
        return served

    def _track_down(
        self, rows: list[Row], directions: Sample, sample: Sample, gradients: Gradients, off: float
    ) -> None:
        """Which of the variables is it? The joint direction has shown that one is wrong; halves of it show which."""
        while len(rows) > 1:
            halves = (rows[: len(rows) // 2], rows[len(rows) // 2 :])
            rows = max(halves, key=lambda half: self._gap(half, directions, sample, gradients))
        alone, _ = self._deviation({rows[0].name: directions[rows[0].name]}, sample, gradients)
        enter(rows[0], off if np.isnan(alone) else alone, "")

    def _gap(self, rows: list[Row], directions: Sample, sample: Sample, gradients: Gradients) -> float:
        """What the gradients of some variables differ by from the numerical ones, as it is: no part of it is rounding
        beside that of a wrong one."""
        with suppress(Refusal):
            slope, analytic, _ = self._slopes({row.name: directions[row.name] for row in rows}, sample, gradients)
            return float(np.nan_to_num(abs(analytic - slope.value)))
        return 0.0

    def _slopes(
        self, directions: Sample, sample: Sample, gradients: Gradients, closely: bool = False
    ) -> tuple[Slope, float, float]:
        """The numerical derivative along the directions, the analytic one, and the sum of the sizes of its terms.

        Looked at `closely` it is known how coarse the values are that it is made of. Raises Refusal."""
        vanishing = self.large and all(gradients.sizes[name] < NEGLIGIBLE for name in directions)
        f = self.program.moved(sample, gradients.weights, directions)
        first = OF_MANY if self.large else FIRST
        slope = derivative(f, lambda: vanishing or self.hurried, first, grain(f, first) if closely else 0.0)
        products = [np.ravel(gradients.values[name] * direction) for name, direction in directions.items()]
        terms = np.concatenate(products)
        return slope, float(terms.sum()), float(np.abs(terms).sum())

    def _deviation(self, directions: Sample, sample: Sample, gradients: Gradients) -> tuple[float, str]:
        """The relative error of the gradients along the directions; nan where it cannot be told, and why."""
        try:
            slope, analytic, terms = self._slopes(directions, sample, gradients)
            off = deviation(analytic, slope, terms)
            if off > TOLERANCE:
                slope, analytic, terms = self._slopes(directions, sample, gradients, closely=True)
                off = deviation(analytic, slope, terms)
        except Refusal as refusal:
            return float("nan"), f"a step leaves the domain ({refusal})"
        if np.isnan(off):
            return off, doubt(analytic, slope, terms)
        if off > TOLERANCE and any(np.max(np.abs(v), initial=0.0) > SWAMPING for v in gradients.outputs.values()):
            return float("nan"), "the values at the sampled points are so large that 1 beside them is rounding"
        if off > TOLERANCE and not self._steady(directions, sample, gradients, analytic):
            return float("nan"), "it is all rounding: a step of 1e-10 makes it another"
        if off > TOLERANCE and self._is_at_kink(directions, sample, gradients, max(abs(analytic), abs(slope.value))):
            return float("nan"), "the value has a kink at the sampled points"
        return off, ""

    def _is_at_kink(self, directions: Sample, sample: Sample, gradients: Gradients, scale: float) -> bool:
        with suppress(Refusal):
            return kinked(self.program.moved(sample, gradients.weights, directions), scale)
        return False

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
