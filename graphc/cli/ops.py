"""`graphc ops`: the operations; one with its derivation rule."""

from __future__ import annotations

import argparse

from graphc.cli.console import complain, print_text

__all__ = ["configure", "run"]

FIRST = (
    "arithmetic", "elementwise", "activations", "reductions", "linalg", "shaping", "indexing", "networks", "losses",
)  # fmt: skip
"""Families in the order of a course; others follow by their names."""

CALL, WIDTH = 42, 118
"""The columns of the list: so many for the call, so many in all."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="an operation to explain (default: list them all)")


def run(arguments: argparse.Namespace) -> int:
    if arguments.name is None:
        print_text(_overview())
        return 0
    from graphc.explain.operation import WITHOUT_TABLE, describe
    from graphc.ops.table import find, names

    op = find(arguments.name)
    if op is not None:
        print_text(describe(op))
        return 0
    functions = {call.partition("(")[0]: call for call in WITHOUT_TABLE}
    call = functions.get(arguments.name)
    if call is not None:
        print_text(f"{call}\n\n{WITHOUT_TABLE[call]}\n")
        return 0
    from graphc.language.diagnostics import suggest
    from graphc.language.habits import instead_of

    other = instead_of(arguments.name)
    close = suggest(arguments.name, [*names(), *functions]) if other is None else None
    hint = other or (f"did you mean `{close}`?" if close else "`graphc ops` lists them")
    complain(f"graphc ops: no operation has the name `{arguments.name}`; {hint}")
    return 2


def _overview() -> str:
    """The operations by family, a line each."""
    from graphc.explain.operation import WITHOUT_TABLE, signature
    from graphc.ops.table import lookup, names

    ops = [lookup(name) for name in names()]
    present = {op.family for op in ops}
    families = [family for family in FIRST if family in present] + sorted(present - set(FIRST))
    parts = []
    for family in families:
        rows = [(signature(op), op.doc) for op in ops if op.family == family]
        if rows:
            parts.append(f"{family}\n{_rows(rows)}")
    parts.append(f"derivatives and shapes\n{_rows(list(WITHOUT_TABLE.items()))}")
    return "\n".join(parts)


def _rows(rows: list[tuple[str, str]]) -> str:
    return "".join(_row(f"  {call:<{CALL}}  ", doc) for call, doc in rows)


def _row(call: str, doc: str) -> str:
    """The call and the first clause of the description, as far as the line goes."""
    room = WIDTH - len(call)
    text = doc.split("; ")[0].split(". ")[0].rstrip(".")
    return call + (text if len(text) <= room else text[: room - 1].rstrip() + "…") + "\n"
