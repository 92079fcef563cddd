"""Windows that are put side by side again: where, which stay, how much memory that takes, and the numbers."""

from __future__ import annotations

import pytest

import graphc
from emitter.test_pieces import held
from ops.programs import array, compiled, hold_in_workspace

TWO = """
input X[N, C, 6, 6]
param F[{j}, C, {k}, {k}], G[{j}, {j}, {k}, {k}], e[{j}]
h = tanh(conv2d(X, F, padding={p}{more}))
L = sum(sin(conv2d(h, G, padding={p}) * e[:, None, None]))
"""


def columns_of(text: str) -> int:
    source = graphc.compile(text, level=2, verify=False)
    body = source[source.index("def value_and_grad") :].partition("\nclass ")[0]
    return body.count("\n    im2col(")


@pytest.mark.parametrize(("channels", "size", "padding", "more", "count"), [
    ("C", 3, 1, "", 3), ("C", 5, 2, "", 3),
    ("C", 3, 1, ", stride=2", 2), ("C", 1, 0, "", 0),  # few entries, or none, are not worth it
    ("J", 3, 1, "", 2),  # of another size, and nothing is saved
])  # fmt: skip
def test_windows_are_taken_twice_where_others_come_in_their_place(
    channels: str, size: int, padding: int, more: str, count: int
) -> None:
    assert columns_of(TWO.format(j=channels, k=size, p=padding, more=more)) == count


def test_one_layer_keeps_its_columns() -> None:
    assert columns_of("input X[N, C, 6, 6]\nparam F[J, C, 3, 3]\nL = sum(sin(conv2d(X, F, padding=1)))") == 1


def test_layers_have_one_array_for_their_columns() -> None:
    sizes = {"X": (8, 3, 6, 6), "F": (3, 3, 3, 3), "G": (3, 3, 3, 3), "e": (3,)}
    given = {name: array(*shape, seed=n) for n, (name, shape) in enumerate(sizes.items())}
    net = graphc.load(TWO.format(j="C", k=3, p=1, more=""), level=2, verify=False)
    columns, image = 27 * 36 * 8 * 8, 3 * 64 * 8 * 8
    assert held(net, given) < columns + 5 * image  # and not twice the columns


@pytest.mark.parametrize("samples", [0, 1, 7])
@pytest.mark.parametrize("padding", ["1", "(1, 0)"])
def test_the_numbers_are_the_same(samples: int, padding: str) -> None:
    text = TWO.format(j="C", k=3, p=padding, more="")
    shapes = {"X": (samples, 2, 6, 6), "F": (2, 2, 3, 3), "G": (2, 2, 3, 3), "e": (2,)}
    given = {name: array(*shape, seed=n) for n, (name, shape) in enumerate(shapes.items())}
    hold_in_workspace(compiled(text, 2), compiled(text, 0), given, 1e-11)
