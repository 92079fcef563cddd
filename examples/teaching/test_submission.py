"""The grader: `SUBMISSION=submissions/solved.py pytest test_submission.py`; without that it grades the skeleton."""

import os
from pathlib import Path

from graphc.grade import as_text, grade

HERE = Path(__file__).parent
SUBMISSION = HERE / os.environ.get("SUBMISSION", "skeleton.py")


def test_the_gradients_are_right():
    made = grade(SUBMISSION, against=HERE / "net.g", seconds=20)
    assert made.ok, "\n" + as_text(made)
