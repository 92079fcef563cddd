"""Test cases for every operation, made from its declaration.

An operation says its operands, attributes and domains; candidates of operand shapes (ranks 0–4, sizes 0 and 1,
broadcasting both ways, batches, repeated operands) and of attribute values are tried out, and those that lowering
accepts become cases: tiny programs with arguments. What needs shapes or texts of its own stands in `ops.special`.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import graphc
from graphc.ops.base import REQUIRED, Op
from graphc.ops.table import lookup
from ops.special import ATTRIBUTES, JOINT, NARROW, SPECIAL
from ops.values import in_domain, spread

__all__ = ["Case", "all_cases", "cases", "language", "refused"]

Shape = tuple[int, ...]

ONE: list[tuple[Shape, ...]] = [
    ((3,),), ((2, 3),), ((3, 3),), ((2, 3, 4),), ((),), ((1,),), ((3, 1),), ((0,),), ((0, 3),), ((2, 1, 3),),
    ((2, 3, 3),), ((2, 3, 2, 2),), ((4, 2),), ((3, 0),),
]  # fmt: skip
TWO: list[tuple[Shape, ...]] = [
    ((2, 3), (2, 3)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((2, 3), ()), ((), (2, 3)), ((), ()),
    ((3,), (3,)), ((1,), (4,)), ((4,), (1, 1)), ((2, 1, 3), (4, 1)), ((4, 1), (2, 1, 3)), ((0, 3), (3,)),
    ((1, 3), (0, 1)), ((2, 3, 2, 2), (3, 1, 1)), ((3, 4), (4, 2)), ((3, 1), (1, 2)), ((2, 3), (1,)), ((0, 3), (3, 2)),
    ((3, 0), (0, 2)),
    ((2, 2, 3), (3, 4)), ((2, 2, 3), (2, 3, 4)), ((2, 3), (4, 3, 2)), ((2, 1, 2, 3), (3, 3, 2)), ((2, 2, 3), (3,)),
    ((3,), (2, 3, 2)), ((3, 3), (3, 3)), ((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2)), ((1, 1), (1, 1)),
    ((4, 3), (2, 3)), ((3,), (2,)), ((2, 3), (2,)), ((3, 4), (2,)), ((3, 4), (2, 2)), ((4,), (2, 3)),
    ((2, 3, 4), (2, 3)), ((3, 2), (3, 1)),
]  # fmt: skip
THREE: list[tuple[Shape, ...]] = [
    ((2, 3), (2, 3), (2, 3)), ((2, 3), (), ()), ((2, 3), (3,), (2, 1)), ((3,), (2, 3), (2, 3)), ((2, 1), (3,), ()),
    ((), (2, 3), (3,)), ((), (), ()), ((3,), (3,), (3,)), ((0, 3), (3,), (1, 3)), ((2, 1, 3), (4, 1), (3,)),
    ((1, 3), (2, 1), (2, 3, 1)), ((2, 3), (4, 3), (4,)), ((3,), (2, 3), (2,)), ((3,), (3, 4), (4,)),
    ((2, 3), (3, 4), (2, 4)), ((2, 3), (2, 4), (5, 3, 4)), ((3,), (4,), (5, 3, 4)), ((2, 2, 3), (4, 3), (4,)),
    ((4, 3), (2,), (2, 3)), ((4,), (2, 3), (2, 3)), ((2, 3), (3,), (3,)), ((2, 4, 3), (3,), (3,)), ((3, 4), (4,), (4,)),
    ((2, 3, 2, 2), (3,), (3,)), ((2, 5, 3), (2, 4, 3), (2, 4, 6)), ((5, 3), (4, 3), (4, 3)), ((1, 3), (3,), (3,)),
    ((2, 3), (2,), ()),
]  # fmt: skip
FOUR: list[tuple[Shape, ...]] = [
    ((2, 3), (2, 4), (5, 3, 4), (5,)), ((3,), (4,), (5, 3, 4), (5,)), ((2, 3), (2, 3), (2, 3), (2, 3)),
    ((4, 3), (5, 3), (5, 2), (4, 5)), ((2, 4, 3), (2, 5, 3), (2, 5, 2), (4, 5)),
]  # fmt: skip
SHAPES = {1: ONE, 2: TWO, 3: THREE, 4: FOUR}
MANY: list[tuple[Shape, ...]] = [
    ((2, 3),), ((2, 3), (2, 3)), ((2, 3), (1, 3)), ((2, 3), (2, 1), (2, 3)), ((3,), (1,), (0,)), ((3,), (3,)),
    ((), ()), ((0, 3), (2, 3)), ((2, 3, 4), (2, 3, 4)), ((2, 1, 2, 2), (2, 3, 2, 2)),
]  # fmt: skip

# Sizes that stand for names of dimensions in the symbolic form of a case; 1 is what the program says.
SIZE_NAMES = {0: "Z", 2: "B", 3: "N", 4: "D", 5: "K", 6: "M", 7: "P", 8: "Q"}

MAX_CASES = 48


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A tiny program with arguments.

    `body` is its statements without declarations. `operands` and `attributes` are what the one call in it gets, for
    references that take the same. A case that is not `smooth` has no numerical derivative at its arguments.
    """

    op: str
    body: str
    arguments: Mapping[str, Any]
    operands: tuple[Any, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    smooth: bool = True
    reference: Any = None

    def text(self, symbolic: bool = False) -> str:
        """The program with its declarations; in the symbolic form sizes other than 1 have names."""
        lines = [_declared(name, value, symbolic) for name, value in self.arguments.items()]
        return "\n".join([*lines, self.body, ""])

    @property
    def undeclared(self) -> str:
        """The program without declarations, but for those that a call cannot do without."""
        lines = [
            _declared(name, value, False) for name, value in self.arguments.items() if np.asarray(value).dtype == bool
        ]
        return "\n".join([*lines, self.body, ""])

    def __str__(self) -> str:
        return "; ".join(self.text().strip().split("\n"))


def _declared(name: str, value: Any, symbolic: bool) -> str:
    array = np.asarray(value)
    sizes = [SIZE_NAMES.get(n, str(n)) if symbolic and n != 1 else str(n) for n in array.shape]
    kind = {"i": ": int", "b": ": bool", "f": ""}[array.dtype.kind]
    return f"input {name}[{', '.join(sizes)}]{kind}"


def language(value: Any) -> str:
    """A Python value as the language writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "(" + ", ".join(map(language, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


def _is_integer(op: Op, name: str) -> bool:
    return name in op.indices or op.domain.get(name, "").startswith(("index", "labels"))


def _integers(
    op: Op, name: str, shapes: Mapping[str, Shape], attributes: Mapping[str, Any], rng: np.random.Generator
) -> Any:
    """Indices or labels that fit the operand they index; None where none do."""
    domain = op.domain.get(name, "index")
    shape = shapes[name]
    kind, _, target = domain.partition(":")
    others = [n for n in shapes if not _is_integer(op, n)]
    top: int = 3
    if kind == "labels":
        top = shapes[others[0]][-1] if others and shapes[others[0]] else 0
    elif target in attributes and isinstance(attributes[target], int):
        top = attributes[target]
    elif target in shapes:
        axis = attributes.get("axis", op.attributes.get("axis", 0))
        if axis is None:
            top = int(np.prod(shapes[target]))
        elif isinstance(axis, int) and -len(shapes[target]) <= axis < len(shapes[target]):
            top = shapes[target][axis]
        else:
            top = 0
    if top == 0:
        return None if int(np.prod(shape)) else np.zeros(shape, int)
    low = -top if kind == "index" and target in shapes and op.name != "embedding" else 0
    return rng.integers(low, top, shape)


# ---------------------------------------------------------------- candidates


def _attribute_sets(op: Op) -> list[dict[str, Any]]:
    """The defaults, and every value of the table for one attribute at a time; `axis` with and without `keepdims`."""
    if op.name in JOINT:
        return [dict(given) for given in JOINT[op.name]]
    table = {name: ATTRIBUTES.get((op.name, name), ATTRIBUTES.get(name, [])) for name in op.attributes}
    required = [name for name, default in op.attributes.items() if default is REQUIRED]
    if any(not table[name] for name in required):
        return []  # SPECIAL has to give the cases
    base = {name: table[name][0] for name in required}
    sets = [base]
    for name, values in table.items():
        sets += [{**base, name: value} for value in values if {**base, name: value} != base]
    if "keepdims" in op.attributes:
        sets += [{**given, "keepdims": True} for given in sets if given.get("axis") is not None]
    if "ord" in op.attributes:
        sets += [{"ord": 3, "axis": -1}, {"ord": 3, "axis": 1, "keepdims": True}, {"ord": 1, "axis": (0, 1)}]
        sets += [{"ord": 2.5, "axis": (0, -1), "keepdims": True}, {"ord": 3, "keepdims": True}]
        sets += [{"ord": "inf", "axis": -1, "keepdims": True}]
    if "ddof" in op.attributes:
        sets += [{"axis": 0, "ddof": 1}, {"axis": (0, -1), "ddof": 1, "keepdims": True}]
    return sets


def _operand_sets(op: Op) -> Iterator[tuple[str, ...]]:
    """The operands that a call gives: all of them, and without the optional ones."""
    fixed = tuple(name for name in op.operands if not name.startswith("*"))
    for count in range(len(op.optional) + 1):
        for left_out in itertools.combinations(op.optional, count):
            yield tuple(name for name in fixed if name not in left_out)


def _candidates(op: Op) -> Iterator[Case]:
    attribute_sets = _attribute_sets(op)
    for k, attributes in enumerate(attribute_sets):
        if len(op.operands) == 1 and op.variadic:
            for shapes in MANY:
                names = tuple("abc"[: len(shapes)])
                written = f"[{', '.join(names)}]"
                yield from _case(op, names, dict(zip(names, shapes, strict=True)), attributes, written)
            continue
        for names in _operand_sets(op):
            every = SHAPES.get(len(names), [])
            for j, shapes in enumerate(every):
                if k == 0 or j < 14 or len(op.operands) > 1:
                    yield from _case(op, names, dict(zip(names, shapes, strict=True)), attributes)


def _case(
    op: Op, names: Sequence[str], shapes: Mapping[str, Shape], attributes: Mapping[str, Any], written: str = ""
) -> Iterator[Case]:
    seed = zlib.crc32(repr((op.name, names, dict(shapes), sorted(attributes.items(), key=str))).encode())
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {}
    floating = [n for n in names if not _is_integer(op, n) and op.domain.get(n) != "boolean"]
    for name, x in zip(floating, spread(rng, *(shapes[n] for n in floating)), strict=True):
        values[name] = in_domain(x, op.domain.get(name, "normal"), rng)
    for name in names:
        if op.domain.get(name) == "boolean":
            values[name] = rng.random(shapes[name]) < 0.6
        elif _is_integer(op, name):
            values[name] = _integers(op, name, shapes, attributes, rng)
            if values[name] is None:
                return
    fixed = [n for n in op.operands if not n.startswith("*")]
    whole = list(fixed[: len(names)]) == list(names)  # else an optional operand before another was left out
    call = written or ", ".join(names if whole else [names[0], *(f"{n}={n}" for n in names[1:])])
    keywords = [f"{name}={language(value)}" for name, value in attributes.items()]
    arguments = {name: values[name] for name in names}
    result = "y" if "y" not in names else "result"
    yield Case(
        op=op.name, body=f"{result} = {op.name}({', '.join([call, *keywords])})", arguments=arguments,
        operands=tuple(arguments.get(f) for f in fixed) if fixed else tuple(arguments.values()), attributes=attributes,
    )  # fmt: skip


def _again(op: Op, case: Case) -> Case | None:
    """`f(x, x)`: the same value for several operands."""
    names = [n for n in op.operands if not n.startswith("*")]
    arrays = [case.arguments.get(n) for n in names]
    if op.indices or op.domain or len(names) < 2 or any(a is None for a in arrays) or op.name in SPECIAL:
        return None
    first = np.asarray(arrays[0])
    if any(np.shape(a) != first.shape for a in arrays):
        return None
    keywords = [f"{name}={language(value)}" for name, value in case.attributes.items()]
    body = f"result = {op.name}({', '.join([*['x'] * len(names), *keywords])})"
    kinks = op.name in ("maximum", "minimum", "clip", "floor_divide", "remainder")  # ties, every one of them
    return Case(op=op.name, body=body, arguments={"x": first}, operands=(first,) * len(names),
                attributes=case.attributes, smooth=not kinks)  # fmt: skip


def _wide(op: Op) -> Iterator[Case]:
    """Larger numbers, which reach the outer branches of activations."""
    if op.operands and not op.variadic and not op.indices and not op.domain and op.name not in NARROW:
        names = tuple(n for n in op.operands if n not in op.optional)
        shapes = dict.fromkeys(names, (4, 4))
        for case in _case(op, names, shapes, (_attribute_sets(op) or [{}])[0]):
            arguments = {n: 4 * np.asarray(v) + 0.11 for n, v in case.arguments.items()}
            yield Case(op=op.name, body=case.body, arguments=arguments, attributes=case.attributes,
                       operands=tuple(arguments.get(n) for n in op.operands))  # fmt: skip


def accepted(case: Case, symbolic: bool = False) -> str | None:
    """None if lowering takes the case, else what it says. One on which it breaks is kept: its test shall fail."""
    try:
        graphc.parse(case.text(symbolic))
    except graphc.GraphcError as error:
        return error.message
    except Exception:
        return None
    return None


@cache
def _sorted_out(name: str) -> tuple[tuple[Case, ...], tuple[tuple[Case, str], ...]]:
    op = lookup(name)
    kept: list[Case] = []
    out: list[tuple[Case, str]] = []
    again: list[Case] = []
    for case in itertools.chain(_candidates(op), _wide(op)):
        complaint = accepted(case)
        if complaint is None:
            kept.append(case)
            if len(again) < 2 and (repeated := _again(op, case)) is not None:
                again.append(repeated)
        else:
            out.append((case, complaint))
    if len(kept) > MAX_CASES:  # evenly, so that every attribute and every rank stays
        kept = [kept[i * len(kept) // MAX_CASES] for i in range(MAX_CASES)]
    given = [Case(op=name, **fields) for fields in SPECIAL.get(name, ())]
    return (*kept, *again, *given), tuple(out)


def cases(name: str) -> tuple[Case, ...]:
    """All cases of an operation."""
    return _sorted_out(name)[0]


def refused(name: str) -> tuple[tuple[Case, str], ...]:
    """The candidates that lowering does not accept, and what it says."""
    return _sorted_out(name)[1]


def all_cases() -> Iterator[Case]:
    """The cases of all public operations."""
    from graphc.ops.table import names

    for name in names():
        yield from cases(name)
