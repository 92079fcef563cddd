"""The syntax tree: frozen, with places, and nothing but what the text says.

Names are already NFKC-normalised. Subscripted names (`z_{k+1}`) keep their subscript expressions;
`lower` turns them into plain names once the loop variables are known.

That nobody changes a tree the type checker sees, fields being final: frozen dataclasses take twice as long to define,
at each start, and several times as long to make. What all kinds of parts have in common is defined once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from graphc.language.source import Source, Span


class _Part:
    """Equal are parts of one kind whose fields are equal."""

    __slots__: tuple[str, ...] = ()

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.__slots__])

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, self.__class__) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        fields = zip(self.__slots__, self._values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in fields)})"


# ---------------------------------------------------------------- expressions


@dataclass(slots=True, eq=False, repr=False)
class Name(_Part):
    """`x`, or with subscripts `h_{l, t+1}`: id is `h`, subscripts are the expressions."""

    id: Final[str]
    subscripts: Final[tuple[Expr, ...]]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Number(_Part):
    """A literal; the value is an `int` or a `float`."""

    value: Final[int | float]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class String(_Part):
    value: Final[str]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Constant(_Part):
    """`true`, `false`, `none` and their capitalised forms; also `...` (value is `Ellipsis`)."""

    value: Final[object]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Unary(_Part):
    """`-x` or `+x`."""

    op: Final[str]
    operand: Final[Expr]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Binary(_Part):
    """`op` is one of `+ - * / // % @ ** < <= > >= == !=`; `op_span` covers the operator alone."""

    op: Final[str]
    left: Final[Expr]
    right: Final[Expr]
    op_span: Final[Span]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Transpose(_Part):
    """`x.T`"""

    operand: Final[Expr]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Slice(_Part):
    """`start:stop:step` inside an index; each part may be absent."""

    start: Final[Expr | None]
    stop: Final[Expr | None]
    step: Final[Expr | None]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Index(_Part):
    """`x[a, b:c, ...]`: items in order. `x[(1, 2)]` has one item, a `Sequence`."""

    operand: Final[Expr]
    items: Final[tuple[Expr, ...]]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Sequence(_Part):
    """A tuple `(a, b)` or a list `[a, b]`."""

    items: Final[tuple[Expr, ...]]
    is_list: Final[bool]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Keyword(_Part):
    """`axis=0` in a call."""

    name: Final[str]
    value: Final[Expr]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Call(_Part):
    """`f(a, b, axis=0)`. `name_span` covers the function's name."""

    function: Final[str]
    arguments: Final[tuple[Expr, ...]]
    keywords: Final[tuple[Keyword, ...]]
    name_span: Final[Span]
    span: Final[Span]


Expr: TypeAlias = (
    Name | Number | String | Constant | Unary | Binary | Transpose | Slice | Index | Sequence | Call
)

# ---------------------------------------------------------------- statements


@dataclass(slots=True, eq=False, repr=False)
class Assign(_Part):
    """`a = …` or `a, b = …`."""

    targets: Final[tuple[Name, ...]]
    value: Final[Expr]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Update(_Part):
    """`W <- W - eta * grad(L, W)`"""

    target: Final[Name]
    value: Final[Expr]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Declared(_Part):
    """One declared name. `dims` is None where there were no brackets; `[]` gives an empty tuple.

    `param W_{0:3}[d, d]`: `range` holds the slice of the subscript, else None.
    """

    name: Final[Name]
    range: Final[Slice | None]
    dims: Final[tuple[Expr, ...] | None]
    type: Final[str | None]
    type_span: Final[Span | None]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Declaration(_Part):
    """`input X[N, D], y[N]: int`; kind is `"input"` or `"param"`."""

    kind: Final[str]
    names: Final[tuple[Declared, ...]]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Const(_Part):
    """`const eta = 0.1`"""

    target: Final[Name]
    value: Final[Expr]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Output(_Part):
    """`output S, L`"""

    names: Final[tuple[Name, ...]]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Loss(_Part):
    """`loss L`"""

    name: Final[Name]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Import(_Part):
    """`import "layers.g"`"""

    path: Final[str]
    path_span: Final[Span]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Parameter(_Part):
    """A formal argument of a `def`, `op` or `rule`; `default` is None where there is none."""

    name: Final[str]
    default: Final[Expr | None]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Signature(_Part):
    """`name(x, A, *, axis, p=2)`: operands before `*`, compile-time attributes after it."""

    name: Final[str]
    operands: Final[tuple[Parameter, ...]]
    attributes: Final[tuple[Parameter, ...]]
    name_span: Final[Span]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Return(_Part):
    """`return a, b`: one expression per result."""

    values: Final[tuple[Expr, ...]]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Def(_Part):
    """`def f(x) { … return y }`; `def f(x) = e` has a body of one `Return`."""

    signature: Final[Signature]
    body: Final[tuple[Statement, ...]]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class OpDef(_Part):
    """`op swish(x) = x * sigmoid(x)` (or with braces, like `def`)."""

    signature: Final[Signature]
    body: Final[tuple[Statement, ...]]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class RuleDef(_Part):
    """`rule swish(x) -> y { dx = … }`: `results` are the names after the arrow."""

    signature: Final[Signature]
    results: Final[tuple[Name, ...]]
    body: Final[tuple[Statement, ...]]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class For(_Part):
    """`for k in start:stop:step { … }`; the range is a `Slice` whose start and stop are present."""

    variable: Final[Name]
    range: Final[Slice]
    body: Final[tuple[Statement, ...]]
    span: Final[Span]


@dataclass(slots=True, eq=False, repr=False)
class Rewrite(_Part):
    """`rewrite pattern => replacement`; only the compiler's own rewrite files hold these."""

    pattern: Final[Expr]
    replacement: Final[Expr]
    span: Final[Span]


Statement: TypeAlias = (
    Assign | Update | Declaration | Const | Output | Loss | Import | Return | Def | OpDef | RuleDef | For | Rewrite
)


@dataclass(slots=True, eq=False, repr=False)
class Module(_Part):
    """A whole file. `damaged`: the words of the statements that are left out because they do not parse."""

    statements: Final[tuple[Statement, ...]]
    source: Final[Source]
    damaged: Final[frozenset[str]] = frozenset()
