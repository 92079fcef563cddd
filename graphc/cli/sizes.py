"""Sizes on the command line: `--size N=5,D=4`, and which sizes of a program they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from graphc.cli.failure import DATA, UsageError, failure
from graphc.ir.dims import dim
from graphc.language.diagnostics import GraphcError, suggest

if TYPE_CHECKING:
    import argparse

    from graphc.ir.graph import Graph

__all__ = ["add_sizes", "meaningless", "sizes_of", "symbols_of", "too_small"]

DIGITS = 7


def add_sizes(parser: argparse.ArgumentParser, help: str) -> None:
    """`--size`, which may be given several times."""
    parser.add_argument("--size", action="append", metavar="N=5,D=4", help=help)


def sizes_of(texts: Sequence[str] | None) -> dict[str, int]:
    """`N=5,D=4`, or one after the other, as a dictionary. Raises UsageError."""
    sizes: dict[str, int] = {}
    for part in ",".join(texts).split(",") if texts is not None else ():
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


def too_small(graph: Graph, sizes: Mapping[str, int]) -> None:
    """Refuse sizes with which the program has no meaning. Raises GraphcError."""
    for size, least, _ in graph.minimums:
        missing = dim(least) - size
        if set(missing.names()) <= set(sizes) and missing.evaluate(sizes) > 0:
            raise meaningless(graph)


def meaningless(graph: Graph) -> GraphcError:
    """The error for sizes with which the program has no meaning."""
    wanted = "; ".join(f"{what}: {size} is at least {least}" for size, least, what in graph.minimums[:3])
    return failure(DATA, "the program has no meaning with these sizes", help=wanted or "give others with --size")
