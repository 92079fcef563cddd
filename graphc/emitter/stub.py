"""The types of a generated module as a stub, `net.pyi`, for editors and type checkers.

Names, arguments and their order are read from the module itself, so that the stub says what the module does.
"""

from __future__ import annotations

import ast

__all__ = ["stub_of"]

ARRAY = "NDArray[Any]"
GRADIENTS = f"dict[str, {ARRAY}]"
OTHER = {"self": "", "cache": "Any", "workspace": "Any", "cotangents": "Sequence[ArrayLike]"}
"""Arguments that are not arrays."""


def stub_of(module: str) -> str:
    """The stub of a module that graphc generated, from its source."""
    tree = ast.parse(module)
    outputs = "Outputs" if any(isinstance(n, ast.ClassDef) and n.name == "Outputs" for n in tree.body) else ARRAY
    results = {
        "forward": f"tuple[{outputs}, Any]",
        "backward": GRADIENTS,
        "value_and_grad": f"tuple[{outputs}, {GRADIENTS}]",
        "step": GRADIENTS,
    }
    constants, members = [], []
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in ("INPUTS", "PARAMETERS", "OUTPUTS", "SOURCE"):
                kind = "str" if node.targets[0].id == "SOURCE" else "tuple[str, ...]"
                constants.append(f"{node.targets[0].id}: {kind}")
        elif isinstance(node, ast.ClassDef) and node.name == "Outputs":
            fields = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
            members.append("\n".join(["class Outputs(NamedTuple):", *(f"    {name}: {ARRAY}" for name in fields)]))
        elif isinstance(node, ast.ClassDef) and node.name == "Workspace":
            made = next(n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
            members.append(f"class Workspace:\n    {_heading(made, 'None')}")
        elif isinstance(node, ast.FunctionDef) and node.name in results:
            members.append(_heading(node, results[node.name]))
    title = (ast.get_docstring(tree) or "").split(",")[0]
    body = "\n\n".join(["\n".join(constants), *members])
    return f'"""{title}: the types of the module that graphc makes of it."""\n\n{_imports(body)}\n{body}\n'


def _heading(function: ast.FunctionDef, result: str) -> str:
    given = function.args
    parts = [_argument(argument) for argument in given.args]
    for k in range(len(given.defaults)):
        parts[-1 - k] += " = ..."
    if given.kwonlyargs:
        parts.append("*")
        for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            parts.append(_argument(argument) + (" = ..." if default is not None else ""))
    return f"def {function.name}({', '.join(parts)}) -> {result}: ..."


def _argument(argument: ast.arg) -> str:
    kind = OTHER.get(argument.arg, "ArrayLike")
    return f"{argument.arg}: {kind}" if kind else argument.arg


def _imports(body: str) -> str:
    """The imports that these declarations use."""
    lines = ["from collections.abc import Sequence\n"] if "Sequence[" in body else []
    lines.append("from typing import Any" + (", NamedTuple" if "(NamedTuple)" in body else "") + "\n")
    names = [name for name in ("ArrayLike", "NDArray") if name in body]
    return "".join(lines) + f"\nfrom numpy.typing import {', '.join(names)}\n"
