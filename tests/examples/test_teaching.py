"""The assignment of `examples/teaching`: its reports are what the grader says, and its pytest file grades."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import graphc_command

TEACHING = Path(__file__).parents[2] / "examples" / "teaching"
SUBMISSIONS = sorted(path.stem for path in (TEACHING / "submissions").glob("*.py"))


def test_there_are_right_and_wrong_ones() -> None:
    assert "solved" in SUBMISSIONS
    assert len(SUBMISSIONS) >= 4
    assert {path.stem for path in (TEACHING / "reports").glob("*.txt")} == set(SUBMISSIONS)


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_reports_are_fresh(name: str, update_golden: bool) -> None:
    done = graphc_command("grade", f"submissions/{name}.py", "--against", "net.g", cwd=TEACHING)
    assert done.stderr == ""
    assert done.returncode == (0 if name == "solved" else 1)
    report = TEACHING / "reports" / f"{name}.txt"
    if update_golden:
        report.write_text(done.stdout, encoding="utf-8")
    assert report.read_text(encoding="utf-8") == done.stdout, "`pytest --update-golden` brings it up to date"


@pytest.mark.parametrize(
    ("submission", "passes"), [(None, False), ("submissions/solved.py", True), ("submissions/wrong_mean.py", False)]
)
def test_the_pytest_file_grades(submission: str | None, passes: bool) -> None:
    env = {name: value for name, value in os.environ.items() if name != "SUBMISSION"}
    if submission is not None:
        env["SUBMISSION"] = submission
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "test_submission.py"]
    done = subprocess.run(command, cwd=TEACHING, capture_output=True, encoding="utf-8", timeout=120, env=env)
    assert done.returncode == (0 if passes else 1), done.stdout
    if not passes:
        assert ("NotImplementedError" if submission is None else "1 / N` is left out") in done.stdout
