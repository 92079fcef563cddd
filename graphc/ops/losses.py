"""Losses. Each resolves its reduction and its variant here; the mathematics, per sample or entry, is in `losses.g`.

Rows of scores in a batch of any rank become the rows of one matrix, so that a label is one place in a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, Text
from graphc.emitter.statements import STATEMENTS, Special
from graphc.ir.dims import Dim, numel
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, shape_text
from graphc.ops.base import CallError, Lowering, NumpyContext, Op, described, register
from graphc.ops.integers import as_integers, node_of

__all__: list[str] = []

REDUCTIONS = ("sum", "mean", "none")


def _reduce(lowering: Lowering, losses: int, reduction: Any) -> Any:
    """The sum or the mean of the losses, or the losses themselves."""
    return losses if reduction == "none" else lowering.call(reduction, losses)


def _check_reduction(reduction: Any) -> None:
    if reduction not in REDUCTIONS:
        raise CallError(f'`reduction` is {described(reduction)}; it is "sum", "mean" or "none"', argument="reduction")


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CallError(f"`{name}` is a number known at compile time", argument=name)
    return value


# ---------------------------------------------------------------- labels

def _rows(lowering: Lowering, S: int) -> tuple[Dim, ...]:
    """The shape of the scores: one row per sample, the classes last."""
    shape = lowering.shape(S, 2)
    if not shape:
        raise ShapeError("scores need an axis of classes, and this is a scalar", operand=0)
    return shape


def _labels(lowering: Lowering, y: int, shape: tuple[Dim, ...]) -> int:
    """The labels of scores of this shape, which are checked. Raises CallError and ShapeError."""
    wanted, classes = shape[:-1], shape[-1]
    lowering.index(y, wanted)
    found = as_integers(lowering, _constant_labels(lowering, y, classes))
    if found is None:
        node = node_of(lowering, y)
        sizes = ", ".join(map(str, wanted))
        raise CallError(
            "labels must be integers", argument=1,
            help=f"declare `input {node.attr('name')}[{sizes}]: int`" if node.op == "argument" else None,
        )  # fmt: skip
    y = found
    have = lowering.shape(y, len(wanted))
    if not _equal(lowering, have, wanted):
        raise ShapeError(
            f"labels of shape {shape_text(have)} do not fit scores of shape {shape_text(shape)}", operand=1,
            label=f"one label per row is wanted: shape {shape_text(wanted)}",
        )  # fmt: skip
    return lowering.limit(y, classes, "label")


def _equal(lowering: Any, have: tuple[Dim, ...], wanted: tuple[Dim, ...]) -> bool:
    """Whether two shapes are equal; open sizes are made so."""
    equal = lowering.builder.solver.equal
    return len(have) == len(wanted) and all(equal(a, b) for a, b in zip(have, wanted, strict=True))


def _constant_labels(lowering: Lowering, y: int, classes: Dim) -> int:
    """Labels that stand in the program: integers, of which each must be a class."""
    node = node_of(lowering, y)
    if node.op != "const":
        return y
    values = np.asarray(node.attr("value"), dtype=float)
    if (values != np.floor(values)).any():
        raise CallError("labels must be integers", argument=1)
    entries = [int(v) for v in (values.min(), values.max())] if values.size else []
    for label in entries:
        if label < 0 or (classes.value is not None and label >= classes.value):
            raise CallError(f"label {label} is not one of the classes 0…{classes - 1}", argument=1)
        lowering.at_least(classes, label + 1, f"label {label}")
    if node.attr("dtype") == "int":
        return y
    return lowering.add("const", [], {"value": _integers(node.attr("value")), "dtype": "int"})


def _integers(value: Any) -> Any:
    return tuple(map(_integers, value)) if isinstance(value, tuple) else int(value)


def _of_matrix(lowering: Lowering, op: str, S: int, y: int, shape: tuple[Dim, ...], **attributes: Any) -> int:
    """An operation on the rows of a matrix and their labels, for scores of any rank: one number per label."""
    if len(shape) == 2:
        return lowering.call(op, S, y, **attributes)  # type: ignore[no-any-return]
    rows = numel(shape[:-1])
    S = lowering.call("reshape", S, shape=(rows, shape[-1]))
    losses = lowering.call(op, S, lowering.call("reshape", y, shape=(rows,)), **attributes)
    return lowering.call("reshape", losses, shape=shape[:-1])  # type: ignore[no-any-return]


def _softmax_ce_call(lowering: Lowering, S: int, y: int, *, reduction: Any) -> Any:
    _check_reduction(reduction)
    shape = _rows(lowering, S)
    probabilities = lowering.type(y)
    if probabilities.is_float and probabilities.rank == len(shape) and not _is_undeclared(lowering, y):
        if not _equal(lowering, probabilities.dims, shape):
            have = shape_text(probabilities.shape)
            raise ShapeError(f"probabilities of shape {have} do not fit scores of shape {shape_text(shape)}", operand=1)
        return _reduce(lowering, lowering.call("cross_entropy_rows", S, y), reduction)
    losses = _of_matrix(lowering, "cross_entropy_labels", S, _labels(lowering, y, shape), shape)
    return _reduce(lowering, losses, reduction)


def _is_undeclared(lowering: Lowering, y: int) -> bool:
    """Whether this is an argument that nothing declares: then it holds labels."""
    node = node_of(lowering, y)
    undeclared: set[str] = getattr(lowering, "undeclared", set())
    return node.op == "argument" and node.attr("name") in undeclared


def _svm_call(lowering: Lowering, S: int, y: int, *, margin: Any, reduction: Any) -> Any:
    _check_reduction(reduction)
    shape = _rows(lowering, S)
    labels = _labels(lowering, y, shape)
    losses = _of_matrix(lowering, "svm_rows", S, labels, shape, margin=_number(margin, "margin"))
    return _reduce(lowering, losses, reduction)


def _nll_call(lowering: Lowering, logP: int, y: int, *, reduction: Any) -> Any:
    _check_reduction(reduction)
    shape = _rows(lowering, logP)
    picked = _of_matrix(lowering, "pick", logP, _labels(lowering, y, shape), shape)
    return lowering.call("negative", _reduce(lowering, picked, reduction))


def _reduced(losses: Any, reduction: str) -> Any:
    return {"sum": np.sum, "mean": np.mean, "none": np.asarray}[reduction](losses)  # type: ignore[operator]


def _softmax_ce_value(S: Any, y: Any, *, reduction: str = "sum") -> Any:
    S, y = np.asarray(S), np.asarray(y)
    shifted = S - S.max(axis=-1, keepdims=True)
    logP = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    q = y if y.shape == S.shape and y.dtype.kind == "f" else np.eye(S.shape[-1])[y]
    return _reduced(-(q * logP).sum(axis=-1), reduction)


def _svm_value(S: Any, y: Any, *, margin: float = 1, reduction: str = "sum") -> Any:
    rows, labels = np.reshape(S, (-1, np.shape(S)[-1])), np.ravel(y)
    losses = [sum(max(0.0, s - row[k] + margin) for j, s in enumerate(row) if j != k)
              for row, k in zip(rows, labels, strict=True)]  # fmt: skip
    return _reduced(np.reshape(np.array(losses, dtype=float), np.shape(y)), reduction)


def _nll_value(logP: Any, y: Any, *, reduction: str = "sum") -> Any:
    return _reduced(-np.take_along_axis(np.asarray(logP), np.asarray(y)[..., None], axis=-1)[..., 0], reduction)


register(Op(
    name="softmax_ce", family="losses", operands=("S", "y"), attributes={"reduction": "sum"}, positional=("reduction",),
    evaluate=_softmax_ce_value, call=_softmax_ce_call, domain={"y": "labels"},
    math="−Σ log softmax({S})[i, {y}ᵢ]",
    doc="The cross-entropy of the softmax of each row of scores: y holds the label of each row, or, declared as floats "
    "of the shape of S, a row of probabilities.", source="derivations A1, E2; PyTorch: cross_entropy",
    aliases={"input": "S", "target": "y"},
))  # fmt: skip
register(Op(
    name="svm_loss", family="losses", operands=("S", "y"), attributes={"margin": 1, "reduction": "sum"},
    positional=("margin", "reduction"), evaluate=_svm_value, call=_svm_call, domain={"y": "labels"},
    math="Σᵢ Σⱼ max(0, {S}ᵢⱼ − {S}[i, {y}ᵢ] + {margin}), j ≠ {y}ᵢ",
    doc="The multiclass SVM loss: every wrong score should be a margin below that of the label. The derivative of a "
    "margin of exactly 0 is 0.", source="derivations E3; PyTorch: multi_margin_loss, there divided by C",
    aliases={"input": "S", "target": "y"},
))  # fmt: skip
register(Op(
    name="nll", family="losses", operands=("logP", "y"), attributes={"reduction": "sum"}, positional=("reduction",),
    evaluate=_nll_value, call=_nll_call, domain={"y": "labels"}, math="−Σ {logP}[i, {y}ᵢ]",
    doc="The negative logarithm of the label's probability, from rows of logarithms.", source="PyTorch: nll_loss",
    aliases={"input": "logP", "target": "y"},
))  # fmt: skip


# ---------------------------------------------------------------- entries at labels

def _same_as_rows(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    assert types[0].rank == 2 and types[1].rank in (1, None)  # that of an undeclared argument the next run knows
    return Type(types[0].shape)


def _at_labels(rows: Text, labels: Text, ctx: NumpyContext, node: Node) -> str:
    return f"{rows.within(ATOM)}[np.arange({ctx.dim(ctx.type(node.operands[0]).dims[0])}), {labels}]"


def _own_copy(ctx: NumpyContext, node: Node, target: str, source: Text, over: bool) -> list[str]:
    """The lines that make `target` an array of its own with the entries of the source."""
    if over:
        return [] if source.text == target else [f"{target} = {source}"]
    if ctx.type(node.operands[0]).is_float:
        return [f"{target} = {source.within(ATOM)}.copy()"]
    return [f"{target} = {source.within(ATOM)}.astype({ctx.dtype()})"]


def _clear_labels(ctx: NumpyContext, node: Node, target: str, operands: list[Text], over: bool) -> list[str]:
    copy = _own_copy(ctx, node, target, operands[0], over)
    return [*copy, f"{_at_labels(Text(target), operands[1], ctx, node)} = 0"]


def _balance_labels(ctx: NumpyContext, node: Node, target: str, operands: list[Text], over: bool) -> list[str]:
    copy = _own_copy(ctx, node, target, operands[0], over)
    place = _at_labels(Text(target), operands[1], ctx, node)
    if _is_clear(ctx, node):
        return [*copy, f"{place} = -{target}.sum(axis=1)"]
    return [*copy, f"{place} -= {target}.sum(axis=1)"]


def _is_clear(ctx: NumpyContext, node: Node) -> bool:
    """Whether the rows are 0 at their labels as they are: where something that has been cleared is positive."""
    rows, labels = (ctx.node(u) for u in node.operands)
    if rows.op != "greater" or ctx.node(rows.operands[1]).attr("value") != 0:
        return False
    cleared = ctx.node(rows.operands[0])
    return cleared.op == "clear_labels" and cleared.operands[1] == labels.id


def _clear_value(x: Any, y: Any) -> Any:
    return np.where(np.arange(np.shape(x)[-1]) == np.asarray(y)[..., None], 0.0, x)


def _balance_value(x: Any, y: Any) -> Any:
    others = _clear_value(x, y)
    at = np.arange(np.shape(x)[-1]) == np.asarray(y)[..., None]
    return np.where(at, -others.sum(axis=-1, keepdims=True), others)


for _name, _lines, _reference, _math, _doc in (
    ("clear_labels", _clear_labels, _clear_value, "{x}, 0 at {y}", "The rows of a matrix with 0 at their labels."),
    ("balance_labels", _balance_labels, _balance_value, "{x}, −Σ of the others at {y}",
     "The rows of a matrix with minus the sum of the other entries at their labels."),
):  # fmt: skip
    STATEMENTS[_name] = Special(_lines, in_place=True)
    register(Op(
        name=_name, family="losses", operands=("x", "y"), infer=_same_as_rows, evaluate=_reference, indices=("y",),
        domain={"y": "labels"}, hidden=True, math=_math, doc=_doc, source="derivations E3", cost="cheap",
    ))  # fmt: skip


# ---------------------------------------------------------------- numbers and their targets

def _entries(op: str, *numbers: str) -> Callable[..., Any]:
    """The call of a loss over entries; `numbers` are the attributes that go on to the operation."""

    def call(lowering: Lowering, a: int, b: int, *, reduction: Any, **attributes: Any) -> Any:
        _check_reduction(reduction)
        checked = {name: _number(attributes[name], name) for name in numbers}
        if checked.get("delta", 1) <= 0:
            raise CallError("`delta` is positive", argument="delta")
        return _reduce(lowering, lowering.call(op, a, b, **checked), reduction)

    return call


def _value(entry: Callable[..., Any]) -> Callable[..., Any]:
    """The reference value of a loss over entries, from the one of an entry."""

    def evaluate(a: Any, b: Any, *, reduction: str = "sum", **attributes: Any) -> Any:
        losses = np.vectorize(lambda x, y: entry(float(x), float(y), **attributes), otypes=[float])(a, b)
        return _reduced(losses, reduction)

    return evaluate


def _log(p: float) -> float:
    return max(float(np.log(p)), -100.0) if p > 0 else -100.0


def _huber_entry(a: float, b: float, delta: float = 1) -> float:
    return (a - b) ** 2 / 2 if abs(a - b) <= delta else delta * (abs(a - b) - delta / 2)


def _declare(
    name: str, operands: tuple[str, str], op: str, entry: Callable[..., float], math: str, doc: str, source: str,
    domain: dict[str, str] | None = None, **attributes: float,
) -> None:  # fmt: skip
    register(Op(
        name=name, family="losses", operands=operands, attributes={**attributes, "reduction": "sum"},
        positional=(*attributes, "reduction"), evaluate=_value(entry), call=_entries(op, *attributes),
        math=math, doc=doc, source=source, domain=domain or {},
        aliases=dict(zip(("input", "target"), operands, strict=True)),
    ))  # fmt: skip


_declare("mse", ("a", "b"), "squared_error", lambda a, b: (a - b) ** 2, "Σ ({a} − {b})²",
         "The squared differences.", "PyTorch: mse_loss")  # fmt: skip
_declare("mae", ("a", "b"), "absolute_error", lambda a, b: abs(a - b), "Σ |{a} − {b}|",
         "The absolute differences; the derivative at 0 is 0.", "PyTorch: l1_loss")  # fmt: skip
_declare("huber", ("a", "b"), "huber_error", _huber_entry, "Σ huber({a} − {b})",
         "Half the squared difference up to delta, from there on a straight line.",
         "Huber 1964; PyTorch: huber_loss", delta=1)  # fmt: skip
_declare("bce", ("p", "t"), "binary_entropy", lambda p, t: -(t * _log(p) + (1 - t) * _log(1 - p)),
         "−Σ ({t} ⊙ log {p} + (1 − {t}) ⊙ log(1 − {p}))",
         "The cross-entropy of probabilities p for targets t. As in PyTorch the logarithms are at least -100, and "
         "p (1 - p) in the derivative is at least 1e-12.", "PyTorch: binary_cross_entropy",
         {"p": "probability", "t": "probability"})  # fmt: skip
_declare("bce_with_logits", ("z", "t"), "binary_entropy_of_logits", lambda z, t: float(np.logaddexp(0, z)) - z * t,
         "Σ (log(1 + exp({z})) − {z} ⊙ {t})", "The cross-entropy of sigmoid(z) for targets t, without overflow.",
         "PyTorch: binary_cross_entropy_with_logits", {"t": "probability"})  # fmt: skip
_declare("hinge", ("s", "t"), "hinge_error", lambda s, t: max(0.0, 1 - s * t), "Σ max(0, 1 − {s} ⊙ {t})",
         "max(0, 1 - s t) for scores s and targets t of -1 and 1; the derivative at s t = 1 is 0.",
         "scikit-learn: hinge_loss")  # fmt: skip
_declare("kl_div", ("logp", "q"), "divergence", lambda logp, q: q * (float(np.log(q)) - logp) if q else 0.0,
         "Σ {q} ⊙ (log {q} − {logp})",
         "The divergence of q from p, which is given by its logarithm; 0 where q is 0, its derivative there too. The "
         "mean is over entries.", "PyTorch: kl_div", {"q": "probability"})  # fmt: skip
