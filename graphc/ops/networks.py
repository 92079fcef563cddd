"""Layers of networks: normalisation and attention. The mathematics is in `rules/networks.g`; here is decided what holds
where a call leaves something out, and how gains and offsets stand beside an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.emitter.expressions import Text
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, Unknown, broadcast_shapes, shape_text
from graphc.ops.arithmetic import elementwise_type
from graphc.ops.base import REQUIRED, CallError, Lowering, NumpyContext, Op, register
from graphc.ops.integers import node_of

__all__ = ["along", "equal", "named"]


def equal(lowering: Any, a: Dim, b: Dim) -> bool:
    """Whether two sizes are equal; an open one may be made so."""
    same: bool = lowering.builder.solver.equal(a, b)
    return same


def _eps(eps: Any) -> float:
    if isinstance(eps, bool) or not isinstance(eps, (int, float)) or eps < 0:
        raise CallError("`eps` is a number, not negative", argument="eps")
    return eps


def named(lowering: Any, id: int, name: str) -> None:
    """Suggest a name for a value in the generated code."""
    lowering.builder.hint(id, name)


# ---------------------------------------------------------------- normalisation

def _scaled(lowering: Lowering, x: int, gamma: int | None, beta: int | None, axis: int, first: int = 1) -> int:
    """x * gamma + beta, gamma and beta being vectors along one axis of x and the operands from `first` on."""
    if gamma is not None:
        x = along(lowering, "scale_along", x, gamma, axis, ("gamma", first))
    if beta is not None:
        x = along(lowering, "shift_along", x, beta, axis, ("beta", first + 1))
    return x


def along(lowering: Lowering, op: str, x: int, vector: int, axis: int, named: tuple[str, int]) -> int:
    """An array times or plus a vector along one axis. `named`: the vector's name and place. Raises ShapeError."""
    shape = lowering.shape(x)
    size, have = shape[axis], lowering.shape(vector, 1)
    if len(have) != 1 or not equal(lowering, have[0], size):
        raise ShapeError(f"`{named[0]}` of shape {shape_text(have)} does not fit", operand=named[1],
                         label=f"axis {axis} of the array has size {size}: a vector of {size} is wanted")  # fmt: skip
    rank = len(shape)
    if axis == rank - 1:
        return lowering.call("multiply" if op == "scale_along" else "add", x, vector)  # type: ignore[no-any-return]
    axes = tuple(k for k in range(rank) if k != axis)
    return lowering.call(op, x, vector, axes=axes, behind=tuple(range(1, rank - axis)))  # type: ignore[no-any-return]


def _layer_norm_call(lowering: Lowering, x: int, gamma: int | None, beta: int | None, *, eps: Any) -> int:
    if gamma is not None or beta is not None:
        _at_least_rank(lowering, x, 1)
    normal = lowering.call("standardise", x, axis=-1, eps=_eps(eps))
    return _scaled(lowering, normal, gamma, beta, (lowering.type(x).rank or 1) - 1)


def _rms_norm_call(lowering: Lowering, x: int, gamma: int | None, *, eps: Any) -> int:
    if gamma is not None:
        _at_least_rank(lowering, x, 1)
    rows = lowering.call("unit_rows", x, eps=_eps(eps))
    return _scaled(lowering, rows, gamma, None, (lowering.type(x).rank or 1) - 1)


def _at_least_rank(lowering: Lowering, x: int, rank: int) -> tuple[Dim, ...]:
    shape = lowering.shape(x, 2)
    if len(shape) < rank:
        wanted = "an axis to normalise" if rank == 1 else "samples and channels"
        raise ShapeError(f"an array of shape {shape_text(shape)} has not {wanted}", operand=0)
    return shape


def _batch_norm_call(lowering: Lowering, x: int, gamma: int | None, beta: int | None, *, eps: Any) -> int:
    rank = len(_at_least_rank(lowering, x, 2))
    axes = (0, *range(2, rank))
    return _scaled(lowering, lowering.call("standardise", x, axis=axes, eps=_eps(eps)), gamma, beta, 1)


