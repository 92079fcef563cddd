"""The Pygments lexer and the TextMate grammar know the words, and take them for words only where they are."""

from __future__ import annotations

import importlib.resources
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String

from graphc.editors.lexer import WORDS, GraphcLexer

TOP = Path(__file__).parents[2]
PROGRAMS = sorted([*TOP.glob("examples/**/*.g"), *TOP.glob("graphc/rules/*.g")])
TEXTMATE = json.loads(
    importlib.resources.files("graphc").joinpath("editors/graphc.tmLanguage.json").read_text(encoding="utf-8")
)


def tokens(text: str) -> list[tuple[Any, str]]:
    return [(kind, part) for kind, part in GraphcLexer().get_tokens(text) if part.strip()]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_every_program_is_read_without_error(program: Path) -> None:
    text = program.read_text(encoding="utf-8")
    read = list(GraphcLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(part for _, part in read) == text
    assert not [part for kind, part in read if kind is Error]


def test_pygments_finds_it() -> None:
    assert isinstance(get_lexer_by_name("graphc"), GraphcLexer)
    assert isinstance(get_lexer_by_name("g"), GraphcLexer)


def test_words_are_words_where_a_statement_begins() -> None:
    assert (Keyword, "loss") in tokens("loss L\n")
    assert (Name, "loss") in tokens("loss = mse(a, b)\n")
    assert (Keyword, "input") in tokens("Y = X; input X[N]\n")
    assert (Name, "input") in tokens("Y = input + 1\n")
    assert (Keyword, "import") in tokens('import "layers.g"\n')
    loop = tokens("for k in 0:3 { return }\n")
    assert loop[0] == (Keyword, "for")
    assert loop[2] == (Keyword, "in")


def test_kinds() -> None:
    read = tokens("rule f(x, *, by) -> y { dx = dy*1.5e-3 } # why\n")
    assert read[0] == (Keyword.Declaration, "rule")
    assert read[1] == (Name.Function, "f")
    assert (Operator, "->") in read
    assert (Number, "1.5e-3") in read
    assert read[-1] == (Comment.Single, "# why")
    read = tokens('param y[N]: int; Z = softmax(h_{l,t}.T, axis=-1, r="mean", k=true)\n')
    assert (Keyword.Type, "int") in read
    assert (Name.Function, "softmax") in read
    assert (String, '"mean"') in read
    assert (Keyword.Constant, "true") in read
    assert (Operator, ".T") in read


def test_both_know_the_words_of_the_grammar() -> None:
    grammar = (TOP / "grammar" / "graphc.lark").read_text(encoding="utf-8")
    words = {word for name, word in re.findall(r'^([A-Z]+): "([a-z]+)"$', grammar, re.M)} - {"in", "rewrite"}
    assert words == set(WORDS)
    patterns = " ".join(rule.get("match", "") for rule in TEXTMATE["repository"].values())
    for word in words:
        assert re.search(rf"\b{word}\b", patterns), word


def test_the_textmate_grammar_is_whole() -> None:
    assert TEXTMATE["scopeName"] == "source.graphc"
    assert {entry["include"][1:] for entry in TEXTMATE["patterns"]} == set(TEXTMATE["repository"])
    for rule in TEXTMATE["repository"].values():
        re.compile(rule["match"])
    statement = re.compile(TEXTMATE["repository"]["statement"]["match"])
    assert statement.search("loss L")
    assert not statement.search("loss = 3")
