"""The costs of a program as a reader sees them: formulas, or numbers where all sizes are given; and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from graphc.emitter.shapes import ShapeNames
from graphc.explain.costs import Costs, Saved
from graphc.explain.formulas import factored, order_of_sizes
from graphc.explain.peaks import Memory
from graphc.explain.work import Loop, Row, Work
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node, Statement
from graphc.ir.types import Unknown
from graphc.passes.cost import bytes_of as bytes_of_type

__all__ = ["CostTable", "amount", "of_bytes", "place", "tile_count", "where"]

MOST_NAMED = 8
"""Of the values that are saved so many are named."""
KINDS = {"float": "numbers", "int": "integers", "bool": "booleans"}
WIDTH = 100
WIDEST = 33
"""Of a statement in the table; the rest of it is left out."""


class CostTable:
    """What `graphc cost` prints. `sizes` are given by the symbols of the graph."""

    def __init__(self, costs: Costs, sizes: Mapping[str, int]) -> None:
        self.costs, self.sizes = costs, sizes
        self.order = order_of_sizes(costs.graph)
        self.names = ShapeNames(costs.graph)
        self.bindings = {name: dim(size) for name, size in sizes.items()}
        self.exact = set(self.order) <= set(sizes)

    # ------------------------------------------------------------ text

    def rows(self) -> list[list[str]]:
        """A row per statement under the name of its function, and the sums."""
        rows: list[list[str]] = [["statement", "multiplications", "functions", "bytes"]]
        for title, part in zip(("total", "total of step"), parts_of(self.costs.rows), strict=True):
            name = None
            for row in part:
                if row.part != name:
                    name = row.part
                    rows += [[""], [name]]
                rows.append([place(row), *self._cells(row.work)])
            if part or title == "total":
                rows += [[""], [title, *self._cells(sum_of(part))]]
        return rows

    def limits(self) -> list[int]:
        return [0, 20, 12, 22]

    def _cells(self, work: Work) -> list[str]:
        cells = (
            (self._count(work.multiplications), work.uncounted),
            (self._count(work.functions), work.uncounted),
            (self._bytes(work.bytes), work.unknown),
        )
        return [(cell if cell != "0" else "-") + (" + ?" if missing else "") for cell, missing in cells]

    def notes(self) -> list[str]:
        """What is saved, the peaks, and how the numbers are meant."""
        costs = self.costs
        notes = []
        notes.append(f"saved: {self._entries(costs.saved)}")
        made = [each for each in costs.saved if not (each.argument or each.view)]
        if made and len(made) < len(costs.saved):
            notes.append(f"       made by forward: {self._entries(made)}")
        for name, memory in costs.memory.items():
            label = "workspace" if name == "workspace" else f"peak of {name}"
            if memory.peak.terms or memory.tiles:
                notes.append(f"{label}: {self._memory(memory)}")
        if costs.level > 1:
            saves = "saves nothing" if "value_and_grad" in costs.bodies else "is forward_in and then backward_in"
            notes.append(f"(value_and_grad {saves}; a call without a workspace allocates one for itself)")
        if not self.exact and any(memory.at for memory in costs.memory.values()):
            notes.append("(which peak is the largest is judged with 64 for each size that is not given)")
        notes.append(f"({self._item()})")
        inferred = [f"{short} is {long}" for short, long in self._inferred()]
        if inferred:
            notes.append(f"({', '.join(inferred)})")
        if costs.unknown:
            undeclared = ", ".join(f"`{name}`" for name in costs.unknown)
            kind = "param" if costs.unknown[0] in costs.graph.gradients else "input"
            notes.append(f"(?: what depends on the shape of {undeclared} is not counted; declare it: "
                         f"`{kind} {costs.unknown[0]}[…]`)")  # fmt: skip
        return [line for note in notes for line in textwrap.wrap(note, WIDTH, subsequent_indent=" " * 7)]

    def _item(self) -> str:
        kind = "float64" if self.costs.item == 8 else "float32"
        beside = "allocated beside the arguments"
        return f"peaks are in bytes of {kind}, {beside}"

    def _inferred(self) -> Iterable[tuple[str, str]]:
        from graphc.ir.dims import shown

        return ((name, shown(symbol)) for symbol, name in self.names.names.items())

    def _entries(self, saved: Sequence[Saved]) -> str:
        names = [each.name for each in saved]
        totals: dict[str, Dim] = {}
        unknown = False
        for node in (each.node for each in saved if not each.view):
            if isinstance(node.type.shape, Unknown):
                unknown = True
            elif node.type.dtype != "shape":
                totals[node.type.dtype] = totals.get(node.type.dtype, dim(0)) + numel(node.type.shape)
        kinds = [(kind, total) for kind in KINDS if (total := totals.get(kind)) is not None]
        parts = [f"{self._formula(total)} {KINDS[kind]}" for kind, total in kinds]
        parts += ["?"] * unknown
        shown = [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED + 1 else names
        text = f"{', '.join(shown) or 'nothing'} = {', '.join(parts) or '0'}"
        if not self.exact:
            return text
        bytes = sum((total * {"float": self.costs.item, "int": 8, "bool": 1}[kind] for kind, total in kinds), dim(0))
        return f"{text}: {of_bytes(bytes.evaluate(self.sizes))}"

    def _memory(self, memory: Memory) -> str:
        text = self._bytes(memory.peak)
        if memory.tiles and self.exact:
            total = self.bytes_of(memory)
            text = f"{of_bytes(total)}, of which {of_bytes(total - memory.peak.evaluate(self.sizes))} in tiles"
        elif memory.tiles:
            plural = "s" if len(memory.tiles) > 1 else ""
            size = of_bytes(self.costs.tile * self.costs.threads)
            text += f" + {len(memory.tiles)} array{plural} as long as a tile, about {size} each"
        return text + (f"   at `{_short(memory.at)}`, line {memory.at.line}" if memory.at is not None else "")

    def bytes_of(self, memory: Memory) -> int:
        """The memory for the given sizes."""
        total = memory.peak.evaluate(self.sizes)
        for room in memory.tiles:
            total += max(
                tile_rows(loop, self.sizes, self.costs.tile, self.costs.item) * row.evaluate(self.sizes)
                for loop, row in room
            )
        return total

    def _saved_bytes(self) -> Dim:
        """Of what is saved; values of unknown shapes are not counted."""
        sizes = (bytes_of_type(each.node.type, self.costs.item) for each in self.costs.saved if not each.view)
        return sum((size for size in sizes if size is not None), dim(0))

    def _formula(self, size: Dim) -> str:
        return factored(size.substitute(self.bindings), self.order, self.names.symbol)

    def _count(self, size: Dim) -> str:
        return amount(size.evaluate(self.sizes)) if self.exact else self._formula(size)

    def _bytes(self, size: Dim) -> str:
        return of_bytes(size.evaluate(self.sizes)) if self.exact else self._formula(size)

    # ------------------------------------------------------------ JSON

    def data(self) -> dict[str, Any]:
        """The same for programs: formulas as text, and numbers where all sizes are given."""
        costs = self.costs
        main, step = parts_of(costs.rows)
        return {
            "file": costs.graph.file,
            "level": costs.level,
            "dtype": "float64" if costs.item == 8 else "float32",
            "sizes": {self.names.symbol(name): size for name, size in self.sizes.items()},
            "inferred": dict(self._inferred()),
            "statements": [self._row_data(row) for row in costs.rows],
            "total": self._work_data(sum_of(main)),
            **({"step_total": self._work_data(sum_of(step))} if step else {}),
            "saved": [
                {"name": each.name, "argument": each.argument, "view": each.view,
                 **self._number("numbers", _numel(each.node))}
                for each in costs.saved
            ],
            "saved_bytes": self._number("bytes", self._saved_bytes())["bytes"],
            "memory": {name: self._memory_data(memory) for name, memory in costs.memory.items()},
            "not_counted": costs.unknown,
        }

    def _row_data(self, row: Row) -> dict[str, Any]:
        return {**where(row), **self._work_data(row.work)}

    def _work_data(self, work: Work) -> dict[str, Any]:
        return {
            **self._number("multiplications", work.multiplications),
            **self._number("functions", work.functions),
            **self._number("bytes", work.bytes),
            **(self._number("cached_bytes", work.cached) if self.costs.level > 1 else {}),
            "complete": not work.unknown,
        }

    def _memory_data(self, memory: Memory) -> dict[str, Any]:
        data: dict[str, Any] = {"formula": self._formula(memory.peak)}
        if self.exact:
            data["value"] = self.bytes_of(memory)
        if memory.at is not None:
            data["line"] = memory.at.line
        return data

    def _number(self, name: str, size: Dim | None) -> dict[str, Any]:
        if size is None:
            return {name: None}
        return {name: {"formula": self._formula(size), **({"value": size.evaluate(self.sizes)} if self.exact else {})}}


def parts_of(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of values and gradients, and those of the training step, which computes them anew."""
    found: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        found[row.part == "step"].append(row)
    return found


