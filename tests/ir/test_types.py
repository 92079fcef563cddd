"""Types of values: broadcasting of shapes against NumPy's, unknown shapes, what a solver without knowledge refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.ir.dims import Dim, dim
from graphc.ir.types import Scalar, ShapeError, Solver, Type, Unknown, broadcast_shapes, promote, shape_text

many = settings(max_examples=300)
shapes = st.lists(st.sampled_from([0, 1, 2, 3]), max_size=4).map(tuple)


def symbolic(*sizes: str | int) -> tuple[Dim, ...]:
    return tuple(map(dim, sizes))


@given(shapes, shapes)
@many
def test_shapes_of_numbers_broadcast_as_in_numpy(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    try:
        wanted = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(ShapeError):
            broadcast_shapes(Solver(), symbolic(*a), symbolic(*b))
        return
    found = broadcast_shapes(Solver(), symbolic(*a), symbolic(*b))
    assert found == symbolic(*wanted)


@given(shapes, shapes)
@many
def test_names_broadcast_as_the_numbers_they_stand_for(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    def named(shape: tuple[int, ...]) -> tuple[Dim, ...]:
        return tuple(dim(n) if n == 1 else dim("ZOTN"[n]) for n in shape)

    try:
        wanted = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(ShapeError):
            broadcast_shapes(Solver(), named(a), named(b))
        return
    assert broadcast_shapes(Solver(), named(a), named(b)) == named(wanted)


def test_declared_sizes_that_differ_name_themselves() -> None:
    with pytest.raises(ShapeError) as caught:
        broadcast_shapes(Solver(), symbolic("N", "D"), symbolic("N", "H"))
    assert "(N, D)" in caught.value.message
    assert "(N, H)" in caught.value.message
    assert caught.value.label is not None
    assert "last dimensions D and H differ" in caught.value.label


class Bounds(Solver):
    """Remembers what is left to run time."""

    def __init__(self) -> None:
        self.found: list[tuple[object, tuple[Dim, ...]]] = []

    def bound(self, inner: object, outer: tuple[Dim, ...]) -> None:
        self.found.append((inner, outer))


def test_an_undeclared_operand_takes_the_shape_of_its_partner_and_is_checked_at_run_time() -> None:
    solver = Bounds()
    unknown = Unknown("@b")
    assert broadcast_shapes(solver, symbolic("N", "D"), unknown) == symbolic("N", "D")
    assert solver.found == [(unknown, symbolic("N", "D"))]
    open = symbolic("?b.0:1")
    assert broadcast_shapes(solver, open, symbolic("N", "D")) == symbolic("N", "D")
    assert solver.found[-1] == (open, symbolic("N", "D"))


def test_unknown_shapes() -> None:
    a, b = Unknown("@a"), Unknown("@b")
    assert broadcast_shapes(Solver(), a, a) == a
    assert broadcast_shapes(Solver(), a, ()) == a
    assert broadcast_shapes(Solver(), (), b) == b
    assert broadcast_shapes(Solver(), a, b) == broadcast_shapes(Solver(), b, a)
    assert a.leaf == "a"
    assert Unknown.of("sum", a, 0).leaf is None
    assert Unknown.of("sum", a, 0) == Unknown.of("sum", a, 0)
    assert Unknown.of("sum", a, 0) != Unknown.of("sum", a, 1)


def test_keys_of_unknown_shapes_stay_short() -> None:
    shape = Unknown("@a")
    seen = set()
    for _ in range(50):
        shape = Unknown.of("broadcast", shape, shape)
        seen.add(shape.key)
        assert len(shape.key) <= 240
    assert len(seen) == 50


def test_the_solver_without_knowledge_refuses() -> None:
    solver = Solver()
    assert solver.equal(dim("N"), dim("N"))
    assert not solver.equal(dim("N"), dim("D"))
    assert solver.shape(Type(symbolic("N", 3))) == symbolic("N", 3)
    with pytest.raises(ShapeError) as caught:
        solver.shape(Type(Unknown("@x")), rank=2)
    assert caught.value.code == "E0210"
    assert "`x`" in caught.value.message
    assert "input x[" in (caught.value.help or "")


def test_types() -> None:
    type = Type(symbolic("N", 3), "int")
    assert type.rank == 2
    assert not type.is_float
    assert type.dims == symbolic("N", 3)
    assert type.with_shape(()) == Type((), "int")
    assert str(type) == "(N, 3): int"
    assert Scalar.rank == 0
    assert Type(Unknown("@x")).rank is None
    with pytest.raises(AssertionError):
        _ = Type(Unknown("@x")).dims


@pytest.mark.parametrize(
    ("shape", "text"),
    [((), "()"), (symbolic("H"), "(H,)"), (symbolic("N", 2), "(N, 2)"), (Unknown("@x"), "(?)")],
)
def test_text_of_shapes(shape: tuple[Dim, ...] | Unknown, text: str) -> None:
    assert shape_text(shape) == text


@given(st.lists(st.sampled_from(["bool", "int", "float"]), min_size=1, max_size=4))
def test_promotion_is_that_of_numpy(kinds: list[str]) -> None:
    wanted = np.result_type(*(np.dtype(k) for k in kinds))
    assert promote(*kinds) == {"b": "bool", "i": "int", "f": "float"}[wanted.kind]
