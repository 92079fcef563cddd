"""The head of the generated module: what it is made of and how it is used, the names of arguments and results.

    \"\"\"The program net.g, forward and backward. …\"\"\"

    import numpy as np

    INPUTS = ("X", "y")
"""

from __future__ import annotations

from textwrap import wrap

from graphc.emitter.cotangents import Incoming
from graphc.emitter.lines import broken
from graphc.emitter.naming import Names, argument_names
from graphc.emitter.shapes import ShapeNames
from graphc.emitter.text import WIDTH, docstring, quoted
from graphc.ir.graph import Graph
from graphc.language.source import lines_of

__all__ = ["outputs_type", "write_head"]


def write_head(graph: Graph, shapes: ShapeNames, incoming: Incoming, level: int, steps: bool) -> str:
    """Docstring, imports and constants; `steps` says whether there is a function `step`."""
    parts = (_docstring(graph, shapes, incoming, level, steps), _imports(graph), _constants(graph))
    return "\n\n".join(part.strip("\n") for part in parts)


def _docstring(graph: Graph, shapes: ShapeNames, incoming: Incoming, level: int, steps: bool) -> str:
    signature = argument_names(a.name for a in graph.arguments)
    lines = [f"{_title(graph.file)}", ""]
    lines += ["    " + line for line in lines_of(graph.source.strip("\r\n"))]
    lines += ["", "Shapes:"]
    for argument in graph.arguments:
        type = graph[argument.node].type
        kind = (
            ""
            if argument.declared == "float" and type.is_float
            else f", {argument.declared if type.is_float else type.dtype}"
        )
        lines.append(f"    {argument.name}: {shapes.shape(type.shape)}{kind}")
    for name, id in graph.outputs.items():
        lines.append(f"    {name}: {shapes.shape(graph[id].type.shape)}, an output")
    call = ", ".join(signature)
    outputs = _display(graph)
    lines += ["", "Use:", *broken(f"    {outputs}, cache = forward({call})")]
    seeds = [] if graph.loss else incoming.floating
    lines.append(f"    grads = backward({', '.join(['cache', *seeds])})")
    weights = ", cotangents=…" if seeds else ""
    lines += broken(f"    {outputs}, grads = value_and_grad({call}{weights})")
    if steps:
        lines += broken(f"    new = step({call})")
    if level > 1:
        separator = ", " if call or weights else ""
        lines += [
            "or in memory that is made once, where the results live until it is used again:",
            *broken(f"    workspace = Workspace({call})"),
            *broken(f"    {outputs}, grads = value_and_grad({call}{weights}{separator}workspace=workspace)"),
        ]
    gradients = f"The gradients, by name: {', '.join(graph.gradients) or 'nothing'}."
    lines += ["", *wrap(gradients, WIDTH, break_long_words=False), "Made by graphc; it is yours."]
    return docstring(lines)


def _imports(graph: Graph) -> str:
    lines = ["from typing import NamedTuple", ""] if len(graph.outputs) > 1 else []
    return "\n".join([*lines, "import numpy as np"])


def _constants(graph: Graph) -> str:
    params = [a.name for a in graph.arguments if a.kind == "param"]
    inputs = [a.name for a in graph.arguments if a.kind != "param"]
    named = {"INPUTS": inputs, "PARAMETERS": params, "OUTPUTS": list(graph.outputs)}
    lines = [line for name, values in named.items() for line in broken(f"{name} = {quoted(values)}")]
    return "\n".join([*lines, "SOURCE = " + _source_constant(graph.source)])


def outputs_type(graph: Graph) -> str:
    """The class of several results."""
    if len(graph.outputs) < 2:
        return ""
    fields = Names({"count", "index"})
    names = [fields.fresh(n.lstrip("_") or "value") for n in graph.outputs]
    return 'class Outputs(NamedTuple):\n    """The results of forward."""\n\n' + "\n".join(
        f"    {n}: np.ndarray" for n in names
    )


def _display(graph: Graph) -> str:
    names = argument_names(graph.outputs)
    return names[0] if len(names) == 1 else "outputs"


def _title(file: str) -> str:
    return f"The program {file}, forward and backward." if file != "<string>" else "A program, forward and backward."


def _source_constant(source: str) -> str:
    pieces = [piece for line in source.splitlines(keepends=True) for piece in _pieces(line)]
    if len(pieces) < 2:
        return quoted(source)
    return "(\n" + "".join(f"    {quoted(piece)}\n" for piece in pieces) + ")"


def _pieces(line: str) -> list[str]:
    """A line of the program as strings that fit into lines of the module, cut between words where there are any."""
    found = []
    while len(line) > WIDTH + 12:
        at = line.rfind(" ", 1, WIDTH) + 1 or WIDTH
        found.append(line[:at])
        line = line[at:]
    return [*found, line]
