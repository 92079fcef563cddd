"""The lines of a generated module's `backward` that compute a gradient."""

from __future__ import annotations

import ast
import re

from graphc.explain.report import function_text

__all__ = ["CodeLines"]


class CodeLines:
    """Finds lines by the names they assign: a gradient's own, and what it is made of that was not shown before."""

    def __init__(self, module: str) -> None:
        self.shown: set[int] = set()
        self.backward = function_text(module, "backward") if module else ""
        self.text = self.backward.split("\n")
        self.statements: list[tuple[str, list[str], set[str]]] = []
        self.returned: dict[str, str] = {}
        if module:
            function = ast.parse(self.backward).body[0]
            assert isinstance(function, ast.FunctionDef)
            for statement in function.body:
                self._read(statement)

    def _read(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):  # np.add.at(dE, c, dvc)
            changed = statement.value.args[0] if statement.value.args else None
            if isinstance(changed, ast.Name):
                read = {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)}
                self.statements.append((changed.id, self._lines(statement), read))
        if isinstance(statement, (ast.Assign, ast.AugAssign)):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if isinstance(target, ast.Name) and isinstance(statement.value, ast.Dict) and target.id == "grads":
                for k, value in zip(statement.value.keys, statement.value.values, strict=True):
                    if isinstance(k, ast.Constant):
                        self.returned[str(k.value)] = self._segment(value)
                return
            name = target
            while isinstance(name, (ast.Subscript, ast.Attribute)):
                name = name.value
            if isinstance(name, ast.Name):
                read = {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)}
                if isinstance(statement, ast.AugAssign) or target is not name:
                    read.add(name.id)
                self.statements.append((name.id, self._lines(statement), read))

    def _lines(self, statement: ast.stmt) -> list[str]:
        return _plain(self.text[statement.lineno - 1 : statement.end_lineno])

    def _segment(self, e: ast.expr) -> str:
        """The text of an expression; Python's own way to it reads the whole function each time."""
        if e.lineno == e.end_lineno:
            return self.text[e.lineno - 1].encode()[e.col_offset : e.end_col_offset].decode()
        return ast.get_source_segment(self.backward, e) or ""

    def lines(self, name: str, wanted: bool) -> list[str]:
        """The lines that make the gradient of a value; none where the code does without it."""
        gradient = f"d{name}"
        own = [k for k, (target, _, _) in enumerate(self.statements) if target == gradient]
        if not own or "cotangent(" in "".join(self.statements[own[-1]][1]):
            given = self.returned.get(name) if wanted else None
            return [f'grads["{name}"] = {given}'] if given and not own else []
        chosen: set[int] = set()
        needed: set[str] = set()
        for k in range(own[-1], -1, -1):
            target, _, read = self.statements[k]
            is_step = target in needed and not _is_gradient(target) and k not in self.shown
            if target not in read:  # what the name stood for before is something else
                needed.discard(target)
            if is_step or target == gradient:
                chosen.add(k)
                needed |= read
        self.shown |= chosen
        shown = [line for k in sorted(chosen) for line in self.statements[k][1]]
        return [line for line in shown if not re.fullmatch(r"\w+ = \w+\.shape\[-?\d+\]", line)]


def _is_gradient(name: str) -> bool:
    """Whether a local variable is a gradient with a name of its own; `dS_product` is a step on the way to one."""
    return bool(re.fullmatch(r"d[^_]\w*", name)) and not re.search(r"_[a-z]+(_\d+)?$", name)


def _plain(lines: list[str]) -> list[str]:
    """The lines of a statement without the comments on shapes, from where the first begins."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    return [re.sub(r"\s+# (\(.*\)|any shape)$", "", line)[indent:].rstrip() for line in lines]
