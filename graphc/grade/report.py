"""The outcome of grading: for a student to read, for an autograder, for Gradescope."""

from __future__ import annotations

import json
import linecache
import math
from collections.abc import Sequence
from typing import Any

from graphc.cli.table import table
from graphc.emitter.signature import Ownership
from graphc.grade.explain import Finding, Row, Verdict
from graphc.grade.grading import Grade
from graphc.grade.run import Failure

__all__ = ["as_gradescope", "as_json", "as_text", "explanation", "rows_text", "whose_gradescope"]

_RESULTS = ["score", "output", "visibility", "tests"]

SMALL = 1e-10
"""Below this an error is rounding, which differs from machine to machine."""


def as_text(grade: Grade) -> str:
    """A table of the gradients, and then what is wrong with the first wrong one, in words."""
    parts = [_heading(grade)]
    if grade.failure is not None:
        parts.append(_stopped(grade))
    elif grade.verdict is not None:
        parts.append(rows_text(grade.verdict))
    if grade.verdict is not None and not grade.verdict.ok:
        if grade.failure is not None:
            parts.append(f"With all sizes equal it runs to its end ({_sizes(grade)}):\n" + rows_text(grade.verdict))
        parts.append(explanation(grade.verdict, grade.student))
    if grade.verdict is not None and grade.verdict.unknown:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(grade.verdict.unknown))
        parts.append(f"Not looked at, as the program has no such values: {names}\n")
    if grade.printed.strip():
        parts.append("It printed:\n" + "".join(f"  | {line}\n" for line in grade.printed.rstrip().splitlines()[:40]))
    return "\n".join(parts)


def _heading(grade: Grade) -> str:
    right = f"{grade.student} against {grade.program}: "
    if grade.failure is not None:
        return right + "it does not run\n"
    assert grade.verdict is not None
    rows = grade.verdict.rows
    count = sum(row.ok for row in rows)
    if grade.ok:
        return right + ("the gradient is right\n" if len(rows) == 1 else f"all {len(rows)} gradients are right\n")
    return right + f"{count} of {len(rows)} gradient{'s' if len(rows) > 1 else ''} right\n"


def rows_text(verdict: Verdict) -> str:
    """The table of the gradients."""
    lines = [["gradient", "shape", "relative error", "verdict"]]
    lines += [[row.name, str(row.shape), _error(row), _verdict(row)] for row in verdict.rows]
    lines += [[f"value {row.name}", str(row.shape), _error(row), _verdict(row)] for row in verdict.values]
    return table(lines)


def _error(row: Row) -> str:
    if row.error is None or not math.isfinite(row.error):
        return "-"
    return f"{row.error:.1e}" if row.error >= SMALL else f"< {SMALL:.0e}"


def _verdict(row: Row) -> str:
    if row.ok:
        return "right"
    if row.verdict == "wrong shape":
        said = f"WRONG SHAPE {row.given}"
    else:
        said = {"nan": "NAN OR INF", "missing": "MISSING", "no array": "NO ARRAY"}.get(row.verdict, "WRONG")
    return f"{said}, a consequence" if row.follows else said


def _sizes(grade: Grade) -> str:
    return ", ".join(f"{name}={size}" for name, size in grade.sizes.items())


def _stopped(grade: Grade) -> str:
    failure = grade.failure
    assert failure is not None
    place = f"{grade.student}:{failure.line}" if failure.line else grade.student
    where = f" in `{failure.function}`" if failure.function and failure.function != "<module>" else ""
    quoted = f"  {failure.line} | {failure.text}\n" if failure.line and failure.text else ""
    return f"{place}{where}: {failure_text(failure)}\n{quoted}"


def failure_text(failure: Failure) -> str:
    """The exception as Python says it, or our own words."""
    return f"{failure.type}: {failure.message}" if failure.type else failure.message


def explanation(verdict: Verdict, student: str | None = None) -> str:
    """What is wrong, mistake by mistake."""
    several = len(verdict.findings) > 1
    parts = []
    for number, finding in enumerate(verdict.findings, 1):
        parts.append((f"{number}. " if several else "") + _told(finding, verdict, student))
    return "\n".join(parts)


