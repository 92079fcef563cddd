"""Numbers gathered, so that as few arrays as possible are multiplied by one.

A: (N, D), a, b: (D,), s, t, dL: (), v: (n,)
(A * s) / t               becomes       A * (s / t)
2 * (dL * 0.5)            becomes       dL
2 * (dL * 0.5 / t)        becomes       dL / t
2 * (dL / 2)              becomes       dL                  where the quotient of the two is exact
2 * (dL / (2*N))          becomes       dL / N
dL * (2 / N)              becomes       2 * dL / N
2 * (dL / N)              becomes       2 * dL / N          where dL / N has no other use
2 * (0.5 * a / b) * A     becomes       a / b * A
2 * a * A / 2             becomes       a * A               where the quotient of the two is exact
(a * A) * s               becomes       (a * s) * A         where a has fewer entries than A, and a * A no other use
sum(A * s)                becomes       sum(A) * s          where A * s is used nowhere else, or sum(A) is simple
(v / 3) @ v               becomes       (v @ v) / 3         a number that is neither given nor computed of arrays
mean(sum(A, axis=0))      becomes       sum(A) / D          a sum over everything needs no array of sums
mean(v)                   becomes       sum(v) / n          which takes NumPy a third of the time, for a few entries
"""

from __future__ import annotations

import math

from graphc.ir.dims import numel
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.no_terms import leaves_zero, vanishes_without
from graphc.passes.place import Place

__all__ = [
    "is_moderate", "is_of_numbers_alone", "mean_of_sums", "scalar_out_of_dot", "scalar_out_of_sum", "scalars_gathered",
]  # fmt: skip

DEEPEST = 3  # factors within factors
MOST = 50  # a number that is computed of more is taken to be one of arrays
SMALLEST, LARGEST = 1e-4, 1e4  # beyond, what is not scaled yet might leave the range of float32
LARGEST_EXPONENT = 30  # float32 ends at 1e38


def _parts(place: Place, op: str, operands: tuple[int, ...]) -> tuple[int, int] | None:
    """The array and the number that a product or quotient is of; both floating, so that no other kind of arithmetic
    takes their place."""
    if op not in ("multiply", "divide"):
        return None
    array, scalar = operands
    if op == "multiply" and place.typed(array).shape == ():
        array, scalar = scalar, array
    plain = place.builder[scalar].op in ("const", "size")
    if place.typed(scalar).shape != () or place.typed(array).shape == () or not place.typed(array).is_float:
        return None
    return (array, scalar) if plain or place.typed(scalar).is_float else None


def scalars_gathered(place: Place) -> int | None:
    """One pass over the array less."""
    return _factors_of_number(place) if place.type.shape == () else _factors_of_array(place)


def _factors_of_number(place: Place) -> int | None:
    """Two of a number's factors that the program writes as one."""
    if place.op != "multiply":
        return None
    for outer, inner in (place.operands, place.operands[::-1]):
        if place.builder[outer].attr("value") is not None:
            made = _times(place, outer, inner, DEEPEST)
        else:
            made = _over_size(place, outer, place.builder[inner])
        if made is not None:
            return made
    return None


def _over_size(place: Place, factor: int, quotient: Node) -> int | None:
    """A number times a quotient of one of the program's and a size, divided by the size."""
    if quotient.op != "divide" or quotient.name or not place.typed(factor).is_float:
        return None
    above, size = quotient.operands
    if place.builder[above].op != "const" or place.builder[size].op != "size":
        return None
    return place.add("divide", [place.add("multiply", [above, factor]), size])


def _times(place: Place, outer: int, id: int, depth: int) -> int | None:
    """A number times one of the program's, if that has another one of them as a factor."""
    node = place.builder[id]
    if node.op not in ("multiply", "divide") or node.name or not depth:
        return None
    if node.op == "divide":
        return _times_quotient(place, outer, node, depth)
    for number, rest in (node.operands, node.operands[::-1]):
        plain = place.builder[number].op == "const" and place.typed(rest).is_float
        if plain and not _leaves_the_range(place, "multiply", outer, number):
            return place.add("multiply", [rest, place.add("multiply", [number, outer])])
    for part, rest in (node.operands, node.operands[::-1]):
        made = _times(place, outer, part, depth - 1) if place.typed(part).is_float else None
        if made is not None:
            return place.add("multiply", [rest, made])
    return None


