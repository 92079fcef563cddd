"""The time of each statement of a compiled program on this machine, and what the cost model makes of it.

A call of a clock is put before each group of lines of the emitted functions:

    clock(0)
    Z = X @ W1 + b1                  clock(k): what follows belongs to row k
    clock(1)
    H = np.maximum(Z, 0)

The model is the machine's in five numbers, measured here: multiplications a second in BLAS, values of functions a
second, bytes a second from memory and from a cache, and what a call of NumPy costs in itself.
"""

from __future__ import annotations

import ast
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from graphc.emitter.groups import Line
from graphc.explain.cost_table import tile_count
from graphc.explain.costs import Costs
from graphc.explain.work import Work

__all__ = ["Machine", "Timings", "marked", "measure", "model"]

REST = -1
"""The row of what belongs to no statement: checks of arguments, results."""
CACHE = 1 << 20
"""A statement that moves fewer bytes than this finds them in a cache."""


@dataclass(frozen=True)
class Machine:
    """What a machine can do, in one thread: per second, and the seconds that a call takes."""

    products: float
    functions: float
    memory: float
    cache: float
    call: float

    def data(self) -> dict[str, float]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def measured(dtype: str, fresh: bool) -> Machine:
        """This machine's numbers for a floating type; it takes about a third of a second.

        `fresh`: what goes to memory is written into arrays that are allocated for it.
        """
        n, long, short = 384, 1 << 21, 1 << 14
        a, b, c = (np.ones((n, n), dtype) for _ in range(3))
        wide, other = np.ones(long, dtype), np.ones(long, dtype)
        near, far, result = (np.full(short, 0.5, dtype) for _ in range(3))
        one = np.ones(1, dtype)
        item = wide.itemsize
        return Machine(
            products=n**3 / _seconds(lambda: np.matmul(a, b, out=c)),
            functions=short / statistics.mean(_seconds(partial(f, near, out=result)) for f in (np.exp, np.tanh)),
            memory=2 * item * long / _seconds(lambda: np.negative(wide, out=None if fresh else other)),
            cache=3 * item * short / _seconds(lambda: np.add(near, far, out=result)),
            call=_seconds(lambda: np.multiply(one, one, out=one)),
        )  # fmt: skip


def _seconds(call: Callable[[], object]) -> float:
    """The time of a call: the least of several rounds of as many calls as make a few milliseconds."""
    call()
    started = time.perf_counter()
    call()
    count = max(1, int(0.004 / max(1e-7, time.perf_counter() - started)))
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - started) / count)
    return max(best, 1e-9)


def model(work: Work, machine: Machine, costs: Costs, sizes: Mapping[str, int]) -> float:
    """The seconds that the work should take."""
    moved = work.bytes.evaluate(sizes)
    seconds = work.products.evaluate(sizes) / machine.products + work.functions.evaluate(sizes) / machine.functions
    seconds += moved / (machine.memory if moved > CACHE else machine.cache)
    seconds += work.cached.evaluate(sizes) / machine.cache
    calls = work.calls + sum(loop.calls * tile_count(loop, sizes, costs.tile, costs.item) for loop in work.loops)
    return seconds + calls * machine.call


@dataclass
class Timings:
    """Seconds per row of the costs, the medians over the rounds; `rest` is that of what belongs to no statement, of
    values and gradients and of the training step, if the program has one."""

    rows: dict[int, float]
    rest: list[float]
    rounds: int


def measure(costs: Costs, arguments: Mapping[str, Any], cotangents: Sequence[Any], seconds: float) -> Timings:
    """Run the program for about so many seconds, at least three times.

    Raises what the module raises for arguments that do not suit it.
    """
    clock = _Clock()
    module: dict[str, Any] = {"clock": clock}
    exec(compile(marked(costs), f"<graphc {costs.graph.file}>", "exec"), module)
    values = list(arguments.values())
    runs = [_round(costs, module, values, cotangents)]
    if "step" in costs.bodies:
        runs.append(partial(module["step"], *values))
    for run in runs:
        run()
    rounds: list[list[dict[int, float]]] = []
    end = time.perf_counter() + seconds
    while len(rounds) < 3 or time.perf_counter() < end:
        rounds.append([clock.around(run) for run in runs])
    medians = [_medians(each) for each in zip(*rounds, strict=True)]
    rows = {key: value for each in medians for key, value in each.items() if key != REST}
    return Timings(rows, [each.get(REST, 0.0) for each in medians], len(rounds))


