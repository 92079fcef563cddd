"""Helpers of the check of the arguments: Python text that puts into words what is wrong, and runs only then.

A module holds those that its check calls. Each names the argument, or the value as the source writes it, the dimension
and both sizes.
"""

from __future__ import annotations

from graphc.emitter.text import quoted

__all__ = ["CHECK_CONSTANTS", "CHECK_HELPERS", "FLOATS", "KINDS"]

KINDS = {"f": "fiub", "i": "iu", "b": "b"}
"""By the first letter of an argument's type the kinds of arrays that will do."""

CHECK_HELPERS: dict[str, str] = {}

CHECK_HELPERS["arrays"] = '''\
def arrays(names, kinds, values):
    """The arguments as arrays, floating ones of one type; ValueError for what cannot be one.

    The last item is None, or the types of the floating arguments if they differ. Numbers that are not arrays and
    arrays of integers take the type of the floating arrays beside them; half precision is computed with in float32.
    """
    result = []
    for name, value in zip(names, values):
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError) as error:  # rows of different lengths; what cannot be one
            raise ValueError(f"argument {name} is not an array: {error}") from None
        # as it comes from a file the bytes of a number may be in the other order
        result.append(array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("=")))
        if hasattr(value, "mask") and np.ma.is_masked(value):
            raise ValueError(f"argument {name} has entries that are masked")
    for name, kind, array in zip(names, kinds, result):
        if array.dtype.kind not in KINDS[kind[0]]:
            raise ValueError(f"argument {name} must be {WORDS[kind[0]]}, not {array.dtype}")
    given = [array.dtype for array, kind in zip(result, kinds) if kind[0] == "f"]
    alike = given and given.count(given[0]) == len(given) and given[0].char in "fd"
    strict = np.__version__[0] != "1"  # before NumPy 2 a float32 scalar times a plain number is a float64
    if not given or alike and strict and kinds.count("float") == len(given):
        return *result, None
    strong = [np.dtype(k) if k != "float" else a.dtype for a, k, v in zip(result, kinds, values)
              if k[0] == "f" and (k != "float" or a.dtype.kind == "f" and type(v) is not float)]
    common = np.result_type(np.float32, *strong) if strong else np.dtype("float64")
    types = {}
    for k, (name, kind) in enumerate(zip(names, kinds)):
        if kind[0] == "f":
            weak = result[k].dtype.kind != "f" or type(values[k]) is float
            types[name] = np.dtype(kind) if kind != "float" else common if weak else result[k].dtype
            result[k] = result[k].astype(types[name]).astype(common)
    return *result, None if strict and all(t == common for t in types.values()) else types
'''
CHECK_HELPERS["number_as_array"] = '''\
def number_as_array(number, beside):
    """A number of NumPy as an array, one of Python as an array of the type that all others beside it have."""
    if isinstance(number, np.generic):
        return np.asarray(number)
    if type(number) is float:
        known = (np.ndarray, np.generic)
        types = [value.dtype if isinstance(value, known) else None for value in beside if type(value) is not float]
        if types and types[0] in FLOATS and types.count(types[0]) == len(types):
            return np.asarray(number, types[0])
    return number
'''
CHECK_HELPERS["added_mask"] = '''\
def added_mask(mask, *beside):
    """What is added to scores: where a mask of booleans is true 0, elsewhere -inf; one of numbers as it is."""
    try:
        if np.asarray(mask).dtype != bool:
            return mask
        types = [np.asarray(value).dtype for value in beside if type(value) is not float]
    except (TypeError, ValueError, RuntimeError):  # which is said where all arguments become arrays
        return mask
    floats = [dtype for dtype in types if dtype.kind == "f"]
    return np.where(mask, 0, -np.inf).astype(np.result_type(np.float32, *floats) if floats else np.float64)
'''
CHECK_HELPERS["cotangent"] = '''\
def cotangent(name, value, shape, dtype):
    """An incoming cotangent as an array of that shape, or a number; ValueError for one that does not fit."""
    if type(value) is float and shape == ():  # the usual one, 1.0
        return dtype.type(value)
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise ValueError(f"argument {name} must be an array of real numbers, not {value.dtype}")
    if shape is not None and value.shape != shape:
        raise ValueError(f"argument {name} must have shape {shape}, not {value.shape}")
    return value.astype(dtype, copy=False)[()]
'''

CHECK_HELPERS["as_types"] = '''\
def as_types(arrays, types):
    """The arrays in the types that the variables of their names came in."""
    return {name: array.astype(types.get(name, array.dtype), copy=False) for name, array in arrays.items()}
'''