def _told(finding: Finding, verdict: Verdict, student: str | None) -> str:
    gradient = f"`d{finding.name}`" if finding.formula or finding.kind else f"`{finding.name}`"
    if not finding.formula:
        if finding.kind:
            return f"{gradient}: {finding.text}.\n"
        return f"{finding.text[:1].upper()}{finding.text[1:]}.\n{_line(student, finding.line)}"
    lines = [f"{gradient} should be `{finding.formula}`"]
    if finding.kind is None:
        if finding.text:
            lines[0] += f"; {finding.text}.\n"
        else:
            lines[0] += "; yours is something else, and none of the classical mistakes gives your numbers.\n"
    elif finding.kind in ("zero", "copy", "nan", "shape") and not finding.explains[1:]:
        lines[0] += f"; yours: {finding.text}.\n"
    else:
        lines[0] += f"; yours is what comes out if {finding.text}.\n"
    if finding.line:
        lines.append(_line(student, finding.line))
    if finding.statement:
        lines.append(f"   The statement of the program is {finding.statement}.\n")
    others = [f"`d{name}`" for name in finding.explains if name != finding.name]
    if others:
        are = "is" if len(others) == 1 else "are"
        listed = others[0] if len(others) == 1 else ", ".join(others[:-1]) + f" and {others[-1]}"
        lines.append(f"   {listed} {are} wrong by that alone.\n")
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def _line(student: str | None, line: int | None) -> str:
    if student is None or not line:
        return ""
    text = linecache.getline(student, line).strip()
    return f"   {student}:{line} | {text}\n" if text else f"   {student}:{line}\n"


# ------------------------------------------------------------------------------------------------ for programs

def as_json(grade: Grade) -> str:
    """The outcome for an autograder."""
    return json.dumps(_plain(grade), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(grade: Grade) -> dict[str, Any]:
    verdict = grade.verdict or Verdict()
    return {
        "student": grade.student,
        "program": grade.program,
        "ok": grade.ok,
        "score": grade.score,
        "sizes": grade.sizes,
        "gradients": [_row(row) for row in verdict.rows],
        "values": [_row(row) for row in verdict.values],
        "findings": [
            {
                "gradient": f.name, "kind": f.kind, "title": f.title, "text": f.text, "should_be": f.formula,
                "line": f.line, "statement": f.statement, "explains": list(f.explains),
            }
            for f in verdict.findings
        ],
        "unknown": list(verdict.unknown),
        "failure": None if grade.failure is None else {
            "type": grade.failure.type, "message": grade.failure.message, "line": grade.failure.line,
            "text": grade.failure.text, "function": grade.failure.function,
        },
        "printed": grade.printed,
    }  # fmt: skip


def _row(row: Row) -> dict[str, Any]:
    error = row.error if row.error is not None and math.isfinite(row.error) else None
    given = list(row.given) if row.given is not None else None
    return {
        "name": row.name, "ok": row.ok, "verdict": row.verdict, "follows": row.follows, "relative_error": error,
        "shape": list(row.shape), "given_shape": given,
    }  # fmt: skip


def whose_gradescope(data: bytes) -> Ownership:
    """Whether a file's content is a `results.json` as `as_gradescope` makes it."""
    try:
        found = json.loads(data)
    except ValueError:
        return "foreign"
    return "ours" if isinstance(found, dict) and list(found) == _RESULTS else "foreign"


def as_gradescope(grade: Grade, points: float = 100.0) -> str:
    """A `results.json` as Gradescope reads it: a test per gradient, the points shared equally."""
    rows: Sequence[Row] = grade.verdict.rows if grade.verdict is not None else ()
    names = [row.name for row in rows] or grade.expected or ["gradients"]
    share = points / len(names)
    tests: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        row = rows[place] if rows else None
        passed = row is not None and row.ok and grade.failure is None
        tests.append({
            "name": f"gradient of {name}", "score": share if passed else 0.0, "max_score": share,
            "status": "passed" if passed else "failed",
            "output": "right" if passed else _verdict(row).lower() if row is not None else "there is none",
        })  # fmt: skip
    total = sum(test["score"] for test in tests)
    whole = dict(zip(_RESULTS, (total, as_text(grade), "visible", tests), strict=True))
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
