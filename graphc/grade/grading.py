"""Grading a file: its functions run on data drawn for the program, every gradient compared, what is wrong explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graphc.grade.child import Request
from graphc.grade.explain import RTOL, Verdict, judge
from graphc.grade.reference import Reference, Setting, read_source
from graphc.grade.run import Failure, Outcome, run_file

__all__ = ["Grade", "grade", "request_for"]


@dataclass
class Grade:
    """The outcome for one file. `sizes` are those of the data that the verdict is about."""

    student: str
    program: str
    verdict: Verdict | None = None
    failure: Failure | None = None
    printed: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    expected: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.failure is None and self.verdict is not None and self.verdict.ok

    @property
    def score(self) -> float:
        """The part of the gradients that are right."""
        if self.failure is not None or self.verdict is None or not self.verdict.rows:
            return 0.0
        return sum(row.ok for row in self.verdict.rows) / len(self.verdict.rows)


def grade(
    student: str | Path,
    against: str | Path,
    *,
    function: str | None = None,
    wrt: Sequence[str] | None = None,
    loss: str | None = None,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    seconds: float = 10.0,
    rtol: float = RTOL,
) -> Grade:
    """Compare a hand-written backward with a program.

    `student` is a Python file with `forward` and `backward`, `value_and_grad` or `gradients`, or a `function` of
    another name; `against` the program: a `Path`, a name that ends in `.g`, or the text. The file runs in a process of
    its own for at most so many `seconds`. Raises GraphcError for a wrong program, OSError for a file that is not there.
    """
    path = Path(student)
    with path.open("rb"):
        pass
    source = read_source(against)
    return grade_source(path, Reference(source, wrt, loss), function, seed, sizes, seconds, rtol)


def grade_source(
    path: Path, reference: Reference, function: str | None, seed: int, sizes: Mapping[str, int] | None, seconds: float,
    rtol: float,
) -> Grade:  # fmt: skip
    """As `grade`, with the program read already."""
    settings = reference.settings(seed, sizes)
    outcomes = run_file(path, [setting.data() for setting in settings], request_for(reference, function), seconds)
    grades = [
        _judged(path, reference, setting, outcome, rtol) for setting, outcome in zip(settings, outcomes, strict=True)
    ]
    first = next((g for g in grades if not g.ok), grades[0])
    if first.failure is not None and first.failure.type:
        # What stops where all sizes differ may run where they are equal, and then its numbers say what is wrong.
        equal = next((g for g in grades if g.failure is None and not g.ok), None)
        if equal is not None:
            first.verdict, first.sizes = equal.verdict, equal.sizes
    return first


def request_for(reference: Reference, function: str | None = None) -> Request:
    """What is asked of the functions."""
    values = list(dict.fromkeys([*reference.gradients, *reference.graph.values]))
    parameters = [a.name for a in reference.graph.arguments if a.kind != "input"]
    return Request(reference.variables, values, parameters, reference.outputs, function)


def _judged(path: Path, reference: Reference, setting: Setting, outcome: Outcome, rtol: float) -> Grade:
    made = Grade(str(path), reference.source.name, printed=outcome.printed, expected=list(reference.variables))
    made.failure = outcome.failure
    made.sizes = setting.shown_sizes()
    if outcome.answer is not None:
        made.verdict = judge(setting, outcome.answer, rtol, complaints=outcome.complaints)
    return made
