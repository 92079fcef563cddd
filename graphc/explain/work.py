"""What is done, counted per operation and gathered to a row per statement.

`Z = X@W + b` with `X[N, D]`, `W[D, H]` is a row of `N*D*H` multiplications, all of them in BLAS, and of the bytes that
the product and the sum read and write. In a loop that was unrolled all steps of a statement are one row.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Graph, Node, Statement
from graphc.passes.cost import IN_BLAS, bytes_moved, functions, is_of_numbers, multiplications

__all__ = ["Loop", "Row", "Work", "rows_of", "work_of"]


@dataclass
class Work:
    """What is done. `products` are those of the multiplications that BLAS does; `cached` are bytes in arrays that stay
    in a cache; `unknown` are the operations of which not all is counted, as nothing fixes their shapes, `uncounted`
    those of them whose multiplications or functions are not."""

    multiplications: Dim = field(default_factory=lambda: dim(0))
    products: Dim = field(default_factory=lambda: dim(0))
    functions: Dim = field(default_factory=lambda: dim(0))
    bytes: Dim = field(default_factory=lambda: dim(0))
    cached: Dim = field(default_factory=lambda: dim(0))
    calls: int = 0
    loops: list[Loop] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    uncounted: list[int] = field(default_factory=list)

    def add(self, other: Work) -> None:
        self.multiplications = self.multiplications + other.multiplications
        self.products = self.products + other.products
        self.functions = self.functions + other.functions
        self.bytes = self.bytes + other.bytes
        self.cached = self.cached + other.cached
        self.calls += other.calls
        self.loops += other.loops
        self.unknown += other.unknown
        self.uncounted += other.uncounted

    @property
    def is_nothing(self) -> bool:
        parts = (self.multiplications, self.functions, self.bytes, self.cached)
        return not any(part.terms for part in parts) and not self.unknown


@dataclass(frozen=True)
class Loop:
    """So many calls for each tile of so many rows, of which the widest has one of these widths."""

    rows: Dim
    widths: tuple[Dim, ...]
    calls: int = 1


@dataclass
class Row:
    """A statement in one of the functions; in a loop that was unrolled, all its steps. `groups` are what the emitter
    knows them by, `gradient` says that they are of the reverse pass."""

    part: str
    groups: list[tuple[int, bool]]
    gradient: bool
    statement: Statement | None
    work: Work


def work_of(graph: Graph, node: Node, item: int) -> Work:
    """The work of one operation."""
    multiplied, evaluated = multiplications(graph, node), functions(graph, node)
    moved = bytes_moved(graph, node, item)
    op = graph.op(node)
    idle = op.view or op.cost == "free"
    calls = 0 if idle or is_of_numbers(graph, node) else 1
    unknown = [] if idle or None not in (multiplied, evaluated, moved) else [node.id]
    uncounted = unknown if None in (multiplied, evaluated) else []
    multiplied = multiplied or dim(0)
    products = multiplied if node.op in IN_BLAS else dim(0)
    return Work(multiplied, products, evaluated or dim(0), moved or dim(0), calls=calls, unknown=unknown,
                uncounted=uncounted)  # fmt: skip


def rows_of(graph: Graph, part: str, work: Iterable[tuple[tuple[int, bool], Work]]) -> list[Row]:
    """One row per statement, in the order in which the statements begin; the steps of a loop are one."""
    rows: dict[Hashable, Row] = {}
    for group, each in work:
        index = group[0]
        statement = graph.statements[index] if 0 <= index < len(graph.statements) else None
        if statement is not None and "   [" in statement.text:  # a step of a loop says which one it is
            statement = replace(statement, text=statement.text[: statement.text.rindex("   [")])
        key = (statement and (statement.file, statement.line, statement.text), group[1])
        if key not in rows:
            rows[key] = Row(part, [], group[1], statement, Work())
        if not each.is_nothing and group not in rows[key].groups:
            rows[key].groups.append(group)
        rows[key].work.add(each)
    return [row for row in rows.values() if not row.work.is_nothing]
