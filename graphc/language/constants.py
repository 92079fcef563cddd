"""Operations on constants alone, as `log(0)`: computed while they are lowered, for an error where they are not finite.

Arithmetic on plain numbers is `literals.py`'s; what the operations compute stays in the generated code.
"""

from __future__ import annotations

from typing import Any

from graphc.ir.graph import Builder
from graphc.ops.base import CallError

__all__ = ["Constants"]

LARGEST = 10_000
"""Constants of more entries are not looked at."""


class Constants:
    """The values of a builder's nodes that depend on constants only."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._values: dict[int, Any] = {}

    def enter(self, id: int) -> None:
        """Take a new node down. Raises CallError where finite constants give what is not."""
        node = self.builder[id]
        op = self.builder.op(node.op)
        if not node.operands or op.evaluate is None or not (op.elementwise or node.op == "number"):
            return
        if node.op == "number":  # made together with the operation that it is of
            self.enter(node.operands[0])
        operands = [self._value(u) for u in node.operands]
        if any(value is None for value in operands):
            return
        import numpy as np

        with np.errstate(all="ignore"):
            try:
                value = np.asarray(op.evaluate(*map(np.asarray, operands), **dict(node.attrs)))
            except (ValueError, TypeError, ArithmeticError):
                return  # the emitted code says what is wrong with it
        if value.size > LARGEST:
            return
        self._values[id] = value
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise CallError("a constant expression is not finite", code="E0212")

    def _value(self, id: int) -> Any:
        node = self.builder[id]
        return node.attr("value") if node.op == "const" else self._values.get(id)
