"""The lines of a generated module's `backward` that compute a gradient."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from graphc.emitter.step_names import without_numbers
from graphc.explain.report import function_text

__all__ = ["CodeLines"]


_HEAD = re.compile(r"    # \S.*?(?:   \[(\w+ = -?\d+(?:, \w+ = -?\d+)*)\]    .*)?")
"""The comment that a statement of the program stands in, with the step of its loops."""
WIDTH = 88
"""A step is said beside lines that are no longer than this with it."""


@dataclass(slots=True)
class _Assigned:
    """A statement of the function: what it assigns, its lines, what it reads, and the step of a loop it belongs to."""

    target: str
    lines: list[str]
    read: set[str]
    step: str


class CodeLines:
    """Finds lines by the names they assign: a gradient's own, and what it is made of that was not shown before.

    Names that all steps of a loop have in common are told apart by the steps.
    """

    def __init__(self, module: str) -> None:
        self.shown: set[int] = set()
        self.backward = function_text(module, "backward") if module else ""
        self.text = self.backward.split("\n")
        self.statements: list[_Assigned] = []
        self.steps = self._steps()
        self.returned: dict[str, str] = {}
        self.unpacked: set[str] = set()  # values of forward: an argument of the program may be called `dY`
        if module:
            function = ast.parse(self.backward).body[0]
            assert isinstance(function, ast.FunctionDef)
            for statement in function.body:
                self._read(statement)
        self.shared = self._shared()

    def _steps(self) -> list[str]:
        """Per line the step of a loop that its comment names, `t = 4`."""
        steps, step = [], ""
        for line in self.text:
            if head := _HEAD.fullmatch(line):
                step = head[1] or ""
            steps.append(step)
        return steps

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
            if isinstance(target, ast.Tuple):
                self.unpacked |= {each.id for each in target.elts if isinstance(each, ast.Name)}
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
        self.statements.append(_Assigned(target, lines, read, self.steps[statement.lineno - 1]))

    def _segment(self, e: ast.expr) -> str:
        """The text of an expression; Python's own way to it reads the whole function each time."""
        if e.lineno == e.end_lineno:
            return self.text[e.lineno - 1].encode()[e.col_offset : e.end_col_offset].decode()
        return ast.get_source_segment(self.backward, e) or ""

    def lines(self, name: str, wanted: bool, step: str = "") -> list[str]:
        """The lines that make the gradient of a value that a `step` of a loop assigns, `t = 4`; none where the code
        does without it."""
        gradient = f"d{name}" if f"d{name}" not in self.unpacked else f"d{name}_2"
        own = [k for k, each in enumerate(self.statements) if each.target == gradient]
        if not own and without_numbers(gradient) in self.shared:
            gradient = without_numbers(gradient)
            own = [k for k, each in enumerate(self.statements) if each.target == gradient and each.step == step]
        if not own or "cotangent(" in "".join(self.statements[own[-1]].lines):
            given = self.returned.get(name) if wanted else None
            return [f'grads["{name}"] = {given}'] if given and not own else []
        chosen = self._chosen(gradient, own)
        self.shown |= chosen
        apart = len({self.statements[k].step for k in chosen}) > 1
        shown = [line for k in sorted(chosen) for line in self._with_step(self.statements[k], apart)]
        return [line for line in shown if not re.fullmatch(r"\w+ = \w+\.shape\[-?\d+\]", line)]

    def _chosen(self, gradient: str, own: list[int]) -> set[int]:
        """The statements that make it, from the last of its `own` ones back to the first."""
        chosen: set[int] = set()
        needed: set[str] = set()
        first = own[0] if gradient in self.shared else 0
        for k in range(own[-1], -1, -1):
            each = self.statements[k]
            is_step = each.target in needed and not _is_gradient(each.target) and k not in self.shown
            if each.target not in each.read:  # what the name stood for before is something else
                needed.discard(each.target)
            if is_step or (each.target == gradient and k >= first):
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


def _is_gradient(name: str) -> bool:
    """Whether a local variable is a gradient with a name of its own; `dS_product` is a step on the way to one."""
    return bool(re.fullmatch(r"d[^_]\w*", name)) and not re.search(r"_[a-z]+(_\d+)?$", name)


def _plain(lines: list[str]) -> list[str]:
    """The lines of a statement without the comments on shapes, from where the first begins."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    return [re.sub(r"\s+# (\(.*\)|any shape)$", "", line)[indent:].rstrip() for line in lines]
