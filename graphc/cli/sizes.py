"""Sizes on the command line: `--size N=5,D=4`, and which sizes of a program they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphc.cli.failure import DATA, UsageError, failure
from graphc.language.diagnostics import suggest

if TYPE_CHECKING:
    from graphc.ir.graph import Graph

__all__ = ["sizes_of", "symbols_of"]

DIGITS = 7


def sizes_of(text: str | None) -> dict[str, int]:
    """`N=5,D=4` as a dictionary. Raises UsageError."""
    sizes: dict[str, int] = {}
    for part in text.split(",") if text is not None else ():
        name, _, number = (each.strip() for each in part.partition("="))
        if not name.isidentifier() or not number.isascii() or not number.isdigit() or len(number.lstrip("0")) > DIGITS:
            raise UsageError(f"argument --size: {part.strip()!r} is not of the form N=5, with at most {DIGITS} digits")
        if name in sizes:
            raise UsageError(f"argument --size: {name} stands there twice")
        sizes[name] = int(number)
    return sizes


def symbols_of(sizes: Mapping[str, int], names: Mapping[str, str], graph: Graph) -> dict[str, int]:
    """The sizes by the symbols of the graph; `names` are what symbols are called. Raises GraphcError."""
    from graphc.explain.formulas import order_of_sizes

    symbols = {names.get(symbol, symbol): symbol for symbol in order_of_sizes(graph)}
    for name in sizes:
        if name not in symbols:
            close = suggest(name, symbols)
            have = f"its dimensions are {', '.join(symbols)}" if symbols else "no dimension of it has a name"
            help = f"did you mean `{close}`?" if close else have
            raise failure(DATA, f"no argument of the program has a dimension `{name}`", help=help)
    return {symbols[name]: size for name, size in sizes.items()}
