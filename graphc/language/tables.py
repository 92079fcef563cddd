"""The grammar's parsing tables, computed beforehand: `python -m graphc.language.tables` writes them beside it.

grammar/graphc.lark      makes      grammar/graphc.tables.json

To compute them takes longer than the rest of a small program's compile, to read them next to nothing. They are a copy
of what Lark would compute, and no more: the file says for which grammar and which Lark it was made, and where either is
another the tables are computed anew. JSON, so that to read it runs nothing.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lark import Lark

__all__ = ["read_tables", "tables_path", "tables_text"]

_OF_THE_CALLER: Final = ("transformer", "postlex")
"""Options that are objects of a process: whoever reads the tables gives its own."""


def tables_path(grammar: Path) -> Path:
    """The file beside a grammar."""
    return grammar.with_suffix(".tables.json")


def tables_text(grammar: str, parser: Lark) -> str:
    """What the file says: the tables of the parser that Lark makes of the grammar."""
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

    data, memo = parser.memo_serialize([TerminalDef, Rule])  # as `Lark.save` does, which pickles it
    data["options"] = {name: value for name, value in data["options"].items() if name not in _OF_THE_CALLER}
    head = {"made by": "python -m graphc.language.tables", "made of": _made_of(grammar)}
    return json.dumps({**head, "data": data, "memo": memo}, separators=(",", ":")) + "\n"


def read_tables(path: Path, grammar: str, **options: Any) -> Lark | None:
    """The parser by the tables in a file, with the caller's options; None if they are not those of the grammar."""
    from lark import Lark

    try:
        kept = json.loads(path.read_text(encoding="utf-8"), object_hook=_numbered)
        if kept["made of"] != _made_of(grammar):
            return None
        parser: Lark = Lark._load_from_dict(kept["data"], kept["memo"], **options)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # a damaged file is one that is not there
        return None
    return parser


def _made_of(grammar: str) -> str:
    import lark

    return f"grammar {hashlib.sha256(grammar.encode()).hexdigest()[:16]}, lark {lark.__version__}"


def _numbered(entries: dict[str, Any]) -> dict[Any, Any]:
    """JSON has no numbers for keys: those of states and of tokens are numbers again."""
    return {int(key): value for key, value in entries.items()} if all(map(str.isdecimal, entries)) else entries


def main() -> None:
    """Write the tables of the grammar in this checkout."""
    from graphc.language.builder import Builder
    from graphc.language.syntax import grammar_path, make_lark

    grammar = grammar_path()
    text = tables_text(grammar.read_text(encoding="utf-8"), make_lark(Builder()))
    tables_path(grammar).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
