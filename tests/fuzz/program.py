"""A random program in parts, each with its meaning in Python beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fuzz.translation import Translation

__all__ = ["SIZES", "Argument", "Statement", "Wide"]

SIZES = {"N": 5, "D": 4, "H": 7, "C": 6}
"""Different ones, and none that a form writes as a number: what fits here fits by name."""


@dataclass(frozen=True)
class Argument:
    """A name with its sizes; of kind `float`, `int` (from -below to below), `label` (from 0 to below) or `bool`."""

    name: str
    dims: tuple[str, ...]
    kind: str = "float"
    below: str = "1"

    def declared(self, word: str) -> str:
        type = {"float": "", "label": ": int"}.get(self.kind, f": {self.kind}")
        name = re.sub(r"^([Mc])_(\d)$", r"\1_{\2}", self.name)  # with a subscript as well as without
        return f"{word} {name}[{', '.join(self.dims)}]{type}"

    def draw(self, rng: np.random.Generator, sizes: dict[str, int]) -> Any:
        shape = tuple(int(eval(d, dict(sizes))) for d in self.dims)
        if self.kind == "bool":
            return rng.random(shape) < 0.5
        if self.kind in ("int", "label"):
            below = int(eval(self.below, dict(sizes)))
            return rng.integers(-below if self.kind == "int" else 0, max(below, 1 - (0 in shape)), shape)
        return rng.uniform(0.2, 1.5, shape) * rng.choice([-1.0, 1.0], shape)


@dataclass(frozen=True)
class Statement:
    """A statement as a program has it, and as Python has it; the names it makes and those it reads."""

    text: str
    python: str
    makes: tuple[str, ...]
    reads: frozenset[str]


@dataclass
class Wide:
    """A program in parts."""

    number: int
    arguments: list[Argument] = field(default_factory=list)
    params: bool = False
    undeclared: frozenset[str] = frozenset()
    functions: list[tuple[str, str]] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    loss: str | None = None
    updates: list[Statement] = field(default_factory=list)
    wrt: tuple[str, ...] | None = None
    mixed: bool = False

    @property
    def head(self) -> list[str]:
        """What comes before the statements."""
        lines = [text for text, _ in self.functions]
        for argument in self.arguments:
            if argument.name not in self.undeclared:
                word = "param" if self.params and argument.kind == "float" else "input"
                lines.append(argument.declared(word))
        return lines

    @property
    def text(self) -> str:
        ending = [f"output {', '.join(self.outputs)}"] if self.outputs else []
        ending += [f"loss {self.loss}"] if self.loss else []
        body = [s.text for s in self.statements]
        return "\n".join([*self.head, *body, *ending, *(s.text for s in self.updates), ""])

    def translation(self, sizes: dict[str, int]) -> Translation:
        lines = [line for s in (*self.statements, *self.updates) for line in s.python.split("\n")]
        return Translation(lines, sizes, "\n".join(python for _, python in self.functions))

    def without(self, number: int) -> None:
        """Take away a statement, and those that read what it makes."""
        gone = set(self.statements[number].makes)
        kept = self.statements[:number]
        for statement in self.statements[number + 1 :]:
            if statement.reads & gone:
                gone |= set(statement.makes)
            else:
                kept.append(statement)
        self.statements = kept
        self.outputs = [name for name in self.outputs if name not in gone]
        self.updates = [s for s in self.updates if not s.reads & gone]

    def draw(self, seed: int, sizes: dict[str, int]) -> dict[str, Any]:
        rng = np.random.default_rng([seed, self.number])
        return {a.name: a.draw(rng, sizes) for a in self.arguments}
