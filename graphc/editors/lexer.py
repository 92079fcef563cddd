"""A Pygments lexer: where Pygments is used, blocks marked `g` or `graphc` are coloured."""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

__all__ = ["WORDS", "GraphcLexer"]

WORDS = ("input", "param", "const", "output", "loss", "import", "def", "op", "rule", "for", "return")
"""They are words of the language where a statement begins and something but `=`, `<-` or `,` follows."""

NAME = r"[^\W\d]\w*"
BEGINS = r"(^|[;{{\n])([ \t]*)({words})(?=[ \t]*[\"']|[ \t]+[^\s=<,;)\]])"


class GraphcLexer(RegexLexer):  # type: ignore[misc]  # Pygments has no types
    """For programs of graphc."""

    name = "graphc"
    aliases: ClassVar[list[str]] = ["graphc", "g"]
    filenames: ClassVar[list[str]] = ["*.g"]
    url = "https://pypi.org/project/graphc"
    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (BEGINS.format(words="def|op|rule") + rf"([ \t]+)({NAME})",
             bygroups(Punctuation, Whitespace, Keyword.Declaration, Whitespace, Name.Function)),
            (BEGINS.format(words="|".join(WORDS)), bygroups(Punctuation, Whitespace, Keyword)),
            (r"\s+", Whitespace),
            (r"#[^\r\n]*", Comment.Single),
            (rf"({NAME})([ \t]+)(in)\b(?=[ \t]+[^=])", bygroups(Name, Whitespace, Keyword)),
            (r"\b(true|false|none|True|False|None)\b", Keyword.Constant),
            (r"(:)([ \t]*)(float32|float64|float|int|bool)\b", bygroups(Punctuation, Whitespace, Keyword.Type)),
            (r"'(?:[^'\\\r\n]|\\.)*'|\"(?:[^\"\\\r\n]|\\.)*\"", String),
            (r"(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+\-]?\d+)?", Number),
            (r"<-|->|=>|\*\*|//|<=|>=|==|!=|\.\.\.|\.T\b|[-+*/@%<>=]", Operator),
            (rf"{NAME}(?=[ \t]*\()", Name.Function),
            (NAME, Name),
            (r"[()\[\]{},:;]", Punctuation),
        ],
    }  # fmt: skip
