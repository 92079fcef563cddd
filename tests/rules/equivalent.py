"""Mutants of rules that are as right as the rule itself, by reason.

The key is the rule's name and the change; `#2` is the second of that text in the rule.
"""

from __future__ import annotations

__all__ = ["EQUIVALENT"]

_REASONS: dict[str, tuple[str, ...]] = {
    "the sign of twice a number, or whether it is 0, is that of the number": (
        "abs: dx: x -> 2 * x",
        "divergence: logq: q -> 2 * q #2",
        "divergence: dq: q -> 2 * q",
        "elu: dx: x -> 2 * x",
        "elu: dx: x -> 2 * x #2",
        "hypot: length: z -> 2 * z #2",
        "leaky_relu: positive: x -> 2 * x",
        "log_or_zero: dx: x -> 2 * x #2",
        "negative_part: dx: x -> 2 * x",
        "norm: dx: y -> 2 * y #2",
        "norm_power: length: y -> 2 * y #2",
        "norm_power: dx: x -> 2 * x",
        "selu: dx: x -> 2 * x",
        "selu: dx: x -> 2 * x #2",
        "relu: dx: y -> 2 * y",
        "relu6: dx: x -> 2 * x",
        "std: scale: y -> 2 * y #2",
        "where: db: c -> 2 * c",
    ),
    "the value has the sign of its argument": (
        "elu: dx: x -> y",
        "elu: dx: x -> y #2",
        "leaky_relu: positive: x -> y",
        "negative_part: dx: x -> y",
        "relu: dx: y -> x",
        "selu: dx: x -> y",
        "selu: dx: x -> y #2",
    ),
    "the larger of two is larger than the second exactly where the first is": (
        "maximum: dx: x -> z",
        "maximum: dy: y -> z",
        "minimum: dx: x -> z",
        "minimum: dy: y -> z",
    ),
    "what stands in for a length of 0 is multiplied by 0": (
        "hypot: length: z + (z == 0) -> z - (z == 0)",
        "norm: dx: y + (y == 0) -> y - (y == 0)",
        "norm_power: length: y + (y == 0) -> y - (y == 0)",
        "std: scale: y + (y == 0) -> y - (y == 0)",
    ),
    "a number is on the right side of a bound exactly where the bounded one is": (
        "at_least: dx: lo -> y",
        "at_least: dlo: lo -> y",
        "at_most: dx: hi -> y",
        "at_most: dhi: hi -> y",
        "clip: dx: hi -> y",
        "clip: dlo: lo -> y",
        "clip: dlo: hi -> y",
        "clip: dhi: hi -> y",
        "hardswish: dx: x -> y",
        "hardswish: dx: x -> y #3",
        "hardtanh: dx: x -> y",
        "hardtanh: dx: x -> y #2",
        "relu6: dx: x -> y",
        "relu6: dx: x -> y #2",
    ),
    "only the shape is asked for": ("mean: dx: x -> 2 * x", "std: scale: x -> 2 * x", "var: scale: x -> 2 * x"),
    "a number without axes broadcasts as one with axes of size 1 does": (
        "logsumexp: largest: largest_kept(x, axis=axis, keepdims=keepdims) -> largest_kept(x, axis=axis)",
        "logsumexp: total: sum_kept(e, axis=axis, keepdims=keepdims) -> sum_kept(e, axis=axis)",
        "max: share: ties(extreme, axis=axis, keepdims=keepdims) -> ties(extreme, axis=axis)",
        "min: share: ties(extreme, axis=axis, keepdims=keepdims) -> ties(extreme, axis=axis)",
    ),
    "in the normal form there are two axes, so 1 is the last": (
        "balance_labels: dx: expand_dims(pick(dz, y), axis=-1) -> expand_dims(pick(dz, y), axis=1)",
        "cross_entropy_labels: dS: expand_dims(dl, axis=-1) -> expand_dims(dl, axis=1)",
        "svm_rows: dS: expand_dims(dl, axis=-1) -> expand_dims(dl, axis=1)",
    ),
    "the difference is 0 at the label by itself": (
        "balance_labels: dx: clear_labels(dz - expand_dims(pick(dz, y), axis=-1), y) "
        "-> dz - expand_dims(pick(dz, y), axis=-1)",
    ),
    "it is squared": (
        "standardise: centred: x - mean(x, axis=axis, keepdims=true) -> mean(x, axis=axis, keepdims=true) - x",
    ),
    "of sizes that are numbers the matrix tells the length; of those with names `ops/test_linalg.py` needs it": (
        "from_diagonal: dx: diagonal(dy, k=k, count=shape(x)[-1]) -> diagonal(dy, k=k)",
    ),
    "S and its transpose are added up afterwards": ("cholesky: T: mT(F) -> F",),
    "the reference value finds the places of the maxima by itself; they tell the emitted code where to look": (
        "max_pick: dg: x -> 2 * x",
        "max_pick: dg: y -> z",
        "max_pick: dg: y -> 2 * y",
        "max_windows: dx: x -> 2 * x",
        "max_windows: dx: y -> 2 * y",
        "max_unpool: dg: x -> 2 * x",
        "max_unpool: dg: y -> g",
        "max_unpool: dg: y -> 2 * y",
    ),
}

EQUIVALENT: dict[str, str] = {key: reason for reason, keys in _REASONS.items() for key in keys}
