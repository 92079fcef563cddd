"""The lines of a generated module's `backward` that compute a gradient."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.emitter.written_lines import WrittenLine
from graphc.explain.report import function_text
from graphc.ir.graph import Node

__all__ = ["CodeLines"]


WIDTH = 88
"""A step is said beside lines that are no longer than this with it."""


@dataclass(slots=True)
class _Assigned:
    """A statement of the function: what it assigns, its lines, what it reads, the value that it is part of, and the
    step of a loop it belongs to."""

    target: str
    lines: list[str]
    read: set[str]
    node: Node | None = None
    step: str = ""


class CodeLines:
    """Finds the lines that make a value, and what it is made of that was not shown before.

    `written` says what the statements are about: a name may stand for something else in each step of a loop.
    """

    def __init__(self, module: str, written: Sequence[WrittenLine] = ()) -> None:
        self.shown: set[int] = set()
        self.backward = function_text(module, "backward") if module else ""
        self.text = self.backward.split("\n")
        self.statements: list[_Assigned] = []
        self.returned: dict[str, str] = {}
        if module:
            function = ast.parse(self.backward).body[0]
            assert isinstance(function, ast.FunctionDef)
            end = next(k for k, statement in enumerate(function.body) if _is_result(statement))
            about = [*[None] * (end - len(written)), *written]
            for k, statement in enumerate(function.body):
                before = len(self.statements)
                self._read(statement)
                self._tell(self.statements[before:], about[k] if k < end else None)
        self.shared = self._shared()

    @staticmethod
    def _tell(statements: list[_Assigned], about: WrittenLine | None) -> None:
        """Note what statements are about, if they are the ones that this was written of."""
        for each in statements:
            if about is not None and each.target == about.name:
                each.node, each.step = about.node, about.step

    def _shared(self) -> set[str]:
        """The names that several steps give to what they make anew."""
        made: dict[str, set[str]] = {}
        for each in self.statements:
            if each.step and each.target not in each.read:
                made.setdefault(each.target, set()).add(each.step)
        return {name for name, steps in made.items() if len(steps) > 1}

    def _read(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):  # np.add.at(dE, c, dvc)
            changed = statement.value.args[0] if statement.value.args else None
            if isinstance(changed, ast.Name):
                read = {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)}
                self._append(changed.id, statement, read)
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
                self._append(name.id, statement, read)

    def _append(self, target: str, statement: ast.stmt, read: set[str]) -> None:
        lines = _plain(self.text[statement.lineno - 1 : statement.end_lineno])
        self.statements.append(_Assigned(target, lines, read))

    def _segment(self, e: ast.expr) -> str:
        """The text of an expression; Python's own way to it reads the whole function each time."""
        if e.lineno == e.end_lineno:
            return self.text[e.lineno - 1].encode()[e.col_offset : e.end_col_offset].decode()
        return ast.get_source_segment(self.backward, e) or ""

    def lines(self, gradient: int | None, name: str, wanted: bool, step: str) -> list[str]:
        """The lines that make the value `gradient`, under the heading of a `step` of a loop, `t = 4`; none where the
        code does without it, but for what is returned as the gradient of `name`, if that is `wanted`."""
        own = [k for k, each in enumerate(self.statements) if each.node is not None and each.node.id == gradient]
        if not own:
            given = self.returned.get(name) if wanted else None
            return [f'grads["{name}"] = {given}'] if given else []
        chosen = self._chosen(own)
        self.shown |= chosen
        apart = any(self.statements[k].step != step for k in chosen)
        shown = [line for k in sorted(chosen) for line in self._with_step(self.statements[k], apart)]
        return [line for line in shown if not re.fullmatch(r"\w+ = \w+\.shape\[-?\d+\]", line)]

    def _chosen(self, own: list[int]) -> set[int]:
        """The statements that make it, from the last of its `own` ones back to the first."""
        chosen: set[int] = set()
        needed: set[str] = set()
        for k in range(own[-1], -1, -1):
            each = self.statements[k]
            is_step = each.target in needed and not _is_gradient(each.target) and k not in self.shown
            if each.target not in each.read:  # what the name stood for before is something else
                needed.discard(each.target)
            if is_step or k in own:
                chosen.add(k)
                needed |= each.read
        return chosen

    def _with_step(self, statement: _Assigned, apart: bool) -> list[str]:
        """The lines, with the step beside them where they stand among those of others and read what all call alike."""
        *before, last = statement.lines
        said = f"{last}    # {statement.step}"
        if not apart or not statement.step or len(said) > WIDTH or self.shared.isdisjoint(statement.read):
            return statement.lines
        return [*before, said]


def _is_result(statement: ast.stmt) -> bool:
    """Whether the function's gradients are put together here."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return isinstance(statement, ast.Return) or (isinstance(target, ast.Name) and target.id == "grads")


def _is_gradient(name: str) -> bool:
    """Whether a local variable is a gradient with a name of its own; `dS_product` is a step on the way to one."""
    return bool(re.fullmatch(r"d[^_]\w*", name)) and not re.search(r"_[a-z]+(_\d+)?$", name)


def _plain(lines: list[str]) -> list[str]:
    """The lines of a statement without the comments on shapes, from where the first begins."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    return [re.sub(r"\s+# (\(.*\)|any shape)$", "", line)[indent:].rstrip() for line in lines]
