"""Every case of tests/golden/**/*.test, and the machinery that reads and rewrites them."""

from __future__ import annotations

import contextlib
import difflib
import io
from pathlib import Path

import pytest

from golden_files import Case, GoldenFileError, read_cases, read_sections, update

CASES = [case for path in sorted((Path(__file__).parent / "golden").rglob("*.test")) for case in read_cases(path)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool) -> None:
    for name, text in {"main.g": case.program, **case.files}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    # Diagnostics and comments name the file as it was given: relative, so that the text is the same everywhere.
    monkeypatch.chdir(tmp_path)
    actual = {stage: _clean(_run(case, stage)) for stage in case.expected}
    if update_golden:
        if actual != case.expected:
            update(case, actual)
        return
    if actual != case.expected:
        pytest.fail(_difference(case, actual), pytrace=False)


def _run(case: Case, stage: str) -> str:
    if stage in ("module", "errors", "warnings"):
        status, out, err = _compile(case)
        if stage == "errors":
            assert status == 1, f"it compiles, so there are no errors to compare:\n{err}"
            return err
        assert status == 0, f"it does not compile:\n{err}"
        return out if stage == "module" else err
    from graphc.pipeline import show

    return show(case.program, stage, name="main.g", level=case.level, wrt=case.wrt, loss=case.loss)


def _compile(case: Case) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of `graphc compile main.g -o -`."""
    from graphc.cli import main

    arguments = ["compile", "main.g", "-o", "-", f"-O{case.level}"]
    arguments += ["--wrt", ",".join(case.wrt)] if case.wrt else []
    arguments += ["--loss", case.loss] if case.loss else []
    # With a buffer underneath, as the real streams have one.
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return status or 0, texts[0], texts[1]


def _clean(text: str) -> str:
    """The text as a golden file can hold it: without blank lines at its end."""
    return text.rstrip() + "\n" if text.strip() else ""


def _difference(case: Case, actual: dict[str, str]) -> str:
    lines = [f"{case.path}:{case.line}: case {case.name} (`pytest --update-golden` accepts what it is now)"]
    for stage, expected in case.expected.items():
        lines += difflib.unified_diff(
            expected.splitlines(), actual[stage].splitlines(), f"[out {stage}] expected", "actual", lineterm=""
        )
    return "\n".join(lines)


TWO_CASES = """\
a comment

[case first -O0 wrt=W1,b1]
Y = X
[file other.g]
def f(x) = x
[out graph]
old

\\[out of the ordinary]


[case second loss=L]
Y = X
[out graph]
old
[out module]
"""


def test_cases_are_read(tmp_path: Path) -> None:
    path = tmp_path / "sample.test"
    path.write_text(TWO_CASES)
    first, second = read_cases(path)
    assert (first.id, first.line, first.level, first.wrt, first.loss) == ("sample-first", 3, 0, ["W1", "b1"], None)
    assert first.program == "Y = X\n"
    assert first.files == {"other.g": "def f(x) = x\n"}
    assert first.expected == {"graph": "old\n\n[out of the ordinary]\n"}
    assert (second.level, second.wrt, second.loss) == (1, None, "L")
    assert second.expected == {"graph": "old\n", "module": ""}


def test_update_rewrites_the_expected_sections_of_one_case_alone(tmp_path: Path) -> None:
    path = tmp_path / "sample.test"
    path.write_text(TWO_CASES)
    first, second = read_cases(path)
    update(second, {"graph": "new\n[case of its own]\n", "module": "import numpy\n"})
    expected = TWO_CASES.replace("\nold\n[out module]\n", "\nnew\n\\[case of its own]\n[out module]\nimport numpy\n")
    assert path.read_text() == expected
    assert read_cases(path)[1].expected == {"graph": "new\n[case of its own]\n", "module": "import numpy\n"}
    update(first, {"graph": "new"})
    assert path.read_text() == expected.replace("old\n\n\\[out of the ordinary]\n", "new\n")


def test_update_with_what_stands_there_changes_no_byte(tmp_path: Path) -> None:
    path = tmp_path / "sample.test"
    path.write_text(TWO_CASES)
    for case in read_cases(path):
        update(case, case.expected)
    assert path.read_text() == TWO_CASES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[out graph]\n", "before the first"),
        ("[case a]\nY = X\n", "would check nothing"),
        ("[case a --fast]\n[out graph]\n", "unknown option --fast"),
        ("[case a]\n[out graph]\n[out graph]\n", "stands there twice"),
        ("[case a]\n[out graph]\n[case a]\n[out graph]\n", "two cases are named a"),
    ],
)
def test_a_malformed_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.test"
    path.write_text(text)
    with pytest.raises(GoldenFileError, match=message):
        read_cases(path)


def test_sections_keep_the_text_before_the_first_case() -> None:
    preamble, sections = read_sections(TWO_CASES, Path("sample.test"))
    assert preamble == ["a comment", ""]
    assert [section.kind for section in sections] == ["case", "file", "out", "case", "out", "out"]
