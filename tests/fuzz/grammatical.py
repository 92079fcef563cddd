"""Texts that the grammar derives, whatever they mean: what the language's words and signs allow and nobody writes."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark

from graphc.language.complaints import WORDS
from graphc.language.parser import PassThrough
from graphc.language.syntax import grammar_path

__all__ = ["grammatical"]

NAMES = ("x", "W", "N", "λ", "loss", "grad", "sum", "softmax_ce", "none", "lambda", "T", "z_1", "h")


@cache
def grammatical() -> st.SearchStrategy[str]:
    """Statements of the grammar; names are few, so that some of them are of something."""
    grammar = grammar_path().read_text(encoding="utf-8")
    parser = Lark(grammar, parser="lalr", lexer="contextual", start=["module"], postlex=PassThrough())
    given = {
        "_END": st.sampled_from(["\n", ";"]),
        "NAME": st.sampled_from(NAMES).map(lambda name: f" {name} "),
        "SUBSCRIPTED": st.sampled_from(NAMES).map(lambda name: f" {name}_{{"),
        "NUMBER": st.sampled_from(["0", "1", "2", "3", "0.5", "1e400"]),
        "STRING": st.sampled_from(['"sum"', "'ij,jk->ik'", '"\\n"']),
        "COMMENT": st.just("# \n"),
    }
    given |= {word.upper(): st.just(f"\n{word} ") for word in WORDS if word != "in"} | {"IN": st.just(" in ")}
    return st.lists(from_lark(parser, start="module", explicit=given), min_size=1, max_size=4).map("".join)
