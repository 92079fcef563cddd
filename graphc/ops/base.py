"""What an operation is: its signature, its shape function, its NumPy text, its reference value.

Primitive operations are declared here in Python, one file a family. Composite ones (softmax, layer_norm, …) are
`op` statements in `graphc/rules/*.g`, written in the language itself; both kinds have their rule there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from graphc.emitter.expressions import Text
from graphc.ir.dims import Dim
from graphc.ir.types import Solver, Type

if TYPE_CHECKING:
    from graphc.ir.graph import Node
    from graphc.ir.types import Shape
    from graphc.language import tree
    from graphc.language.scope import Environment

__all__ = ["REQUIRED", "CallError", "Lowering", "NumpyContext", "Op", "described", "register", "registry"]


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()


SIZES = "sizes are those of declarations, as N of `input X[N, D]`, integers, and `shape(x)[0]`"
"""The help where a shape is asked for and something else was given."""


class CallError(Exception):
    """A call that does not fit its operation. `argument` is the index or keyword of the one to point at."""

    def __init__(
        self, message: str, *, argument: int | str | None = None, help: str | None = None, code: str = "E0206"
    ) -> None:
        super().__init__(message)
        self.message, self.argument, self.help, self.code = message, argument, help, code


class NumpyContext(Protocol):
    """What an operation's NumPy text may ask the emitter."""

    def type(self, id: int) -> Type: ...
    def node(self, id: int) -> Node: ...
    def plain(self, id: int) -> bool:
        """Whether a value is a number of Python's own in the text, without a floating type."""

    def dim(self, size: Dim | int) -> Text:
        """A size as an expression, `N` or `2*H`."""

    def nonzero(self, id: int) -> bool:
        """Whether a plain number is certainly not 0."""

    def positive(self, size: Dim) -> bool:
        """Whether a size is certainly not 0: the arguments have been checked for it."""

    def shape(self, shape: Shape) -> str:
        """A shape as a tuple display, or `X.shape` where a value at hand has it."""

    def helper(self, name: str) -> str:
        """The name of a helper of the prelude, which is then defined in the module."""

    def dtype(self) -> str:
        """The program's floating type as an expression."""


class Lowering(Protocol):
    """What an operation's `call` may do while a program is lowered. Values are node ids."""

    def add(self, op: str, operands: Sequence[int] = (), attrs: Mapping[str, Any] | None = None) -> int: ...
    def type(self, id: int) -> Type: ...
    def tensor(self, value: Any, dtype: str = "float") -> int:
        """The node of a value: of a number, a size, or a list of numbers a constant's."""

    def shape(self, id: int, rank: int | None = None) -> tuple[Dim, ...]:
        """The dimensions of a value; an undeclared argument becomes one of rank `rank`. Else a ShapeError."""

    def index(self, id: int, shape: tuple[Dim, ...] | None = None) -> None:
        """Make an undeclared argument an array of indices (`int`), of this shape if given."""

    def call(self, name: str, *operands: Any, **attributes: Any) -> Any:
        """Another operation by name, through its own normal form; operands are node ids or values."""

    def limit(self, id: int, size: Dim, kind: str = "index", axis: int | None = None) -> int:
        """Integers that must lie in 0…size-1 (`label`) or -size…size-1 (`index`); returns the node to use."""

    def limit_along(self, id: int, x: int, axis: int) -> int:
        """As `limit`, of indices along an axis of a value of unknown rank."""

    def may_clip(self) -> bool:
        """Whether the number of entries of a slice may depend on how large a size with a name is."""

    def at_least(self, size: Dim, minimum: Dim | int, what: str) -> None:
        """Note that a size must not be smaller than this; checked at run time where it is not certain."""

    def has_axes(self, id: int, axes: Iterable[int]) -> None:
        """Note that a value of unknown rank must have these axes: NumPy lets a scalar pass for an array of one."""


Infer = Callable[[Solver, list[Type], dict[str, Any]], Type]
Numpy = Callable[[NumpyContext, "Node", list[Text]], Text]


def _rewritten(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    raise AssertionError("`call` makes other operations of it, which is all that becomes nodes")


@dataclass(frozen=True, kw_only=True, eq=False)
class Op:
    """An operation.

    `operands` are tensors, `attributes` compile-time values with their defaults (REQUIRED: none). `positional` is the
    order in which a call may give attributes after the operands. A name `*xs` takes any number of operands.
    `call` rewrites a call into other operations (normal forms, defaults that depend on the rank); without it the call
    is the node. `infer` is the shape function, which what is never a node has no need of; `numpy` the text, a template
    over the operands' and attributes' names or a function; `evaluate(*operands, **attributes)` the reference value by
    plain NumPy, written without regard to `numpy`. Operands in `optional` may be left out or be `none` (then `call`
    gets None and makes another operation of it); operands in `indices` are integers: an undeclared argument there
    becomes one, a list an integer constant.
    `limits` says of which operands a definition asks that their integers stay in a range: (which, size, kind).
    `aliases` are the names that NumPy, or PyTorch's functional interface, gives to operands and attributes: a call may
    use them as keywords. `cost` is `free` (a view or a size), `cheap` (recompute rather than save) or `dear`.
    An `empty_view` is new but for an array without entries, of which NumPy returns a view.
    """

    name: str
    family: str
    operands: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    infer: Infer = _rewritten
    numpy: str | Numpy = ""
    precedence: int = 6
    evaluate: Callable[..., Any] | None = None
    call: Callable[..., Any] | None = None
    math: str = ""
    doc: str = ""
    source: str = ""
    cost: str = "dear"
    elementwise: bool = False
    view: bool = False
    empty_view: bool = False
    ufunc: str | None = None
    augmented: str | None = None
    domain: Mapping[str, str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    indices: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    hidden: bool = False
    definition: tree.OpDef | None = None
    rule: tree.RuleDef | None = None
    limits: Callable[[Solver, list[Type], dict[str, Any]], list[tuple[int, Dim, str]]] | None = None
    environment: Environment | None = None

    @property
    def title(self) -> str:
        """What a program calls it: its `name`, which nodes carry, may be another so that no built-in one has it."""
        return self.definition.signature.name if self.definition is not None else self.name

    @property
    def variadic(self) -> bool:
        return bool(self.operands) and self.operands[-1].startswith("*")


registry: dict[str, Op] = {}


def register(op: Op) -> Op:
    """Put an operation into the table; a name is registered once."""
    assert op.name not in registry, op.name
    registry[op.name] = op
    return op


@dataclass(frozen=True, slots=True)
class DynamicShape:
    """The shape of a value whose rank is known only at run time: a node of dtype `shape`, and the shape it holds."""

    node: int
    shape: Any
    of: int


def described(value: Any) -> str:
    """What an argument is, in words: a call was given it where something else is wanted."""
    if isinstance(value, str):
        return f'"{value}"'
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Dim):
        return f"the size {value}"
    if isinstance(value, DynamicShape):
        return "a shape that is known at run time only"
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(described, value))}{',' if len(value) == 1 else ''})"
    return str(value) if isinstance(value, (int, float)) else "a tensor"


def dynamic_shape(value: Any) -> DynamicShape | None:
    """The value as a shape known only at run time, if it is one."""
    return value if isinstance(value, DynamicShape) else None