CHECK_HELPERS["as_int64"] = '''\
def as_int64(name, array):
    """The integers with 64 bits and a sign; ValueError for one that is too large for them."""
    if array.dtype.kind == "u" and array.itemsize == 8 and array.max(initial=0) >= 2**63:
        raise ValueError(f"argument {name} must hold integers below 2**63, not {array.max()}")
    return array.astype(np.int64)
'''
CHECK_HELPERS["wrong_rank"] = '''\
def wrong_rank(name, array, wanted):
    """The error for an argument with the wrong number of dimensions."""
    return ValueError(f"argument {name} must have shape {wanted}, and its shape is {array.shape}")
'''
CHECK_HELPERS["wrong_shape"] = '''\
def wrong_shape(name, array, sizes, said, first=None):
    """The error for an argument of which the number of dimensions or one size is wrong."""
    if first is None and array.ndim != len(sizes):
        wanted = ", ".join(dimension.split(" of ")[0] or str(size) for size, dimension in zip(sizes, said))
        return wrong_rank(name, array, f"({wanted}{',' * (len(sizes) == 1)})")
    for axis, (size, dimension) in enumerate(zip(sizes, said), first or 0):
        if array.shape[axis] != size:
            wanted = f"{dimension}, which is {size}" if dimension else f"{size}"
            found = f"not {array.shape[axis]}; its shape is {array.shape}"
            return ValueError(f"argument {name}: dimension {axis} must be {wanted}, {found}")
'''
CHECK_HELPERS["too_few_axes"] = '''\
def too_few_axes(name, rank, least):
    """The error for a value without an axis that the program speaks of."""
    return ValueError(f"{name} must have at least {least} dimension{'s' * (least > 1)}, not {rank}")
'''
CHECK_HELPERS["too_small"] = '''\
def too_small(name, size, minimum, what):
    """The error for a size that the program needs more of."""
    return ValueError(f"dimension {name} is {size}, but {what} needs at least {minimum}")
'''
CHECK_HELPERS["check_range"] = '''\
def check_range(what, array, size, negative=False):
    """ValueError for labels outside 0…size-1, or for indices, which may be negative."""
    low = -size if negative else 0
    if not size and not negative:
        raise ValueError(f"{what} must hold labels of classes, and the number of classes is 0")
    if array.ndim == 1 and array.size <= 32:  # of so few a list has the least sooner
        ends = array.tolist()
    else:  # where argmin finds it several times as fast as min does
        ends = [array.item(array.argmin()), array.item(array.argmax())] if array.size else []
    if ends and not (low <= min(ends) and max(ends) < size):
        wrong = array[(array < low) | (array >= size)].flat[0]
        raise ValueError(f"{what} must hold integers from {low} to {size - 1}, not {wrong}")
'''
CHECK_HELPERS["in_range"] = '''\
def in_range(what, integers, size, negative=False):
    """The integers; ValueError for a label outside 0…size-1, or for such an index, which may be negative."""
    check_range(what, np.asarray(integers), size, negative)
    return integers
'''
CHECK_HELPERS["fits_into"] = '''\
def fits_into(name, shape, outer, said):
    """ValueError if broadcasting would enlarge an array of the shape `outer`."""
    if len(shape) > len(outer):
        raise ValueError(f"{name} of shape {shape} does not broadcast to {said}, which is {outer}: it has more axes")
    for axis, (n, m) in enumerate(zip(shape, outer[len(outer) - len(shape) :])):
        if n != m and n != 1:
            wrong = f"its dimension {axis} is {n}, not {m}"
            raise ValueError(f"{name} of shape {shape} does not broadcast to {said}, which is {outer}: {wrong}")
'''
CHECK_HELPERS["fit_together"] = '''\
def fit_together(names, shapes):
    """ValueError for a value that does not broadcast with those before it."""
    known = {}
    for name, shape in zip(names, shapes):
        for axis, size in enumerate(shape, -len(shape)):
            wanted, other = known.setdefault(axis, (size, name)) if size != 1 else (1, name)
            if size != wanted:
                found = f"dimension {axis + len(shape)} is {size}, its shape is {shape}"
                raise ValueError(f"{name}: {found}; that of {other} there is {wanted}: they must be equal or 1")
'''
CHECK_HELPERS["without_axes"] = '''\
def without_axes(shape, axes, keepdims=False):
    """The shape that is left when these axes are summed over."""
    gone = {axis % len(shape) for axis in axes}
    return tuple(1 if axis in gone else size for axis, size in enumerate(shape) if keepdims or axis not in gone)
'''
CHECK_HELPERS["not_one"] = '''\
def not_one(name, size):
    """The error for an axis that is left out although it has other entries."""
    return ValueError(f"dimension {name} is {size}, and only an axis of size 1 can be left out")
'''
CHECK_HELPERS["does_not_fill"] = '''\
def does_not_fill(name, shape, wanted):
    """The error for a value that has too many or too few entries for another shape."""
    return ValueError(f"{name} of shape {shape} cannot take the shape {wanted}: the numbers of entries differ")
'''
CHECK_HELPERS["double_at_most"] = '''\
def double_at_most(names, arrays, types):
    """ValueError for a floating type that NumPy's linear algebra does not know."""
    for name, array in zip(names, arrays):
        given = array.dtype if types is None else types.get(name, array.dtype)
        if given.char == "g":
            raise ValueError(f"argument {name} is of type {given}, and linear algebra is of float32 and float64")
'''
CHECK_HELPERS["no_entries"] = '''\
def no_entries(name, shape, what):
    """The error for a value without entries where one of them is looked for."""
    return ValueError(f"{name} of shape {shape} has no entries, and {what} needs at least 1")
'''
CHECK_HELPERS["unequal_ranks"] = '''\
def unequal_ranks(name, shape, other, wanted):
    """The error for indices along an axis that have not as many axes as the array."""
    return ValueError(f"{name} of shape {shape} and {other} of shape {wanted} must have equally many dimensions")
'''
CHECK_HELPERS["unequal_sizes"] = '''\
def unequal_sizes(name, other, size, wanted):
    """The error for two sizes that do not broadcast with each other."""
    return ValueError(f"dimension {name} is {size} and {other} is {wanted}: they must be equal, or one of them 1")
'''
FLOATS = "FLOATS = () if np.__version__[0] == '1' else (np.dtype(np.float64), np.dtype(np.float32))"
"""As Python writes it."""
CHECK_CONSTANTS = f"""\
# what is computed with as it comes: none before NumPy 2, where a float32 scalar times a plain number is a float64
{FLOATS.replace("'", '"')}
KINDS = {{{", ".join(f"{quoted(kind)}: {quoted(chars)}" for kind, chars in KINDS.items())}}}
WORDS = {{"f": "an array of real numbers", "i": "an array of integers", "b": "an array of booleans"}}
"""
