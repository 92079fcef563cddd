"""Hand-written gradients compared with a program's, and what went wrong in them explained.

    from graphc.grade import as_text, grade

    made = grade("student.py", against="net.g")
    assert made.ok, as_text(made)
"""

from graphc.grade.grading import Grade, grade
from graphc.grade.report import as_gradescope, as_json, as_text

__all__ = ["Grade", "as_gradescope", "as_json", "as_text", "grade"]