def _times_quotient(place: Place, outer: int, node: Node, depth: int) -> int | None:
    """A number times a quotient that divides by another one, or has one as a factor of what is divided."""
    above, below = node.operands
    number, divisor = place.builder[outer].attr("value"), place.builder[below].attr("value")
    if place.builder[above].op == "const":
        if number == 1 or _leaves_the_range(place, "multiply", outer, above):
            return None
        return place.add("divide", [place.add("multiply", [outer, above]), below])
    if not place.typed(above).is_float:
        return None
    factor = _exact_quotient(place, outer, below) if divisor is not None else None
    if factor is not None:
        return None if _leaves_the_range(place, "divide", outer, below) else place.add("multiply", [above, factor])
    common = _common_factor(place, number, below)
    if common > 1:
        rest = place.builder.const(type(number)(number // common), place.typed(outer).dtype)
        size = place.maker.tensor(place.builder[below].attr("dim") // common)
        return place.add("divide", [place.add("multiply", [rest, above]), size])
    made = _times(place, outer, above, depth - 1)
    if made is None and place.builder[below].op in ("size", "const") and place.alone(node.id) and depth == DEEPEST:
        made = place.add("multiply", [outer, above])
    return None if made is None else place.add("divide", [made, below])


def _exact_quotient(place: Place, above: int, below: int) -> int | None:
    """One number of the program by another one, where that is a number of as many digits or fewer."""
    number, divisor = place.builder[above].attr("value"), place.builder[below].attr("value")
    if not divisor or not (float(number / divisor).is_integer() or abs(math.frexp(divisor)[0]) == 0.5):
        return None
    whole = place.typed(above).dtype == "int" and number % divisor == 0
    return place.builder.const(int(number // divisor), "int") if whole else place.builder.const(number / divisor)


def _common_factor(place: Place, number: float, size: int) -> int:
    """The largest integer that divides a number and a size, as 2 does 4 and 2*N."""
    node = place.builder[size]
    if node.op != "size" or not float(number).is_integer():
        return 1
    return math.gcd(int(number), *(coefficient for _, coefficient in node.attr("dim").terms))


def _factors_of_array(place: Place) -> int | None:
    outer = _parts(place, place.op, tuple(place.operands))
    if outer is None or place.builder[outer[0]].name:
        return None
    node = place.builder[outer[0]]
    inner = _parts(place, node.op, node.operands)
    if inner is None and place.builder[outer[1]].op == "const":
        met = _met(place, outer[1], node.id, DEEPEST)
        if met is not None:
            return met
    if node.op == "expand_dims":
        below = place.builder[node.operands[0]]
        if below.name or _parts(place, below.op, below.operands) is None:
            return None
        return place.add("expand_dims", [place.add(place.op, [below.id, outer[1]])], dict(node.attrs))
    if inner is None:
        return _into_smaller_factor(place, node, outer[1])
    (array, first), second = inner, outer[1]
    if _leaves_the_range(place, node.op, first, second):
        return None
    if node.op == "divide" and place.op == "divide":
        return place.add("divide", [array, place.add("multiply", [first, second])])
    if node.op == "divide":
        first, second = second, first
    quotient = "divide" in (node.op, place.op)
    if quotient and _is_number(place, first) and not _divides(place, second):
        return None  # 2 / N is an error of Python's where N is 0, x * 2 / N and x / N * 2 are not
    if node.op == "divide":
        return place.add("multiply", [array, place.add("divide", [first, second])])
    return place.add("multiply", [array, place.add(place.op, [first, second])])


def _met(place: Place, outer: int, id: int, depth: int) -> int | None:
    """A number times an array that has another number as a factor further inside."""
    node = place.builder[id]
    if not depth or node.name or not node.type.is_float or not place.alone(id):
        return None
    if node.op == "expand_dims":
        made = _met(place, outer, node.operands[0], depth - 1)
        return None if made is None else place.add("expand_dims", [made], dict(node.attrs))
    if node.op not in ("multiply", "divide"):
        return None
    for position, u in enumerate(node.operands[: 2 if node.op == "multiply" else 1]):
        operands, other = list(node.operands), place.typed(node.operands[1 - position])
        if place.builder[u].op != "const" and place.typed(u).shape == ():
            made = _times(place, outer, u, depth - 1) if place.op == "multiply" and place.typed(u).is_float else None
        elif place.builder[u].op != "const" or place.typed(u).shape != ():
            made = _met(place, outer, u, depth - 1)
        elif other.is_float and other.shape != () and not _leaves_the_range(place, "multiply", outer, u):
            made = place.add("multiply", [u, outer]) if place.op == "multiply" else _exact_quotient(place, u, outer)
        else:
            made = None
        if made is not None:
            operands[position] = made
            return place.add(node.op, operands)
    return None


def _into_smaller_factor(place: Place, product: Node, scalar: int) -> int | None:
    """The number meets the factor that broadcasting repeats, not the product."""
    if product.op != "multiply" or not place.alone(product.id):
        return None
    for small, large in (product.operands, product.operands[::-1]):
        alike = place.typed(small).is_float  # a mask divided by a number would be float64
        if alike and place.typed(large) == product.type and place.typed(small).shape != product.type.shape:
            return place.add("multiply", [place.add(place.op, [small, scalar]), large])
    return None


def _leaves_the_range(place: Place, op: str, first: int, second: int) -> bool:
    """Whether two numbers of the program, taken together, are one that float32 does not hold, as 1e30 * 1e30 is."""
    a, b = (place.builder[id].attr("value") for id in (first, second))
    if not a or not b:
        return False
    magnitude = math.log10(abs(a)) + (1 if op == place.op else -1) * math.log10(abs(b))
    return abs(magnitude) > LARGEST_EXPONENT


def _is_number(place: Place, id: int) -> bool:
    return place.builder[id].op in ("const", "size", "number")


def _divides(place: Place, id: int) -> bool:
    """Whether a number may divide another one: it is not 0, or NumPy's, certainly."""
    given, node = ("argument", "seed"), place.builder[id]
    if node.op in ("size", "size_of", "count_of"):  # Python's own, and 0 of an array without rows
        return False
    inner = [place.builder[u] for u in node.operands]
    return bool(node.attr("value")) or node.op in given or any(u.op in given or u.type.shape != () for u in inner)


def _finite(place: Place, op: str, scalar: int, depth: int = 8) -> bool:
    """Whether a sum of no entries times or by this number is 0: no size divides in it."""
    node = place.builder[scalar]
    if op == "divide" and _is_number(place, scalar) and not _divides(place, scalar):
        return False
    if node.op not in ("multiply", "divide", "negative"):
        return True
    last = node.operands[-1]
    return depth > 0 and all(_finite(place, node.op if u == last else "multiply", u, depth - 1) for u in node.operands)


def scalar_out_of_sum(place: Place) -> int | None:
    """The sum first, then its multiple."""
    if place.op != "sum":
        return None
    node = place.node(0)
    if node.op == "negative" and place.alone(node.id):
        return place.add("negative", [place.add("sum", node.operands, place.attrs)])
    parts = _parts(place, node.op, node.operands)
    if parts is None:
        return None
    array, scalar = parts
    if not _finite(place, node.op, scalar):
        return None  # of no rows the sum is 0, and 0 / N is nan
    shape = place.typed(array).shape
    known = () if isinstance(shape, Unknown) else shape
    if node.op == "divide" and vanishes_without(place.builder, scalar, known):
        return None
    total = place.simpler("sum", [array], place.attrs)
    if total is not None and place.builder[total].op == "sum" and place.builder[total].operands == (array,):
        total = None  # the same sum, its axes written in another way
    if total is None and place.alone(node.id):
        total = place.add("sum", [array], place.attrs)
    return None if total is None else place.add(node.op, [total, scalar])


def scalar_out_of_dot(place: Place) -> int | None:
    """The product of two vectors first, then its multiple."""
    if place.op != "matmul" or place.type.shape != () or not place.type.is_float:
        return None
    terms = place.typed(place.operands[0]).dims
    for position, id in enumerate(place.operands):
        node = place.builder[id]
        parts = _parts(place, node.op, node.operands)
        if parts is None or (node.name and not node.of_rule) or not is_of_numbers_alone(place.builder, parts[1]):
            continue  # that others use the multiple is no matter: here it is one of a number
        if not is_moderate(place.builder[parts[1]]) or not leaves_zero(place.builder, node.op, parts[1], terms):
            continue
        vectors = list(place.operands)
        vectors[position] = parts[0]
        return place.add(node.op, [place.add("matmul", vectors), parts[1]])
    return None


def is_moderate(node: Node) -> bool:
    """Whether a number is none that the program writes to bring arrays into the range of float32, or out of it."""
    value = node.attr("value") if node.op == "const" else 1.0
    return isinstance(value, (int, float)) and SMALLEST <= abs(value) <= LARGEST


def is_of_numbers_alone(graph: Graph | Builder, number: int) -> bool:
    """Whether a number is computed of no array and of nothing that is given. A product may leave the range of float32
    where vectors do not: so programs divide them by their largest entry or their length first, or by a unit that the
    user gives, and such a number stays where it is."""
    seen, stack = {number}, [number]
    while stack:
        node = graph[stack.pop()]
        if node.type.shape != () or node.op == "argument" or len(seen) > MOST:
            return False
        stack += [u for u in node.operands if u not in seen]
        seen.update(node.operands)
    return True


def mean_of_sums(place: Place) -> int | None:
    """A mean as a sum: that of sums, which nothing else needs, takes no array of them; that of a vector, a call that
    costs a third."""
    if place.op != "mean" or place.type.shape != ():
        return None
    node = place.node(0)
    if isinstance(node.type.shape, Unknown) or not node.type.is_float or not node.type.rank:
        return None
    inside = node.op == "sum" and place.alone(node.id) and place.typed(node.operands[0]).is_float
    if not inside and node.type.rank > 1:
        return None
    known = place.builder.find("mean", [node.id], {"axis": None, "keepdims": True})
    if known is not None:
        return place.add("squeeze", [known], {"axis": tuple(range(node.type.rank))})
    total = place.add("sum", [node.operands[0] if inside else node.id], {"axis": None, "keepdims": False})
    return place.add("divide", [total, place.maker.tensor(numel(node.type.dims))])