def _medians(rounds: Sequence[Mapping[int, float]]) -> dict[int, float]:
    keys = dict.fromkeys(key for each in rounds for key in each)
    return {key: statistics.median(each.get(key, 0.0) for each in rounds) for key in keys}


def _round(
    costs: Costs, module: dict[str, Any], values: Sequence[Any], cotangents: Sequence[Any]
) -> Callable[[], object]:
    """Values and gradients once."""
    if costs.level > 1:
        workspace = module["Workspace"](*values)
        more = {} if costs.graph.loss else {"cotangents": tuple(cotangents)}
        return lambda: module["value_and_grad"](*values, **more, workspace=workspace)

    def run() -> None:
        _, cache = module["forward"](*values)
        module["clock"](REST)
        module["backward"](cache, *cotangents)

    return run


class _Clock:
    """Adds up the time between its calls, for the row that the last call named."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.spent: dict[int, float] = {}
        self.row = REST
        self.since = time.perf_counter()

    def around(self, run: Callable[[], object]) -> dict[int, float]:
        """The seconds per row of one run."""
        self.start()
        run()
        self(REST)
        return self.spent

    def __call__(self, row: int) -> None:
        now = time.perf_counter()
        self.spent[self.row] = self.spent.get(self.row, 0.0) + now - self.since
        self.row = row
        self.since = time.perf_counter()


def marked(costs: Costs) -> str:
    """The module's text with the calls of the clock."""
    text = costs.module.split("\n")
    for function, lines in costs.bodies.items():
        rows = {
            group: number for number, row in enumerate(costs.rows) if row.part == function for group in row.groups
        }
        text = _marked(text, function, lines, rows)
    return "\n".join(text)


def _marked(text: list[str], function: str, lines: Sequence[Line], rows: Mapping[tuple[int, bool], int]) -> list[str]:
    """Statements are found again by what they mean: the emitter breaks lines after it has written them."""
    start = next(k for k, line in enumerate(text) if line.startswith(f"def {function}("))
    end = next((k for k in range(start + 1, len(text)) if text[k][:1].isalpha()), len(text))
    (definition,) = ast.parse("\n".join(text[start:end])).body
    assert isinstance(definition, ast.FunctionDef)
    statements = _in_order(definition.body)
    marks: dict[int, int] = {}
    last, depth, line = REST, -1, 0
    for meaning, row in _statements(lines, rows):
        found = next(each for each in statements if _meaning(each) == meaning)
        if row != last or found.col_offset != depth:
            marks[start + found.lineno - 1] = row
        last, depth, line = row, found.col_offset, found.lineno
    after = next(each for each in definition.body if each.lineno > line)
    marks[start + after.lineno - 1] = REST
    result: list[str] = []
    for number, content in enumerate(text):
        if number in marks:
            result.append(f"{content[: len(content) - len(content.lstrip())]}clock({marks[number]})")
        result.append(content)
    return result


def _in_order(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.For):
            yield from _in_order(statement.body)


def _statements(lines: Sequence[Line], rows: Mapping[tuple[int, bool], int]) -> Iterator[tuple[str, int]]:
    """What each statement of a body means, and its row; the head of a loop is a statement by itself."""
    parts: list[str] = []
    for line in lines:
        parts.append(line.text if parts else line.text.strip())
        text = "\n".join(parts)
        try:
            (statement,) = ast.parse(f"{text} pass" if text.startswith("for ") and text.endswith(":") else text).body
        except SyntaxError:  # it goes on
            continue
        parts = []
        yield _meaning(statement), rows.get(line.group, REST)


def _meaning(statement: ast.stmt) -> str:
    if isinstance(statement, ast.For):
        return f"for {ast.unparse(statement.target)} in {ast.unparse(statement.iter)}"
    return ast.unparse(statement)
