"""The grammar itself: without conflict, without colliding terminals, and in its two homes."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from graphc.language import syntax
from graphc.language.builder import Builder
from graphc.language.complaints import WORDS
from graphc.language.source import Source


def test_no_conflicts_and_no_colliding_terminals() -> None:
    """Strict mode refuses shift/reduce conflicts and terminals that match the same text (this needs interegular)."""
    pytest.importorskip("interegular")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        syntax.make_lark(Builder(), strict=True)


def test_strict_mode_would_notice() -> None:
    lark = pytest.importorskip("lark")
    pytest.importorskip("interegular")
    grammar = syntax.grammar_path().read_text(encoding="utf-8")
    with pytest.raises(lark.exceptions.GrammarError, match=r"[Cc]onflict|[Cc]ollision"):
        lark.Lark(
            grammar.replace("| sum SIGN product ", "| sum SIGN sum "),
            parser="lalr",
            start=["module", "rules"],
            strict=True,
        )


def test_every_rule_has_its_method() -> None:
    """A rule without a method would give one of Lark's trees where a node is expected."""
    lark = syntax.make_lark(Builder())
    names = {rule.alias or rule.origin.name for rule in lark.rules if not rule.options.expand1 or rule.alias}
    made = {name for name in names if not name.startswith("_") and name not in ("word", "statement")}
    assert made, "the rules were not found"
    assert [name for name in sorted(made) if not hasattr(Builder, name)] == []


def test_the_words_are_those_of_the_grammar() -> None:
    lark = syntax.make_lark(Builder())
    spelt = {terminal.pattern.value for terminal in lark.terminals if terminal.pattern.value.isalpha()}
    assert spelt == {*WORDS, "in", "rewrite"}


def test_found_in_a_wheel_and_in_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "graphc"
    (package / "language").mkdir(parents=True)
    monkeypatch.setattr(syntax, "__file__", str(package / "language" / "syntax.py"))
    assert syntax.grammar_path() == tmp_path / "grammar" / "graphc.lark"
    (package / "graphc.lark").write_text("")
    assert syntax.grammar_path() == package / "graphc.lark"


def test_the_parser_is_built_once() -> None:
    from graphc.language.diagnostics import Diagnostics

    syntax.parse(Source("a = 1"), Diagnostics())
    tools = syntax._tools
    syntax.parse(Source("b = 1"), Diagnostics())
    assert tools is not None and syntax._tools is tools