def _group_norm_call(
    lowering: Lowering, x: int, groups: int, gamma: int | None, beta: int | None, *, eps: Any
) -> int:  # fmt: skip
    shape = _at_least_rank(lowering, x, 2)
    count = _count(lowering, groups)
    samples, channels = shape[0], shape[1]
    if channels.value is not None and count.value is not None and channels.value % count.value:
        raise CallError(f"{channels} channels cannot be divided into {count} groups", argument=1)
    size = channels // count
    lowering.at_least(size * count, channels, f"a division of {channels} channels into {count} groups")
    for rest in shape[2:]:
        size = size * rest
    grouped = lowering.call("reshape", x, shape=(samples, count, size))
    normal = lowering.call("standardise", grouped, axis=2, eps=_eps(eps))
    return _scaled(lowering, lowering.call("reshape", normal, shape=shape), gamma, beta, 1, 2)


def _count(lowering: Lowering, id: int) -> Dim:
    """A size that a call gives by position, where an operand might stand. Raises CallError."""
    node = node_of(lowering, id)
    value = node.attr("value") if node.op == "const" else node.attr("dim") if node.op == "size" else None
    if not isinstance(value, (int, Dim)) or isinstance(value, bool) or dim(value).value == 0:
        raise CallError("`groups` is a number of groups known at compile time", argument=1)
    return dim(value)


def _standard(x: Any, axis: int | tuple[int, ...], eps: float) -> Any:
    """Mean 0 and variance 1 over axes, for reference."""
    x = np.asarray(x, float)
    return (x - np.average(x, axis=axis, keepdims=True)) / np.sqrt(np.var(x, axis=axis, keepdims=True) + eps)


def _channels(vector: Any, rank: int) -> Any:
    return np.reshape(vector, (-1, *[1] * (rank - 2)))


def _layer_norm_value(x: Any, gamma: Any = 1.0, beta: Any = 0.0, *, eps: float = 1e-5) -> Any:
    return _standard(x, -1, eps) * gamma + beta


def _batch_norm_value(x: Any, gamma: Any = 1.0, beta: Any = 0.0, *, eps: float = 1e-5) -> Any:
    rank = np.ndim(x)
    return _standard(x, (0, *range(2, rank)), eps) * _channels(gamma, rank) + _channels(beta, rank)


def _group_norm_value(x: Any, groups: Any, gamma: Any = 1.0, beta: Any = 0.0, *, eps: float = 1e-5) -> Any:
    parts = np.split(np.asarray(x), int(groups), axis=1)
    whole = tuple(range(1, np.ndim(x)))
    normal = np.concatenate([_standard(part, whole, eps) for part in parts], axis=1)
    return normal * _channels(gamma, np.ndim(x)) + _channels(beta, np.ndim(x))


def _rms_norm_value(x: Any, gamma: Any = 1.0, *, eps: float = 1e-5) -> Any:
    return x / np.sqrt(np.average(np.square(x), axis=-1, keepdims=True) + eps) * gamma


_PYTORCH = {"input": "x", "num_groups": "groups", "weight": "gamma", "bias": "beta"}

