"""Every code has a page, and every example on a page says what the page says it does, word for word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from graphc.cli import main
from graphc.explain.code_pages import FOLDER, Example, codes, page

PACKAGE = FOLDER.parent.parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def outcome(example: Example, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[list[int], str]:
    """The exit statuses of the example's commands, and all they say on standard error."""
    for name, text in example.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    capsys.readouterr()
    statuses = []
    for command in example.commands:
        program, *words = shlex.split(command)
        if program == "python":  # makes a file that the example needs
            exec(words[1], {})
            continue
        assert program == "graphc"
        statuses.append(main(words))
    return statuses, capsys.readouterr().err


@pytest.mark.parametrize("code", codes())
def test_the_failing_example(
    code: str, folder: Path, capsys: pytest.CaptureFixture[str], update_golden: bool
) -> None:
    wrong = page(code).wrong
    statuses, said = outcome(wrong, folder, capsys)
    assert statuses[-1] == (1 if code.startswith("E") else 0), said
    assert f"[{code}]" in said
    if update_golden and said != wrong.said:
        text = page(code).text
        head, middle, tail = text.partition("```text\n")
        page(code).path.write_text(head + middle + said + tail[tail.index("```") :], encoding="utf-8")
        page.cache_clear()
        return
    assert said == wrong.said


@pytest.mark.parametrize("code", codes())
def test_the_mended_example(code: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mended = page(code).mended
    assert mended.files or mended.commands
    statuses, said = outcome(mended, folder, capsys)
    assert (statuses[-1], said) == (0, "")


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    used = {code for text in sources for code in re.findall(r"[\"']([EW]0\d{3})[\"']", text)}
    assert used == set(codes())


def test_explain_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "e0203"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("E0203: ") and said.endswith(page("E0203").text.partition("\n")[2])


def test_explain_lists_the_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == codes()


def test_explain_of_no_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "E0230"]) == 2  # no program is wrong, the command line is
    assert capsys.readouterr().err.startswith("graphc explain: there is no code `E0230`; did you mean `E02")
    assert main(["explain", "nonsense"]) == 2
    assert capsys.readouterr().err.endswith("`graphc explain` lists them\n")