def sum_of(rows: Iterable[Row]) -> Work:
    """The work of all rows."""
    total = Work()
    for row in rows:
        total.add(row.work)
    return total


def _numel(node: Node) -> Dim | None:
    return None if isinstance(node.type.shape, Unknown) else numel(node.type.shape)


def where(row: Row) -> dict[str, Any]:
    """The function and the statement of a row, as JSON has them."""
    statement = row.statement
    return {
        "part": row.part,
        "gradient": row.gradient,
        "steps": len(row.groups),
        "statement": statement.text if statement else None,
        "file": statement.file if statement else None,
        "line": statement.line if statement else None,
    }


def place(row: Row) -> str:
    """A statement and its line; a gradient's carries a mark where both stand in one function."""
    if row.statement is None:
        return "  what belongs to no statement"
    mark = "∂ " if row.part in ("value_and_grad", "step") and row.gradient else ""
    steps = f" ×{len(row.groups)}" if len(row.groups) > 1 else ""
    return f"  {row.statement.line:>3}  {mark}{_short(row.statement, WIDEST - len(mark) - len(steps))}{steps}"


def _short(statement: Statement, width: int = WIDEST) -> str:
    text = " ".join(statement.text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def tile_rows(loop: Loop, sizes: Mapping[str, int], tile: int, item: int) -> int:
    """How many rows a tile of a loop has."""
    width = max((w.evaluate(sizes) for w in loop.widths), default=1)
    size = max(1, width) * item
    return min(loop.rows.evaluate(sizes), max(1, (tile + size // 2) // size))


def tile_count(loop: Loop, sizes: Mapping[str, int], tile: int, item: int) -> int:
    """How many tiles a loop goes over."""
    return -(-loop.rows.evaluate(sizes) // max(1, tile_rows(loop, sizes, tile, item)))


def _scaled(value: float, units: Sequence[str], step: float, text: Callable[[float], str]) -> str:
    for unit in units:
        if abs(value) < step or unit == units[-1]:
            return f"{text(value)} {unit}".rstrip()
        value /= step
    raise AssertionError("the last unit takes all")


def _three(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def amount(value: int) -> str:
    """A number of operations: `61.4 M`."""
    return _scaled(value, ("", "k", "M", "G", "T"), 1000, _three)


def of_bytes(value: int) -> str:
    """An amount of memory: `4.2 MB`, a MB being 10**6 bytes."""
    return "0" if not value else _scaled(value, ("B", "kB", "MB", "GB", "TB"), 1000, _three)