for _name, _operands, _optional, _call, _value, _math, _doc, _source in (
    ("layer_norm", ("x", "gamma", "beta"), ("gamma", "beta"), _layer_norm_call, _layer_norm_value,
     "({x} − mean({x})) / √(var({x}) + {eps}) ⊙ {gamma} + {beta}",
     "Each row made to have mean 0 and variance 1, times gamma, plus beta; the last axis holds a row. Either of gamma "
     "and beta may be left out.", "Ba et al. 2016; PyTorch: layer_norm"),
    ("rms_norm", ("x", "gamma"), ("gamma",), _rms_norm_call, _rms_norm_value,
     "{x} / √(mean({x}²) + {eps}) ⊙ {gamma}",
     "Each row divided by the root of the mean of its squares, times gamma, which may be left out.",
     "Zhang and Sennrich 2019; PyTorch: rms_norm"),
    ("batch_norm", ("x", "gamma", "beta"), ("gamma", "beta"), _batch_norm_call, _batch_norm_value,
     "({x} − mean({x})) / √(var({x}) + {eps}) ⊙ {gamma} + {beta}",
     "Each channel made to have mean 0 and variance 1 over the batch and all places, times gamma, plus beta; (N, C), "
     "(N, C, L) or (N, C, H, W). The statistics are the batch's, the variance is the biased one.",
     "Ioffe and Szegedy 2015; PyTorch: batch_norm (training)"),
    ("group_norm", ("x", "groups", "gamma", "beta"), ("gamma", "beta"), _group_norm_call, _group_norm_value,
     "({x} − mean({x})) / √(var({x}) + {eps}) ⊙ {gamma} + {beta}",
     "The channels of each sample in groups, each group made to have mean 0 and variance 1, times gamma, plus beta, "
     "which are one number per channel.", "Wu and He 2018; PyTorch: group_norm"),
):  # fmt: skip
    register(Op(
        name=_name, family="networks", operands=_operands, optional=_optional, attributes={"eps": 1e-5},
        positional=("eps",), call=_call, evaluate=_value, math=_math, doc=_doc, source=_source,
        aliases={a: b for a, b in _PYTORCH.items() if b in _operands},
    ))  # fmt: skip


# ---------------------------------------------------------------- attention

def _attention_call(
    lowering: Lowering, Q: int, K: int, V: int, mask: int | None, *, causal: Any, scale: Any
) -> int:  # fmt: skip
    if not isinstance(causal, bool):
        raise CallError("`causal` is true or false", argument="causal")
    Q, K, V = (x if lowering.type(x).is_float else lowering.add("as_float", [x]) for x in (Q, K, V))
    shapes = [lowering.shape(x, 2) for x in (Q, K, V)]
    _check_attention(lowering, shapes)
    scores = lowering.call("attention_scores", Q, K, _scale(lowering, scale, shapes[0][-1]))
    seen = None  # who may see whom
    if causal:
        rows, columns = lowering.shape(scores)[-2:]
        seen = lowering.add("causal_mask", [], {"rows": rows, "columns": columns})
    if mask is None:  # the first key is seen by every query: no row is empty
        if seen is None:
            return lowering.call("attention_of", scores, V)  # type: ignore[no-any-return]
        return lowering.call("attention_of_causal", scores, seen, V)  # type: ignore[no-any-return]
    kind, given = lowering.type(mask).dtype, lowering.type(mask).shape
    if not isinstance(given, Unknown):  # a declared mask tells how many queries and keys there are
        for wanted, size in zip(lowering.shape(scores)[::-1], given[::-1], strict=False):
            if wanted.is_open and size != 1:
                equal(lowering, wanted, size)
    if kind == "int":
        raise CallError("`mask` holds booleans (true: attend) or floats (added to the scores)", argument=3)
    if kind == "bool":
        seen = mask if seen is None else lowering.add("both", [mask, seen])
    else:
        scores = lowering.call("add", scores, mask)
    if seen is None:
        return lowering.call("attention_of_some", scores, V)  # type: ignore[no-any-return]
    return lowering.call("attention_of_masked", scores, seen, V)  # type: ignore[no-any-return]


def _check_attention(lowering: Lowering, shapes: list[tuple[Dim, ...]]) -> None:
    for k, shape in enumerate(shapes):
        if len(shape) < 2:
            raise ShapeError(f"attention works on rows of vectors; this is of shape {shape_text(shape)}", operand=k)
    Q, K, V = shapes
    if not equal(lowering, Q[-1], K[-1]):
        raise ShapeError(f"queries of {Q[-1]} numbers and keys of {K[-1]} do not fit each other", operand=1)
    if not equal(lowering, K[-2], V[-2]):
        raise ShapeError(f"{K[-2]} keys and {V[-2]} values do not fit each other", operand=2)


