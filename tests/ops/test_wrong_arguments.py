"""Arguments of a call that are something else than is wanted: an error in words, whatever they are."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphc
from graphc.ops.base import REQUIRED
from graphc.ops.table import find, names

OURS = re.compile(r"Dim\(|Tensor\(|Unknown\(|DynamicShape|object at|<class|\?\w+\.\d|Ellipsis|terms=")
VALUES = ("N", "[x]", '"text"', "none", "true", "2.5", "-3", "shape(u)", "[1, [2]]", "x", '(0, "a")', "[1.5]")


@pytest.mark.parametrize("name", names())
def test_whatever_is_given(name: str) -> None:
    op = find(name)
    assert op is not None
    operands = ["[x, x]" if o.startswith("*") else "y" if o in op.indices else "x" for o in op.operands]
    needed = {a: "2" for a, default in op.attributes.items() if default is REQUIRED}
    for attribute in op.attributes:
        for value in VALUES:
            given = ", ".join([*operands, *(f"{a}={v}" for a, v in {**needed, attribute: value}.items())])
            try:
                graphc.compile(f"input x[N, D], y[N]: int\nr = {name}({given})", verify=False)
            except graphc.GraphcError as error:
                for each in error.errors:
                    said = f"{each.message} {each.label} {each.help} {[text for text, _ in each.notes]}"
                    assert not OURS.search(said), f"{given}: {said}"


@pytest.mark.parametrize("sections", ["[x]", "(x,)", "[1, [2]]", '(0, "a")', "[1.5]", "[true]"])
def test_the_places_of_a_split_are_sizes(sections: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"input x[N, 4]\na = split(x, {sections}, axis=1)")
    assert caught.value.errors[0].message.startswith("`split` takes the number of parts")


@pytest.mark.parametrize("level", [0, 1, 2])
def test_arithmetic_on_plain_truth_values(level: int) -> None:
    texts = {"-true": -1, "true - true": 0, "negative(true)": -1, "(x > 0) - (x < 0)": np.array([1, -1])}
    for text, want in texts.items():
        module = graphc.load(f"r = {text}", level=level, verify=False)
        given = [np.array([2.0, -3.0])] * len((*module.INPUTS, *module.PARAMETERS))
        np.testing.assert_array_equal(module.forward(*given)[0], want)
