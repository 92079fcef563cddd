"""The syntax tree: frozen, with places, and nothing but what the text says.

Names are already NFKC-normalised. Subscripted names (`z_{k+1}`) keep their subscript expressions;
`lower` turns them into plain names once the loop variables are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from graphc.language.source import Source, Span

# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Name:
    """`x`, or with subscripts `h_{l, t+1}`: id is `h`, subscripts are the expressions."""

    id: str
    subscripts: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """A literal; the value is an `int` or a `float`."""

    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class String:
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Constant:
    """`true`, `false`, `none` and their capitalised forms; also `...` (value is `Ellipsis`)."""

    value: object
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x` or `+x`."""

    op: str
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`op` is one of `+ - * / // % @ ** < <= > >= == !=`; `op_span` covers the operator alone."""

    op: str
    left: Expr
    right: Expr
    op_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Transpose:
    """`x.T`"""

    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Slice:
    """`start:stop:step` inside an index; each part may be absent."""

    start: Expr | None
    stop: Expr | None
    step: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    """`x[a, b:c, ...]`: items in order. `x[(1, 2)]` has one item, a `Sequence`."""

    operand: Expr
    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Sequence:
    """A tuple `(a, b)` or a list `[a, b]`."""

    items: tuple[Expr, ...]
    is_list: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Keyword:
    """`axis=0` in a call."""

    name: str
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """`f(a, b, axis=0)`. `name_span` covers the function's name."""

    function: str
    arguments: tuple[Expr, ...]
    keywords: tuple[Keyword, ...]
    name_span: Span
    span: Span


Expr: TypeAlias = (
    Name | Number | String | Constant | Unary | Binary | Transpose | Slice | Index | Sequence | Call
)

# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Assign:
    """`a = …` or `a, b = …`."""

    targets: tuple[Name, ...]
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Update:
    """`W <- W - eta * grad(L, W)`"""

    target: Name
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Declared:
    """One declared name. `dims` is None where there were no brackets; `[]` gives an empty tuple.

    `param W_{0:3}[d, d]`: `range` holds the slice of the subscript, else None.
    """

    name: Name
    range: Slice | None
    dims: tuple[Expr, ...] | None
    type: str | None
    type_span: Span | None
    span: Span


@dataclass(frozen=True, slots=True)
class Declaration:
    """`input X[N, D], y[N]: int`; kind is `"input"` or `"param"`."""

    kind: str
    names: tuple[Declared, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Const:
    """`const eta = 0.1`"""

    target: Name
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Output:
    """`output S, L`"""

    names: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Loss:
    """`loss L`"""

    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Import:
    """`import "layers.g"`"""

    path: str
    path_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """A formal argument of a `def`, `op` or `rule`; `default` is None where there is none."""

    name: str
    default: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Signature:
    """`name(x, A, *, axis, p=2)`: operands before `*`, compile-time attributes after it."""

    name: str
    operands: tuple[Parameter, ...]
    attributes: tuple[Parameter, ...]
    name_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Return:
    """`return a, b`: one expression per result."""

    values: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Def:
    """`def f(x) { … return y }`; `def f(x) = e` has a body of one `Return`."""

    signature: Signature
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class OpDef:
    """`op swish(x) = x * sigmoid(x)` (or with braces, like `def`)."""

    signature: Signature
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RuleDef:
    """`rule swish(x) -> y { dx = … }`: `results` are the names after the arrow."""

    signature: Signature
    results: tuple[Name, ...]
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class For:
    """`for k in start:stop:step { … }`; the range is a `Slice` whose start and stop are present."""

    variable: Name
    range: Slice
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`rewrite pattern => replacement`; only the compiler's own rewrite files hold these."""

    pattern: Expr
    replacement: Expr
    span: Span


Statement: TypeAlias = (
    Assign | Update | Declaration | Const | Output | Loss | Import | Return | Def | OpDef | RuleDef | For | Rewrite
)


@dataclass(frozen=True, slots=True)
class Module:
    """A whole file. `damaged`: the words of the statements that are left out because they do not parse."""

    statements: tuple[Statement, ...]
    source: Source
    damaged: frozenset[str] = frozenset()