def _scale(lowering: Lowering, scale: Any, width: Dim) -> int:
    """What the queries are multiplied by: by default 1 / √d."""
    if scale is None:
        if width.value is not None:
            return lowering.tensor(max(width.value, 1) ** -0.5)
        root: int = lowering.call("power", lowering.tensor(width), lowering.tensor(-0.5))
        named(lowering, root, "scale")
        return root
    if isinstance(scale, bool) or not isinstance(scale, (int, float, Dim)):
        raise CallError("`scale` is a number known at compile time", argument="scale")
    return lowering.tensor(scale)


def _attention_value(
    Q: Any, K: Any, V: Any, mask: Any = None, *, causal: bool = False, scale: float | None = None
) -> Any:  # fmt: skip
    scores = np.einsum("...td,...sd->...ts", Q, K) * (np.shape(Q)[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if np.asarray(mask).dtype == bool else scores + mask
    if causal:
        scores = np.where(np.arange(scores.shape[-2])[:, None] >= np.arange(scores.shape[-1]), scores, -np.inf)
    largest = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(largest), largest, 0))
    total = e.sum(axis=-1, keepdims=True)
    return np.einsum("...ts,...se->...te", np.divide(e, total, out=np.zeros_like(e), where=total > 0), V)


register(Op(
    name="attention", family="networks", operands=("Q", "K", "V", "mask"), optional=("mask",),
    attributes={"causal": False, "scale": None}, positional=("causal", "scale"), call=_attention_call,
    evaluate=_attention_value, math="softmax({scale} {Q} {K}ᵀ) {V}",
    doc="What each query sees of the values: their mean, weighted by the softmax of its products with the keys, which "
    "are scaled by 1/√d unless `scale` says otherwise. The axes in front are a batch. A mask of booleans says who may "
    "be seen, one of floats is added to the products; causal: query i sees the keys j ≤ i. A query that may see no key "
    "gets zeros.", source="Vaswani et al. 2017; PyTorch: scaled_dot_product_attention",
    aliases={"query": "Q", "key": "K", "value": "V", "attn_mask": "mask", "is_causal": "causal"},
))  # fmt: skip


def _kept_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    scores, mask = types
    if broadcast_shapes(solver, scores.shape, mask.shape) != scores.shape:
        shapes = f"a mask of shape {shape_text(mask.shape)} does not fit scores of shape {shape_text(scores.shape)}"
        raise ShapeError(shapes, operand=3)
    return scores


register(Op(
    name="keep_scores", family="networks", operands=("scores", "mask"), infer=_kept_type, hidden=True,
    numpy="np.where({mask}, {scores}, -np.inf)", evaluate=lambda scores, mask: np.where(mask, scores, -np.inf),
    domain={"mask": "boolean"}, cost="cheap", elementwise=True, math="({scores} if {mask} else −∞)",
    doc="The scores where the mask is true, elsewhere -inf.", source="PyTorch: scaled_dot_product_attention",
))  # fmt: skip
def _causal_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    return Text(f"np.tri({ctx.dim(node.attr('rows'))}, {ctx.dim(node.attr('columns'))}, dtype=bool)")


register(Op(
    name="causal_mask", family="networks", operands=(), attributes={"rows": REQUIRED, "columns": REQUIRED},
    infer=lambda solver, types, attrs: Type((dim(attrs["rows"]), dim(attrs["columns"])), "bool"), hidden=True,
    numpy=_causal_text,
    evaluate=lambda *, rows, columns: np.arange(rows)[:, None] >= np.arange(columns), cost="cheap", math="{{j ≤ i}}",
    doc="True where the column is not behind the row.", source="NumPy: tri",
))  # fmt: skip
register(Op(
    name="both", family="networks", operands=("x", "y"), infer=elementwise_type(lambda *dtypes: "bool"), hidden=True,
    numpy="np.logical_and({x}, {y})", evaluate=np.logical_and, domain={"x": "boolean", "y": "boolean"}, cost="cheap",
    elementwise=True, ufunc="np.logical_and", math="{x} ∧ {y}", doc="True where both are.", source="NumPy: logical_and",
))  # fmt: skip
