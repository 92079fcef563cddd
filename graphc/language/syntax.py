"""The front end's door: `parse` takes the text of a program to its syntax tree.

The one grammar is `graphc.lark`; `parser.py` feeds it, `builder.py` makes the nodes, `complaints.py` words the errors.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from graphc.collector import collector_paused
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.language.tree import Module

if TYPE_CHECKING:
    from lark import Lark

    from graphc.language.builder import Builder

__all__ = ["grammar_path", "make_lark", "parse", "parse_rules"]

_LOCK: Final = Lock()
"""The parser calls one builder, which works for one program at a time."""
_tools: tuple[Lark, frozenset[Any], Builder] | None = None


def parse(source: Source, diagnostics: Diagnostics) -> Module:
    """The syntax tree of a program. Every syntax error is reported; the statements without one are in the tree."""
    return _parse(source, diagnostics, "module")


def parse_rules(source: Source, diagnostics: Diagnostics) -> Module:
    """As `parse`, for the compiler's own files: `def`, `op`, `rule` and `rewrite … => …`, and nothing else."""
    return _parse(source, diagnostics, "rules")


def grammar_path() -> Path:
    """Where the grammar is: in the package, if that was installed from a wheel; else beside it, in the checkout."""
    package = Path(__file__).parent.parent
    installed = package / "graphc.lark"
    return installed if installed.exists() else package.parent / "grammar" / "graphc.lark"


def make_lark(builder: object, strict: bool = False) -> Lark:
    """The parser of the grammar, computed from its text. `strict` refuses a grammar whose terminals collide."""
    from lark import Lark

    options = {**_callbacks(builder), "strict": strict}
    grammar = grammar_path().read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", start=["module", "rules"], **options)


def _callbacks(builder: object) -> dict[str, Any]:
    from graphc.language.parser import PassThrough

    return {"transformer": builder, "postlex": PassThrough()}


def _read_or_made(builder: object) -> Lark:
    """The parser, by the tables that stand beside the grammar if they are of this grammar and this Lark."""
    from graphc.language.tables import read_tables, tables_path

    grammar = grammar_path()
    text = grammar.read_text(encoding="utf-8")
    return read_tables(tables_path(grammar), text, **_callbacks(builder)) or make_lark(builder)


def _parse(source: Source, diagnostics: Diagnostics, start: str) -> Module:
    from graphc.language.parser import Parser, awaiting_states

    global _tools
    if source.text.startswith("\ufeff"):
        source = Source(source.text[1:], source.name, source.path)
    found = Diagnostics()
    with _LOCK, collector_paused():
        if _tools is None:
            from graphc.language.builder import Builder

            builder = Builder()
            lark = _read_or_made(builder)
            _tools = lark, awaiting_states(lark), builder
        lark, awaiting, builder = _tools
        builder.begin(source, found, only_rules=start == "rules")
        try:
            module = Parser(lark, awaiting, builder, start, source, found).run()
        finally:
            builder.begin(Source(""), Diagnostics())  # do not keep the program alive
    diagnostics.extend(sorted(found.errors, key=lambda error: error.span.start if error.span else 0))
    return module
