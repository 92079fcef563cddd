"""graphc in a notebook: `%load_ext graphc.notebook`, then cells that begin with `%%graphc net` are programs.

    %%graphc net
    Z = X@W1 + b1
    L = sum(relu(Z))

`net` is then the loaded module: `net.value_and_grad(…)`; the cell shows the graph and the derivation of the gradients.
"""

from __future__ import annotations

import argparse
import shlex
import types
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphc.ir.graph import Graph
    from graphc.pipeline import Options

__all__ = ["derivation_html", "graph_html", "graph_svg", "load_ipython_extension"]


def graph_svg(graph: Graph) -> str:
    """The picture of a graph, by no other program."""
    from graphc.explain.diagram import diagram
    from graphc.explain.plain_svg import plain_svg

    return plain_svg(diagram(graph))


def derivation_html(source: str, name: str, options: Options) -> str:
    """The derivation of a program, as a cell shows it, with lines of the module that it compiles to. Raises
    GraphcError."""
    from graphc.explain.derivation import derive
    from graphc.explain.derivation_html import html_fragment, notebook_style
    from graphc.language.source import Source
    from graphc.pipeline import compile_source

    seen: dict[str, Any] = {}
    compile_source(Source(source, name), replace(options, verify=False), seen.__setitem__)
    derivation = derive(seen["graph"], seen["module"], seen["backward-body"], wrt=options.wrt, loss=options.loss)
    return notebook_style(html_fragment(derivation))


def graph_html(graph: Graph) -> str:
    """The derivation of a graph's gradients, or where there is nothing to differentiate its picture."""
    from graphc.language.diagnostics import GraphcError
    from graphc.pipeline import Options

    if graph.gradients or not graph.source:
        return f"<figure>{graph_svg(graph)}</figure>"
    try:
        return derivation_html(graph.source, graph.file, Options())
    except GraphcError:
        return f"<figure>{graph_svg(graph)}</figure>"


def _magic(shell: Any, line: str, cell: str) -> types.ModuleType | None:
    """Compile a cell and bind the module to the name on its first line; the module is what the cell shows."""
    import graphc

    parser = argparse.ArgumentParser(prog="%%graphc", add_help=False)
    parser.add_argument("name", nargs="?", default="net")
    parser.add_argument("--wrt")
    parser.add_argument("--loss")
    parser.add_argument("--memory", choices=("lean", "balanced", "fast"), default="balanced")
    parser.add_argument("-O", dest="level", type=int, choices=(0, 1, 2), default=1)
    try:
        chosen = parser.parse_args(shlex.split(line))
    except SystemExit:
        return None
    wrt = [name.strip() for name in chosen.wrt.split(",")] if chosen.wrt else None
    try:
        module = graphc.load(cell + "\n", wrt=wrt, loss=chosen.loss, level=chosen.level, memory=chosen.memory)
    except graphc.GraphcError as error:
        print(error)
        return None
    shell.user_ns[chosen.name] = module
    return module


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext graphc.notebook` calls."""

    def graphc(line: str, cell: str) -> types.ModuleType | None:
        return _magic(shell, line, cell)

    graphc.__doc__ = _magic.__doc__
    shell.register_magic_function(graphc, magic_kind="cell")
