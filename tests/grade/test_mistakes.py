"""Which mistakes are made in an operation, and in which order: of equal ones the first is told."""

from __future__ import annotations

import numpy as np

from graphc.grade.kinds import scales
from graphc.grade.mistakes import OF_OPERATION, mistakes
from graphc.grade.reference import Reference, Setting, read_source
from graphc.ops.table import find

PROGRAM = """\
input X[N, D], t[N, H]
param W[D, H], b[H]
Z = X@W + b
L = sum((tanh(Z) - t)**2)
loss L
"""


def drawn(program: str) -> Setting:
    return Reference(read_source(program)).settings(0)[0]


def told(setting: Setting, name: str) -> list[tuple[str, str]]:
    """The mistakes in the operation that gives a gradient; not the lost factors, of which there are many."""
    lost = {text for _, _, text in scales(setting)}
    made = mistakes(setting, [setting.reference.gradients[name]])
    return [(m.kind, m.text) for m in made if not any(m.text.endswith(text) for text in lost)]


def test_the_operations_exist() -> None:
    assert [name for name in OF_OPERATION if find(name) is None] == []


def test_a_product_of_matrices() -> None:
    said = told(drawn(PROGRAM), "W")
    assert said[:7] == [
        ("transpose", "it is `X dZ` in place of `Xᵀ dZ`"),
        ("transpose", "it is `Xᵀ dZᵀ` in place of `Xᵀ dZ`"),
        ("transpose", "it is `X dZᵀ` in place of `Xᵀ dZ`"),
        ("transpose", "it is `dZ Xᵀ` in place of `Xᵀ dZ`"),
        ("transpose", "it is `dZ X` in place of `Xᵀ dZ`"),
        ("transpose", "it is `dZᵀ Xᵀ` in place of `Xᵀ dZ`"),
        ("transpose", "it is `dZᵀ X` in place of `Xᵀ dZ`"),
    ]


def test_a_sum_over_the_samples() -> None:
    said = told(drawn(PROGRAM), "b")
    assert said[:6] == [
        ("sum", "the sum of `dZ` over axis 0 is left out"),
        ("1/N", "the mean of `dZ` over axis 0 is taken and not the sum"),
        ("shape", "the sum of `dZ` keeps its axis 0"),
        ("axis", "the sum of `dZ` runs over axis 1 in place of 0"),
        ("axis", "the sum of `dZ` runs over axis 1 in place of 0"),
        ("axis", "the sum of `dZ` runs over all axes"),
    ]


def test_the_numbers_are_those_of_the_mistake() -> None:
    setting = drawn(PROGRAM)
    dZ = setting.gradient("Z")
    wanted = {
        "the sum of `dZ` over axis 0 is left out": dZ,
        "the mean of `dZ` over axis 0 is taken and not the sum": dZ.mean(axis=0),
        "only the last term of the sum of `dZ` counts": dZ[-1],
        "in `db` its sign is the other one": -dZ.sum(axis=0),
    }
    target = setting.reference.gradients["b"]
    made = {m.text: setting.changed(setting.right, m.changes).values[target] for m in mistakes(setting, [target])}
    for text, numbers in wanted.items():
        assert np.array_equal(made[text], numbers), text


def test_unrolled_statements_go_wrong_every_time() -> None:
    setting = drawn("param W[D, D], z_0[N, D]\nfor k in 0:3 { z_{k+1} = tanh(z_{k} @ W) }\nL = sum(z_3**2)\nloss L\n")
    every = [m for m in mistakes(setting, setting.reference.backward) if m.text.endswith(", every time")]
    left_out = [m for m in every if m.text.startswith("the derivative of `tanh` is left out")]
    assert [len(m.changes) for m in left_out] == [3]
