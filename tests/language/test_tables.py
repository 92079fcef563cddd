"""The tables beside the grammar: they are what Lark computes, and where they are not they are not used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import lark
import pytest

from graphc.language import syntax
from graphc.language.builder import Builder
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.language.tables import read_tables, tables_path, tables_text

GRAMMAR = syntax.grammar_path()
TEXT = GRAMMAR.read_text(encoding="utf-8")


def made_for_this_lark() -> bool:
    kept = json.loads(tables_path(GRAMMAR).read_text(encoding="utf-8"))
    return bool(kept["made of"].endswith(f"lark {lark.__version__}"))


def walk(parser: lark.Lark) -> dict[int, dict[str, object]]:
    """The states in the order in which they are met, each with what it does; Lark numbers them as hashing has it."""
    table = parser.parser.parser._parse_table
    number = {state: k for k, (_, state) in enumerate(sorted(table.start_states.items()))}
    found: dict[int, dict[str, object]] = {}
    for state in (line := list(number)):
        does = found[number[state]] = {}
        for token, (action, target) in sorted(table.states[state].items()):
            if isinstance(target, int):
                if target not in number:
                    number[target] = len(number)
                    line.append(target)
                target = number[target]
            does[token] = (str(action), str(target))
    return found


def test_the_file_is_what_lark_makes_of_the_grammar() -> None:
    if not made_for_this_lark():
        pytest.skip("the tables are of another Lark")
    kept = read_tables(tables_path(GRAMMAR), TEXT, **syntax._callbacks(Builder()))
    assert kept is not None, "the grammar has changed: run `python -m graphc.language.tables`"
    made = syntax.make_lark(Builder())
    assert walk(kept) == walk(made)
    assert len(walk(made)) > 100
    assert sorted(map(repr, kept.terminals)) == sorted(map(repr, made.terminals))
    assert list(map(str, kept.rules)) == list(map(str, made.rules))


def tables_in(folder: Path, text: str) -> Path:
    path = folder / "graphc.tables.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_parser_of_tables_parses_as_one_of_the_grammar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tables_in(tmp_path, tables_text(TEXT, syntax.make_lark(Builder())))
    source = Source("input X[N, D]: float\nfor k in 0:2 { y_{k} = tanh(X @ W_{k})[:, 0] ** 2 }\nL = sum(y_1", "a.g")
    found = []
    for made in (lambda b: syntax.make_lark(b), lambda b: read_tables(path, TEXT, **syntax._callbacks(b))):
        monkeypatch.setattr(syntax, "_tools", None)
        monkeypatch.setattr(syntax, "_read_or_made", made)
        diagnostics = Diagnostics()
        module = syntax.parse(source, diagnostics)
        found.append((module.statements, [(e.message, e.span) for e in diagnostics.errors]))
    assert found[0] == found[1]
    assert len(found[0][1]) == 1


@pytest.mark.parametrize("damage", [
    lambda text: text[: len(text) // 2],
    lambda text: text.replace("lark ", "lark 0"),
    lambda text: text.replace('"memo":', '"other":'),
    lambda text: "[]",
    lambda text: "",
])  # fmt: skip
def test_tables_that_do_not_suit_are_not_used(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    good = tables_text(TEXT, syntax.make_lark(Builder()))
    options = syntax._callbacks(Builder())
    assert read_tables(tables_in(tmp_path, good), TEXT, **options) is not None
    assert read_tables(tables_in(tmp_path, damage(good)), TEXT, **options) is None


def test_tables_of_another_grammar_are_not_used(tmp_path: Path) -> None:
    path = tables_in(tmp_path, tables_text(TEXT, syntax.make_lark(Builder())))
    assert read_tables(path, TEXT + "\n", **syntax._callbacks(Builder())) is None
    assert read_tables(tmp_path / "none.json", TEXT, **syntax._callbacks(Builder())) is None


def test_a_compile_computes_no_tables(tmp_path: Path) -> None:
    if not made_for_this_lark():
        pytest.skip("the tables are of another Lark")
    script = "import graphc.language.syntax as s; s.make_lark = None; import graphc; graphc.compile('L = sum(x**2)')"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
