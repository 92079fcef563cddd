"""The table of what operations do with one more axis in front: all families together.

    sum(x, axis=0)     of a batch     sum(x, axis=1)          batch_rules.py
    x[2:4]             of a batch     x[:, 2:4]               batch_indexing.py
    conv2d(x, w)       of a batch     one with more samples, channels or groups      batch_convolution.py
"""

from __future__ import annotations

from graphc.ops.base import Op
from graphc.passes import batch_convolution, batch_indexing  # noqa: F401  (they fill the table)
from graphc.passes.batch_rules import RULES, Rule, elementwise

__all__ = ["RULES", "UNKNOWN_RANK", "rule_of"]

# Shapes and sizes of values of unknown rank: a batch that meets one has been refused before.
UNKNOWN_RANK = {"count_of", "ravel", "reshape_like", "shape_of", "size_of"}


def rule_of(op: Op) -> Rule | None:
    """How to batch an operation; None for one that is written in the language: its definition is batched."""
    if op.definition is not None:
        return None
    rule = RULES.get(op.name) or (elementwise if op.elementwise else None)
    assert rule is not None, f"operation {op.name} has no batched form"
    return rule
