"""A sign goes into the number that an array is multiplied by, or makes a difference of a sum: a pass over it less.

    x, y: (N, D), s: (N, 1), dL: ()
    -(2 * dL * x)              becomes      -2 * dL * x
    -(-0.5 * dL)               becomes      0.5 * dL
    -((x * (dL / N)) * y)      becomes      x * -(dL / N) * y
    2 * -x                     becomes      -2 * x
    -sum(2 * x * y, axis=0)    becomes      sum(-2 * x * y, axis=0)
    x + -2 * dL * y / s        becomes      x - 2 * dL * y / s
    x - -2 * dL * y            becomes      x + 2 * dL * y

where x * (dL / N) is of no other use and bears no name; so a product x * dL * m with m = -y, which is needed itself, is
one with y. And where m bears no name, m * dL is y * -dL and sum(m * x) is -sum(y * x): perhaps nothing needs it then.
"""

from __future__ import annotations

from graphc.passes.place import Place

__all__ = ["LINEAR", "OPPOSITE", "product_subtracted", "sign_into_number", "sign_out_of_sum"]

DEEPEST = 8  # products within products
OPPOSITE = {"add": "subtract", "subtract": "add"}
"""What adds a term with the other sign."""
LINEAR = {"sum", "mean", "mT", "expand_dims", "squeeze", "reshape"}


def sign_into_number(place: Place) -> int | None:
    """The product with its number's sign turned, in the place of an array with its sign turned."""
    if not place.type.is_float:
        return None
    if place.type.shape == ():
        return _of_number(place)
    if place.op == "multiply":
        return _from_array(place)
    return _turned(place, place.operands[0], DEEPEST)


def _of_number(place: Place) -> int | None:
    """A number with two signs has none."""
    node = place.node(0)
    if place.op != "negative" or node.op not in ("multiply", "divide") or node.name or node.hint:
        return None
    coefficients = [place.builder[u] for u in node.operands[: 2 if node.op == "multiply" else 1]]
    signed = any(u.op == "const" and u.attr("value") < 0 for u in coefficients)
    return _negative(place, node.id) if signed else None


def _from_array(place: Place) -> int | None:
    for number, array in (place.operands, place.operands[::-1]):
        factor, node = place.builder[number], place.builder[array]
        if factor.op == "const" and factor.type.shape == () and node.op == "negative" and factor.attr("value") != -1:
            turned = place.builder.const(-factor.attr("value"), factor.type.dtype)
            return place.add("multiply", [turned, node.operands[0]])
        if factor.type.is_float and factor.type.shape == () and factor.op != "const" and _is_shared(place, array):
            turned = factor.operands[0] if factor.op == "negative" else place.add("negative", [number])
            return place.builder.add("multiply", [node.operands[0], turned], {})
    for product, array in (place.operands, place.operands[::-1]):
        node = place.builder[array]
        if node.op == "negative" and node.type.shape != () and not place.alone(array):
            opposite = _turned(place, product, DEEPEST)
            if opposite is not None:
                return place.add("multiply", [opposite, node.operands[0]])
    return None


def sign_out_of_sum(place: Place) -> int | None:
    """The sum of products with what has no sign, and then the sign: where others use the array with the sign it would
    be a pass over it of its own for them alone."""
    product = place.node(0)
    if product.op != "multiply" or place.type.shape != () or product.name or not place.alone(product.id):
        return None
    for array, other in (product.operands, product.operands[::-1]):
        if _is_shared(place, array) and place.typed(other).is_float:
            inside = place.add("multiply", [place.builder[array].operands[0], other])
            return place.add("negative", [place.add("sum", [inside], place.attrs)])
    return None


def _is_shared(place: Place, id: int) -> bool:
    """Whether this is an array with its sign turned that others use as well, and that the program does not name."""
    node = place.builder[id]
    turned = node.op == "negative" and node.type.shape != () and node.type.is_float
    return turned and not node.name and not place.alone(id)


def _turned(place: Place, id: int, depth: int) -> int | None:
    """The product with its sign turned; None if it is none, if it is needed as it is, or if it has no number in it."""
    node = place.builder[id]
    if not depth or node.name or node.hint or not place.alone(id):
        return None
    if node.op in LINEAR and node.type.shape != ():
        inside = _turned(place, node.operands[0], depth - 1)
        return None if inside is None else place.builder.add(node.op, [inside], dict(node.attrs))
    if node.op not in ("multiply", "divide"):
        return None
    left, right = node.operands
    for one, other in ((left, right), (right, left))[: 2 if node.op == "multiply" else 1]:
        is_number = place.typed(one).shape == () and place.typed(other).shape != ()
        value = place.builder[one].attr("value")
        plain = place.builder[one].op == "const"
        bears_sign = value != 1 and place.typed(other).is_float if plain else place.typed(one).is_float
        if is_number and bears_sign:
            turned = _negative(place, one)
        elif place.typed(one).is_float and place.typed(one).shape != ():
            found = _turned(place, one, depth - 1)
            if found is None:
                continue
            turned = found
        else:
            continue
        # as it is: elsewhere signs move outwards
        return place.builder.add(node.op, [turned, other] if one == left else [other, turned], {})
    return None


def _negative(place: Place, id: int) -> int:
    """A number with its sign turned: that of its coefficient, if it has one."""
    node = place.builder[id]
    if node.op == "const":
        return place.builder.const(-node.attr("value"), node.type.dtype)
    if node.op in ("multiply", "divide"):
        for position, u in enumerate(node.operands[: 2 if node.op == "multiply" else 1]):
            coefficient = place.builder[u]
            if coefficient.op == "const":
                operands = list(node.operands)
                operands[position] = place.builder.const(-coefficient.attr("value"), coefficient.type.dtype)
                return place.builder.add(node.op, operands, {})
    return place.add("negative", [id])


def product_subtracted(place: Place) -> int | None:
    """The difference, in the place of a sum one of whose terms is a product with a sign in it; and the other way round.

    Where statements add to a gradient one after the other, each adds or subtracts its own term.
    """
    if not place.type.is_float:
        return None
    if place.op == "subtract":
        term = _unsigned(place, place.operands[1], DEEPEST, of_numbers=True)  # another sign may be a factor in common
        return None if term is None else place.add("add", [place.operands[0], term])
    statements = [node.origin.statement if node.origin else None for node in (place.node(0), place.node(1))]
    for position in (1, 0) if statements[0] == statements[1] else (1,):
        term = _unsigned(place, place.operands[position], DEEPEST)
        if term is not None:
            return place.add("subtract", [place.operands[1 - position], term])
    return None


def _unsigned(place: Place, id: int, depth: int, of_numbers: bool = False) -> int | None:
    """The product without its sign, that of a number of the program if need be; None if it has none, or is needed as
    it is."""
    node = place.builder[id]
    if not depth or node.op not in ("multiply", "divide") or node.name or node.hint or not place.alone(id):
        return None
    for position, u in enumerate(node.operands):
        factor = place.builder[u]
        value = factor.attr("value")
        if factor.op == "negative" and not of_numbers:
            positive: int | None = factor.operands[0]
        elif factor.op == "const" and factor.type.shape == () and value < 0:
            positive = place.builder.const(-value, factor.type.dtype)
        else:
            positive = _unsigned(place, u, depth - 1, of_numbers)
        if positive is not None:
            operands = list(node.operands)
            operands[position] = positive
            return place.builder.add(node.op, operands, {})  # as it was, but for the sign
    return None
