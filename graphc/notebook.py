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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphc.ir.graph import Graph

__all__ = ["derivation_html", "graph_html", "graph_svg", "load_ipython_extension"]


def graph_svg(graph: Graph) -> str:
    """The picture of a graph, by no other program."""
    from graphc.explain.diagram import diagram
    from graphc.explain.plain_svg import plain_svg

    return plain_svg(diagram(graph))


def derivation_html(source: str, module: str, name: str = "<string>", **options: Any) -> str:
    """The derivation of a program, as a cell shows it."""
    from graphc.explain.derivation import derive
    from graphc.explain.derivation_html import html_fragment, notebook_style
    from graphc.language.diagnostics import Diagnostics
    from graphc.language.source import Source
    from graphc.pipeline import lower_source

    graph = lower_source(Source(source, name), Diagnostics())
    return notebook_style(html_fragment(derive(graph, module, **options)))


def graph_html(graph: Graph) -> str:
    """The derivation of a graph's gradients, or where there is nothing to differentiate its picture."""
    from graphc.language.diagnostics import Diagnostics, GraphcError
    from graphc.pipeline import Options, compile_graph, joint_graph

    if graph.gradients or not graph.source:
        return f"<figure>{graph_svg(graph)}</figure>"
    try:
        options = Options(verify=False)
        module, _ = compile_graph(joint_graph(graph, options, Diagnostics()), options)
        return derivation_html(graph.source, module, graph.file)
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
