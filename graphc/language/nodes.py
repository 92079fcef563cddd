"""Nodes from values: what operations, rules and programs share while they add to a graph.

`Nodes` is what an operation's `call` works with (`graphc.ops.base.Lowering`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from graphc.ir.dims import Dim
from graphc.ir.graph import MAX_NODES, Argument, Builder, Node, Origin
from graphc.ir.types import ShapeError, Type, Unknown
from graphc.language.budget import Budget
from graphc.language.mismatch import Operand, mismatch
from graphc.language.nested import counted, describe, floats, frozen, leaves, nested_shape, normal
from graphc.language.plain import FACTORS, PLAIN, is_plain
from graphc.language.quoting import quotation
from graphc.language.source import Span
from graphc.language.unrolling import Unrolling
from graphc.language.values import Exhausted, Fault, Poison, Silent, Tensor, Value
from graphc.ops.axes import least_rank
from graphc.ops.base import REQUIRED, CallError, Op
from graphc.ops.table import find

if TYPE_CHECKING:
    from graphc.language import tree
    from graphc.passes.differentiate import Adjoint

__all__ = ["Nodes"]

MOST_TRACED = 50
"""So many operations are looked through for the arguments that decide a rank."""
# Operations that are not elementwise but cast integers as those do.
CASTING = {
    "matmul", "mean", "var", "std", "logsumexp", "norm", "cumprod", "outer", "concatenate", "stack",
    "convolve", "convolve_transpose", "convolve_kernel", "kron", "inv", "solve", "solve_vector", "det",
    "det_sign", "logdet", "cholesky", "pinv",
}  # fmt: skip
COUNTED = {"negative", "subtract", "less_one", "floor_divide", "remainder"}
"""Of these NumPy makes no integers, or ones of 8 bits, if it is given booleans."""


class Nodes:
    """Adds nodes to a builder, in the normal form of their operation and with the place they come from."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.budget = Budget()
        self.unrolling = Unrolling()
        self.arguments: dict[str, Argument] = {}
        self.calls: list[tuple[str, Span]] = []
        self.minimums: list[tuple[Dim, int | Dim, str]] = []
        self.ranks: dict[tuple[str, ...], int] = {}
        self.limits: dict[tuple[str, Dim, str], None] = {}
        self.adjoints: dict[int, Adjoint] = {}  # the reverse passes of the losses that `grad` was asked for
        self.zero_gradients: list[tuple[int, tree.Call]] = []  # what `grad` was asked for in vain

    def add(
        self, op: str, operands: Sequence[int] = (), attrs: Mapping[str, Any] | None = None, type: Type | None = None
    ) -> int:
        """Add a node; `type` is what its operation infers, where that is known already."""
        if len(self.builder.nodes) >= MAX_NODES:
            raise Exhausted("E0213", f"the program has more than {MAX_NODES:,} operations", self._place())
        floating = operands and all(self.builder.type(u).dtype == "float" for u in operands)
        if floating and not all(map(self._is_plain, operands)):
            return self.builder.add(op, operands, attrs, type=type)
        return self._mixed(op, operands, attrs)

    def _mixed(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any] | None) -> int:
        """An operation on integers, booleans or plain numbers, such that a float32 program stays one.

        NumPy makes float64 of integer arrays and of functions of plain numbers: the former are cast to the program's
        floating type, the latter made plain numbers of Python again, which adapt to the arrays they meet.
        """
        operation = self.builder.op(op)
        if all(map(self._is_plain, operands)):
            self._divides(op, operands, attrs or {})
        if not operands or not (operation.elementwise or op in CASTING):
            return self.builder.add(op, operands, attrs)
        if all(map(self._is_plain, operands)):
            if op == "number":
                return operands[0]
            id = self.builder.add(op, self._counted(op, operands, attrs or {}), attrs)
            number = not self._is_plain(id) and self.type(id).rank == 0 and self.type(id).dtype != "bool"
            return self.builder.add("number", [id]) if number else id
        types = [self.type(u) for u in operands]
        result = operation.infer(self.builder.solver, types, dict(attrs or {}))
        some_float = any(t.is_float and not self._is_plain(u) for u, t in zip(operands, types, strict=True))
        cast = list(operands)
        for k, (u, type) in enumerate(zip(operands, types, strict=True)):
            if self._is_plain(u):
                continue
            chooses = op == "where" and k == 0
            alone = type.dtype == "bool" and not chooses and (not some_float or op in CASTING)
            if result.is_float and (type.dtype == "int" or alone):
                cast[k] = self.builder.add("as_float", [u])
            elif result.dtype == "int" and type.dtype == "bool" and op in COUNTED:
                cast[k] = self.builder.add("as_int", [u])
        return self.builder.add(op, cast, attrs)

    def _counted(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any]) -> Sequence[int]:
        """Python's truth values as 0.0 and 1.0 for a function of them: NumPy's would be of half precision."""
        types = [self.type(u) for u in operands]
        if op in PLAIN or op == "where" or all(type.dtype != "bool" for type in types):
            return operands
        if not self.builder.op(op).infer(self.builder.solver, types, dict(attrs)).is_float:
            return operands
        pairs = zip(operands, types, strict=True)
        return [self.builder.add("as_float", [u]) if type.dtype == "bool" else u for u, type in pairs]

    def _divides(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any]) -> None:
        """Note that no plain number is divided by a size of 0: Python would raise an error of its own."""
        if op in ("divide", "floor_divide", "remainder"):
            self._not_zero(operands[1])
        elif op == "rsqrt" or (op == "power_const" and attrs["p"] < 0):
            self._not_zero(operands[0])

    def _not_zero(self, id: int) -> None:
        node = self.builder[id]
        if node.op == "size":
            self.not_zero([node.attr("dim")])
        elif node.op in FACTORS:
            for u in node.operands:
                self._not_zero(u)

    def not_zero(self, sizes: Iterable[Dim]) -> None:
        """Note that sizes divide; checked at run time where one may be 0."""
        for size in sizes:
            self.at_least(size if size.is_nonnegative() else size * size, 1, "a division by it")

    def _is_plain(self, id: int) -> bool:
        """Whether a value is a plain number. A sum of many numbers is deep: no recursion, and each is asked once."""
        if self.builder.type(id).shape != ():
            return False
        asked = [id]
        while True:
            top = asked[-1]
            verdict = is_plain(self.builder[top], partial(self._is_known_plain, asked))
            if asked[-1] != top:
                continue
            self.builder.plain[top] = (self.builder[top].operands, verdict)
            asked.pop()
            if not asked:
                return verdict

    def _is_known_plain(self, asked: list[int], id: int) -> bool:
        """Whether a value is a plain number; of one that is not known yet it is asked first, and then again what it is
        an operand of."""
        node = self.builder[id]
        entry = self.builder.plain.get(id)
        if entry is not None and entry[0] is node.operands:  # else it was another node, and is taken back
            return entry[1]
        if node.operands and node.type.shape == ():
            asked.append(id)
            return True
        return is_plain(node, partial(self._is_known_plain, asked))

    def type(self, id: int) -> Type:
        return self.builder.type(id)

    def node(self, id: int) -> Node:
        return self.builder[id]

    def tensor(self, value: Value, dtype: str | None = None) -> int:
        """The node of a value: a constant's for a number or a list of numbers, a size's for a dimension."""
        if isinstance(value, Tensor):
            return value.id
        if isinstance(value, Dim):
            return (
                self.builder.const(value.value, "int")
                if value.value is not None
                else self.add("size", (), {"dim": value})
            )
        if isinstance(value, bool):
            return self.builder.const(value, "bool")
        if isinstance(value, int):
            return self.builder.const(value, dtype or "int")
        if isinstance(value, float):
            return self.builder.const(value, "float")
        if isinstance(value, (tuple, list)):
            return self._array(value, dtype)
        if isinstance(value, Poison):
            raise Silent
        raise CallError(f"{describe(value)} is not a tensor", code="E0220")

    def _array(self, value: Sequence[Value], dtype: str | None) -> int:
        if any(isinstance(item, Tensor) for item in value):
            ids = [self.tensor(item) for item in value]
            return self.call("stack", *ids, axis=0)  # type: ignore[no-any-return]
        entries = frozen(value)
        shape = nested_shape(entries)
        if shape is None:
            raise CallError("the rows of a constant have different lengths")
        kinds = {type(x) for x in leaves(entries)}
        if bool in kinds and len(kinds) == 1:
            return self.add("const", (), {"value": entries, "dtype": "bool"})
        if not kinds <= {int, float, bool}:
            raise CallError("a constant array holds numbers only")
        if dtype == "int":
            if float in kinds:
                raise CallError("indices are integers")
            return self.add("const", (), {"value": entries, "dtype": "int"})
        return self.add("const", (), {"value": floats(entries), "dtype": "float"})

    def shape(self, id: int, rank: int | None = None) -> tuple[Dim, ...]:
        return self.builder.solver.shape(self.type(id), rank)

    def index(self, id: int, shape: tuple[Dim, ...] | None = None) -> None:
        """Make an undeclared argument an array of indices; the solver of lowering knows how."""
        node = self.builder[id]
        if node.op == "argument":
            hook = getattr(self.builder.solver, "index", None)
            if hook is not None:
                hook(node.attr("name"), shape)

    def at_least(self, size: Dim, minimum: Dim | int, what: str) -> None:
        if not (size - minimum).is_nonnegative():
            self.minimums.append((size, minimum, what))

    def may_clip(self) -> bool:
        """Whether the number of entries of a slice may depend on how large a size with a name is."""
        return False

    def has_axes(self, id: int, axes: Iterable[int]) -> None:
        least = least_rank(axes)
        names, gone = self._of_its_rank(id) if self.type(id).rank is None and least else ((), 0)
        if names:
            self.ranks[names] = max(self.ranks.get(names, 0), least + gone)

    def _of_its_rank(self, id: int) -> tuple[tuple[str, ...], int]:
        """The undeclared arguments the highest rank of which decides a value's, and by how much that is less.

        There are none where it is not as simple as that.
        """
        names: dict[str, int] = {}
        stack, seen = [(id, 0)], {id}
        while stack:
            top, gone = stack.pop()
            node = self.builder[top]
            shape = node.type.shape
            if not isinstance(shape, Unknown):
                continue  # it does not enlarge what it is broadcast with
            if shape.leaf:
                names[shape.leaf] = gone
                continue
            op = self.builder.ops.get(node.op) or find(node.op)
            if op is not None and op.family == "reductions":
                axis, kept = node.attr("axis"), node.attr("keepdims", True)  # a scan has no such attribute
                gone += 0 if kept else 1 if isinstance(axis, int) else len(axis or ())
            elif op is None or not op.elementwise or len(seen) > MOST_TRACED:
                return (), 0
            stack += [(u, gone) for u in reversed(node.operands) if u not in seen]
            seen.update(node.operands)
        return (tuple(names), min(names.values())) if len(set(names.values())) == 1 else ((), 0)

    def limit(self, id: int, size: Dim, kind: str = "index", axis: int | None = None) -> int:
        """Integers that must lie in 0…size-1 (`label`) or -size…size-1 (`index`): checked when the module runs.

        Returns the node to use: an argument itself, whose check stands at the top; else one that checks its value.
        Constants are checked here: raises ShapeError where one certainly does not fit.
        """
        node = self.builder[id]
        if node.op == "argument":
            entry = (node.attr("name"), size, kind)
            self.limits.setdefault(entry)
            return id
        if node.op == "const":
            self._constant_limit(node.attr("value"), size, kind, axis)
            return id
        if node.op == "arange":
            for needed, place in counted(node):
                self.at_least(size, needed, f"{kind} {place}")
            return id
        if node.op == "in_range" and node.attr("kind") == kind and self.builder[node.operands[1]].attr("dim") == size:
            return id
        return self._checked(id, self.tensor(size), kind)

    def limit_along(self, id: int, x: int, axis: int) -> int:
        """As `limit`, of indices along an axis of a value of unknown rank: here only those that are computed."""
        if self.builder[id].op in ("argument", "const", "arange"):
            return id
        return self._checked(id, self.add("size_of", [x], {"axis": axis}), "index")

    def _checked(self, id: int, size: int, kind: str) -> int:
        node = self.builder[id]
        names: dict[str, None] = {}
        stack, seen = [id], {id}
        while stack and len(seen) <= MOST_TRACED:
            below = self.builder[stack.pop()]
            names |= {below.attr("name"): None} if below.op == "argument" else {}
            stack += [u for u in reversed(below.operands) if u not in seen]
            seen.update(below.operands)
        what = quotation(node, tuple(names), node.hint or ("labels" if kind == "label" else "indices"))
        return self.add("in_range", [id, size], {"kind": kind, "what": what})

    def _constant_limit(self, value: Any, size: Dim, kind: str, axis: int | None) -> None:
        entries = list(leaves(value))
        for entry in {int(min(entries)), int(max(entries))} if entries else ():
            needed = -entry if kind == "index" and entry < 0 else entry + 1
            if needed < 1 or (size.value is not None and needed > size.value):
                place = f"{size} entries" if axis is None else f"axis {axis} of size {size}"
                raise ShapeError(f"{kind} {entry} is out of range for {place}", code="E0207")
            if not (size - needed).is_nonnegative():
                self.at_least(size, needed, f"{kind} {entry}")

    def call(self, name: str, *operands: Value, **attributes: Value) -> Any:
        """Another operation by name, through its own normal form. Operands are node ids or None."""
        op = self.builder.ops.get(name) or find(name)
        assert op is not None, f"no operation {name}"
        return self.apply(op, list(operands), attributes)

    def apply(self, op: Op, operands: Sequence[Any], attributes: Mapping[str, Value]) -> Any:
        """An operation on nodes: its normal form, its definition if it has no rule, else a node."""
        filled = {name: default for name, default in op.attributes.items() if default is not REQUIRED}
        filled.update({name: normal(value) for name, value in attributes.items()})
        if op.call is not None:
            return op.call(self, *operands, **filled)
        ids = [
            o if isinstance(o, int) and not isinstance(o, bool) else None if o is None else self.tensor(o)
            for o in operands
        ]
        if op.definition is not None and op.rule is None:
            results = self.inline(op, ids, filled)
            return results[0] if len(results) == 1 else tuple(results)
        assert all(i is not None for i in ids), f"{op.name}: an operand is missing"
        given = [i for i in ids if i is not None]
        if op.limits is not None:
            for k, size, kind in op.limits(self.builder.solver, [self.type(i) for i in given], filled):
                given[k] = self.limit(given[k], size, kind)
        return self.add(op.name, given, filled)

    def inline(self, op: Op, operands: Sequence[int | None], attributes: Mapping[str, Value]) -> list[int]:
        """The nodes of a composite operation's definition."""
        raise NotImplementedError

    # ------------------------------------------------------------ errors

    def _place(self) -> Span | None:
        return self.builder.origin.span if self.builder.origin else None

    @contextmanager
    def at(
        self,
        span: Span,
        values: Sequence[Value] = (),
        spans: Sequence[Span] = (),
        named: Mapping[str, Span] | None = None,
        operator: str | None = None,
    ) -> Iterator[None]:
        """While nodes are added for an expression: its place for them, and for what goes wrong.

        `spans` are the places of operands, `named` those of a call's other arguments.
        """
        before = self.builder.origin
        if before is not None and not self.calls:
            self.builder.origin = Origin(before.statement, span, before.rule, before.primal)
        try:
            yield
        except ShapeError as error:
            operands = [
                Operand(s, self.builder[v.id]) for v, s in zip(values, spans, strict=False) if isinstance(v, Tensor)
            ]
            raise mismatch(error, span, operands, operator, self.arguments) from None
        except OverflowError as error:
            raise Fault("E0213", str(error), span, help="give parts of the shapes names of their own") from None
        except CallError as error:
            place = span
            if named is not None and isinstance(error.argument, int) and error.argument < len(spans):
                place = spans[error.argument]
            elif named is not None and isinstance(error.argument, str):
                place = named.get(error.argument, span)
            raise Fault(error.code, error.message, place, help=error.help) from None
        finally:
            self.builder.origin = before
