"""Which gradients are right, which one is the first that is wrong, and which mistake gives these numbers.

The first wrong gradient is the one nearest to the loss; what is computed from it is wrong by consequence. Where a
mistake reproduces its numbers, the others are compared with what that mistake makes of them, so that a second mistake
is found as well; where none does, they are compared with what follows from the submission's own numbers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.grade.child import Answer
from graphc.grade.kinds import KINDS, Mistake, scales
from graphc.grade.mistakes import mistakes
from graphc.grade.reference import Setting, State

__all__ = ["Finding", "Row", "Verdict", "compare", "judge"]

RTOL = 1e-5
SINGLE = 1e-3
SECONDS = 20.0
MOST = 5


@dataclass
class Row:
    """One gradient: `right`, `wrong`, `wrong shape`, `missing`, `no array`, `nan`; how far off it is, its shapes."""

    name: str
    shape: tuple[int, ...]
    given: tuple[int, ...] | None = None
    error: float | None = None
    verdict: str = "right"
    follows: bool = False

    @property
    def ok(self) -> bool:
        return self.verdict == "right"


@dataclass
class Finding:
    """A mistake: the first gradient that it makes wrong, what that should be, and why it is not."""

    name: str
    formula: str
    kind: str | None
    text: str
    line: int | None = None
    explains: tuple[str, ...] = ()
    statement: str = ""

    @property
    def title(self) -> str:
        return KINDS.get(self.kind or "", "not one of the classical mistakes")


@dataclass
class Verdict:
    """The outcome: a row per gradient, and what explains the wrong ones."""

    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    values: list[Row] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return bool(self.rows) and all(row.ok for row in (*self.rows, *self.values))


def compare(given: Any, wanted: Any, rtol: float = RTOL, atol: float = 0.0) -> tuple[bool, float]:
    """Whether two arrays agree, and the largest difference relative to the largest entry."""
    given, wanted = np.asarray(given), np.asarray(wanted)
    if given.shape != wanted.shape:
        return False, float("inf")
    if not wanted.size:
        return True, 0.0
    if given.dtype.kind == "f" and given.dtype.itemsize < 8:
        rtol = max(rtol, SINGLE)
    off = float(np.max(np.abs(given.astype(np.float64) - wanted)))
    scale = float(np.max(np.abs(wanted)))
    relative = off / scale if scale > 0 else off
    return bool(off <= max(rtol * scale, atol, 1e-12)), relative


def judge(setting: Setting, answer: Answer, rtol: float = RTOL, atol: float = 0.0, explain: bool = True,
          complaints: Mapping[str, str] | None = None) -> Verdict:  # fmt: skip
    """Compare an answer with the program, and explain what is wrong.

    A local variable that was right and was changed afterwards may have been changed by mistake, or be something else by
    then, as in `dZ = dH; dZ[Z <= 0] = 0`. Of the two readings the one that finds fewer mistakes is told.
    """
    judged = _Judge(setting, answer, rtol, atol, dict(complaints or {}))
    verdict = judged.judge(explain)
    if not judged.changed:
        return verdict
    other = _Judge(setting, answer, rtol, atol, dict(complaints or {}), last=True).judge(explain)
    explained = all(finding.kind for finding in other.findings)
    return other if explained and len(other.findings) <= len(verdict.findings) else verdict


class _Judge:
    def __init__(
        self, setting: Setting, answer: Answer, rtol: float, atol: float, complaints: dict[str, str],
        last: bool = False,
    ) -> None:  # fmt: skip
        self.setting = setting
        self.reference = setting.reference
        self.answer = answer
        self.rtol, self.atol = rtol, atol
        self.complaints = complaints
        self.state: State = setting.right
        self.verdict = Verdict(unknown=list(answer.unknown))
        self.given = {name: np.asarray(value) for name, value in answer.gradients.items()}
        self.lines: dict[str, int] = {}
        self.inner: dict[str, list[Any]] = {}
        self.last = last
        """Whether a local variable is what it is in the end, or what was right of it at any time."""
        self.changed = False
        """Whether one was right and is not in the end."""
        self.deadline = time.monotonic() + SECONDS

    def judge(self, explain: bool) -> Verdict:
        verdict = self.verdict
        asked = [*self.reference.variables, *(n for n in self.given if n not in self.reference.variables)]
        verdict.rows = [self._row(name) for name in asked if name in self.reference.gradients]
        verdict.unknown += [name for name in asked if name not in self.reference.gradients]
        verdict.values = list(self._values())
        if explain and not verdict.ok:
            self._read_locals()
            self._explain()
        return verdict

    def _is_right(self, name: str) -> bool:
        return self.agree(self.given[name], self.setting.gradient(name))

    def agree(self, given: Any, wanted: Any) -> bool:
        return wanted is not None and given is not None and compare(given, wanted, self.rtol, self.atol)[0]

    # ------------------------------------------------------------------------------------------ comparing

    def _row(self, name: str) -> Row:
        wanted = np.asarray(self.setting.gradient(name))
        row = Row(name, wanted.shape)
        if name in self.complaints:
            row.verdict = "no array"
        elif name not in self.given:
            row.verdict = "missing"
        else:
            given = self.given[name]
            row.given = given.shape
            if given.shape != wanted.shape:
                row.verdict = "wrong shape"
            elif given.dtype.kind not in "fiub" or not np.isfinite(given).all():
                row.verdict = "nan"
            else:
                ok, row.error = compare(given, wanted, self.rtol, self.atol)
                row.verdict = "right" if ok else "wrong"
        return row

    def _values(self) -> Any:
        """Returned values of the program; those of the forward pass."""
        graph = self.reference.graph
        for name, given in self.answer.values.items():
            id = graph.values.get(name, graph.outputs.get(name))
            if id is None or id not in self.setting.right.values:
                continue
            wanted = np.asarray(self.setting.right.values[id])
            row = Row(name, wanted.shape, np.shape(given))
            if np.shape(given) != wanted.shape and np.size(given) == 1 == wanted.size:
                given = np.reshape(given, wanted.shape)
            ok, error = compare(given, wanted, self.rtol, self.atol)
            row.error = error if np.isfinite(error) else None
            row.verdict = "right" if ok else "wrong" if np.shape(given) == wanted.shape else "wrong shape"
            yield row

    def _read_locals(self) -> None:
        """Intermediate gradients from local variables. One that was right at any time is right, or by its last state.

        One that is wrong although something computed from it is right follows another convention: it says nothing.
        """
        states: dict[str, list[tuple[int, Any]]] = {}
        for name, line, value in self.answer.seen:
            if name.startswith("d") and name[1:] in self.reference.gradients:
                states.setdefault(name[1:], []).append((line, value))
        for name, seen in states.items():
            wanted = self.setting.gradient(name)
            self.lines[name] = next((line for line, v in seen if np.shape(v) == np.shape(wanted)), seen[-1][0])
            if name not in self.given:
                right = [value for _, value in seen if self.agree(value, wanted)]
                spoilt = bool(right) and right[-1] is not seen[-1][1]
                self.changed |= spoilt
                if spoilt and self.last:
                    self.lines[name], right = seen[-1][0], [seen[-1][1]]
                self.inner[name] = right[-1:] or [value for _, value in reversed(seen)]
        fine = {n for n in self.given if n in self.reference.gradients and self._is_right(n)}
        for name, values in list(self.inner.items()):
            if not self.agree(values[0], self.setting.gradient(name)):
                after = set(self.setting.after(self.reference.gradients[name]))
                if any(self.reference.gradients[other] in after for other in fine):
                    del self.inner[name]

    # ------------------------------------------------------------------------------------------ explaining

    def _explain(self) -> None:
        if self._explain_forward():
            return
        returned = {n: [v] for n, v in self.given.items() if n in self.reference.gradients}
        known: dict[str, list[Any]] = {**self.inner, **returned}
        order = sorted(known, key=lambda n: self.reference.gradients[n])
        rows = {row.name: row for row in self.verdict.rows}
        for name in order:
            now = self.setting.gradient(name, self.state)
            if any(self.agree(value, now) for value in known[name]):
                if self.state is not self.setting.right and name in rows and not rows[name].ok:
                    rows[name].follows = True
                continue
            if len(self.verdict.findings) >= MOST:
                break
            if now is None:  # made of something that has the wrong shape
                if name in rows:
                    rows[name].follows = True
                continue
            self._explain_one(name, known)
        for name, row in rows.items():
            if row.verdict in ("missing", "no array"):
                complaint = self.complaints.get(name)
                text = "it is not among what is returned" if complaint is None else f"it is {complaint}"
                self._found(name, "zero" if complaint is None else None, text, ())
        self._follow(rows)

    def _follow(self, rows: Mapping[str, Row]) -> None:
        firsts = {f.name for f in self.verdict.findings}
        for row in rows.values():
            if row.follows and row.name in firsts:
                row.follows = False

    def _explain_forward(self) -> bool:
        """Where a value of the forward pass is wrong already, the gradients are no mistake of the backward pass."""
        wrong = [row for row in self.verdict.values if not row.ok]
        graph = self.reference.graph
        first: tuple[int, str, int] | None = None
        states: dict[str, list[tuple[int, Any]]] = {}
        for name, line, value in self.answer.seen:
            if name in graph.values and graph.values[name] in self.setting.right.values:
                states.setdefault(name, []).append((line, value))
        for name, seen in states.items():
            id = graph.values[name]
            wanted = self.setting.right.values[id]
            if not any(self.agree(np.reshape(v, np.shape(wanted)) if np.size(v) == np.size(wanted) else v, wanted)
                       for _, v in seen) and (first is None or id < first[0]):  # fmt: skip
                first = (id, name, seen[0][0])
        if not wrong:
            return False
        if first is None:
            row = wrong[0]
            self._found(row.name, None, f"the value of `{row.name}` is wrong already", (), forward=True)
            return all(r.ok for r in self.verdict.rows)
        text = f"the value of `{first[1]}` is wrong already, in the forward pass"
        text += self._scaled(states[first[1]][-1][1], self.setting.right.values[first[0]])
        self._found(first[1], None, text, (), True)
        self.verdict.findings[-1].line = first[2]
        return True

    def _scaled(self, value: Any, wanted: Any) -> str:
        """The clause that says by what factor a value is wrong, if it is by one: a mean is no sum."""
        if np.shape(value) == np.shape(wanted):
            for factor, _, clause in scales(self.setting):
                if self.agree(value, factor * wanted):
                    return f", as if {clause}"
        return ""

    def _explain_one(self, name: str, known: Mapping[str, Sequence[Any]]) -> None:
        """Find the mistake of one gradient, and go on from what it makes of the others."""
        best: tuple[tuple[int, int, int, int], Mistake, State, tuple[str, ...]] | None = None
        target = self.reference.gradients[name]
        # Zeros come from nowhere, and what is another parameter's gradient was returned under a wrong name.
        plain = not np.any(known[name][0]) or self._exchanged(name, known[name][0])
        region = () if plain else self._region(target, known)
        for mistake in mistakes(self.setting, region):
            if time.monotonic() > self.deadline:
                break
            state = self.setting.changed(self.state, mistake.changes)
            made = state.values[target]
            if made is None or (self.state.values[target] is made):
                continue
            if not any(self.agree(value, made) for value in known[name]):
                continue
            explained, broken = self._effect(state, known)
            key = (broken - len(explained), mistake.plain, list(KINDS).index(mistake.kind), -mistake.place)
            if broken < len(explained) and (best is None or key < best[0]):
                best = (key, mistake, state, explained)
        if best is not None:
            _, mistake, self.state, explained = best
            place = mistake.where if mistake.where is not None else mistake.place
            self._found(name, mistake.kind, mistake.text, explained, place=place)
            return
        kind, text = self._by_value(name, known[name][0]) or self._two_at_once(name, known) or (None, "")
        self._found(name, kind, text, (name,))
        value = known[name][0]
        same = np.shape(value) == np.shape(self.setting.gradient(name))
        self.state = self.setting.changed(self.state, {target: lambda _: value if same else None})

    def _exchanged(self, name: str, given: Any) -> bool:
        variables = self.reference.variables
        if name not in variables:
            return False
        return any(other != name and self.agree(given, self.setting.gradient(other)) for other in variables)

    def _effect(self, state: State, known: Mapping[str, Sequence[Any]]) -> tuple[tuple[str, ...], int]:
        """The wrong gradients that a change explains, and the number of right ones that it would break."""
        explained, broken = [], 0
        for other, values in known.items():
            id = self.reference.gradients[other]
            before, after = self.state.values[id], state.values[id]
            if before is after:
                continue
            was = any(self.agree(v, before) for v in values)
            now = any(self.agree(v, after) for v in values)
            if now and not was:
                explained.append(other)
            broken += was and not now
        return tuple(explained), broken

    def _region(self, target: int, known: Mapping[str, Sequence[Any]]) -> set[int]:
        """Where the mistake can be: upwards from the gradient, as far as the next ones that are right."""
        stops = {
            self.reference.gradients[n] for n, values in known.items()
            if any(self.agree(v, self.setting.gradient(n, self.state)) for v in values)
        }  # fmt: skip
        region, stack = {target}, [target]
        while stack:
            for u in self.reference.graph[stack.pop()].operands:
                if u in self.reference.backward and u not in region and u not in stops:
                    region.add(u)
                    stack.append(u)
        return region

    def _two_at_once(self, name: str, known: Mapping[str, Sequence[Any]]) -> tuple[str, str] | None:
        """A mistake, and a lost factor beside it."""
        value = np.asarray(known[name][0], dtype=np.float64)
        target = self.reference.gradients[name]
        factors = list(scales(self.setting))
        for mistake in mistakes(self.setting, self._region(target, known)):
            if time.monotonic() > self.deadline:
                break
            made = self.setting.changed(self.state, mistake.changes).values[target]
            if made is None or np.shape(made) != value.shape or not np.any(made) or mistake.kind in ("zero", "sign"):
                continue
            place = int(np.argmax(np.abs(made)))
            ratio = float(value.flat[place] / np.asarray(made).flat[place])
            for factor, _, text in factors:
                if abs(ratio - factor) <= 1e-6 * abs(factor) and self.agree(value, factor * np.asarray(made)):
                    return mistake.kind, f"{mistake.text}, and besides {text}"
        return None

    def _by_value(self, name: str, given: Any) -> tuple[str, str] | None:
        """What the numbers say by themselves."""
        given = np.asarray(given, dtype=np.float64)
        wanted = np.asarray(self.setting.gradient(name, self.state))
        if not np.isfinite(given).all():
            return "nan", "it holds nan or inf"
        alike = given.shape != wanted.shape and given.size == wanted.size
        if alike and self.agree(given.reshape(wanted.shape), wanted):
            return "shape", f"the numbers are right, its shape is {given.shape} and should be {wanted.shape}"
        if given.shape == wanted.shape and not given.any():
            return "zero", "it is zero everywhere"
        if given.ndim == wanted.ndim and given.shape == wanted.shape[::-1] and self.agree(given.T, wanted):
            return "transpose", "it is transposed"
        for other in self.reference.gradients:
            if other != name and self.agree(given, self.setting.gradient(other)):
                return "copy", f"it is the gradient of `{other}`"
        if given.shape == wanted.shape and wanted.any():
            place = int(np.argmax(np.abs(wanted)))
            ratio = float(given.flat[place] / wanted.flat[place])
            if ratio and self.agree(given, ratio * wanted):
                return "constant", f"it is {ratio:.6g} times what it should be"
        return None

    def _found(
        self, name: str, kind: str | None, text: str, explains: tuple[str, ...], forward: bool = False,
        place: int | None = None,
    ) -> None:  # fmt: skip
        node = self.reference.graph[place if place is not None else self.reference.gradients.get(name, 0)]
        finding = Finding(
            name, "" if forward else self.reference.formulas.get(name, ""), kind, text, self.lines.get(name),
            tuple(n for n in explains if n in self.given), "" if forward else self.reference.statement(node),
        )  # fmt: skip
        self.verdict.findings.append(finding)
