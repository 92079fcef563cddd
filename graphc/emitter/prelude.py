"""Helpers of the generated module: Python text over NumPy, for what no plain NumPy says in a line.

Each is the source of one function with a docstring, and stands alone: it needs `np` and nothing else. A module holds
those that its code calls (`NumpyContext.helper`). They keep float32 as it is.
"""

from __future__ import annotations

__all__ = ["HELPERS"]

HELPERS: dict[str, str] = {}

# The coefficients were fitted with 60 digits (Sanathanan–Koerner iteration, weighted by what an error in the exponent
# does to erf): the largest relative error over all x is 2e-18 before rounding, 6e-16 after. All are positive, so no
# digits cancel; and expm1 keeps the relative precision near 0. Blocks of 16384 entries stay in the cache, which
# halves the time for large arrays.
HELPERS["erf"] = '''\
def erf(x, out=None, blocks=None):
    """The error function, to full precision: 1 - exp(-|x| p/q) with the sign of x."""
    x = np.asarray(x)
    kind = np.result_type(x.dtype, np.float32)
    result = np.empty(x.shape, kind) if out is None else out
    if x.size <= 256:  # of so few Python's own is found sooner
        from math import erf as of_number

        result[...] = np.reshape([*map(of_number, x.reshape(-1).tolist())], x.shape)
        return result
    arrays = np.empty((3, min(x.size, 16384)), kind) if blocks is None else blocks
    flat, target = x.reshape(-1), result.reshape(-1)
    for i in range(0, x.size, 16384):
        block = flat[i : i + 16384]
        y, p, q = arrays[:, : block.size]
        np.minimum(np.abs(block, out=y), 6, out=y)
        np.multiply(y, 1.1833995062556969e-04, out=p)
        p += 3.3697430209583834e-03
        for c in (
            3.4988301417099331e-02, 1.9997211121827383e-01, 7.2069075157893056e-01, 1.7149686122135613e00,
            2.6706811331191596e00, 2.5235836812160504e00, 1.1283791670955126e00,
        ):  # fmt: skip
            p *= y
            p += c
        np.multiply(y, 1.1836097711963145e-04, out=q)
        q += 3.3673019728950011e-03
        for c in (
            3.4429070588189291e-02, 1.8884455519040000e-01, 6.3284108446454271e-01, 1.3322677267996320e00,
            1.6722782233790964e00, 1.0,
        ):  # fmt: skip
            q *= y
            q += c
        p *= y
        p /= q
        np.expm1(np.negative(p, out=p), out=p)
        np.copysign(p, block, out=target[i : i + 16384])
    return result
'''

# ---------------------------------------------------------------- indexing

HELPERS["unslice"] = '''\
def unslice(x, shape, index):
    """Zeros of the given shape with x at the place of the index: the transpose of taking that slice."""
    result = np.zeros(shape, dtype=x.dtype)
    result[index] = x
    return result
'''

HELPERS["choose"] = '''\
def choose(mask, a, b, out, room):
    """np.where into an array, which may be that of a: of the bits of a and b those that differ are masked.

    NumPy's own choices take a branch at each entry, of which a processor mistakes half where they are irregular.
    """
    if out.size < 1024 or out.itemsize not in (4, 8):
        np.copyto(room, b)
        np.copyto(room, a, where=mask)
        np.copyto(out, room)
        return
    whole = np.int32 if out.itemsize == 4 else np.int64
    bits, chosen = room.view(whole), out.view(whole)
    one, other = (np.asarray(x, out.dtype).view(whole) for x in (a, b))
    np.negative(mask.view(np.int8), bits)  # where it is true all bits are 1
    np.bitwise_xor(one, other, chosen)
    np.bitwise_and(chosen, bits, chosen)
    np.bitwise_xor(chosen, other, chosen)
'''

HELPERS["column_by_row"] = '''\
def column_by_row(column, row, out):
    """column * row into an array, as a product of matrices: only the sign of a zero may be another.

    One number times a row or a column is left to NumPy: to BLAS 0 times all is 0, also where that is inf or nan. So are
    long rows, of which NumPy takes each as fast as it can: BLAS then needs up to eight times as long.
    """
    if len(column) > 1 and 1 < row.size <= 512:
        column.dot(row, out)
    else:
        np.multiply(column, row, out)
'''

HELPERS["scatter"] = '''\
def scatter(x, shape, index):
    """Zeros of the given shape with the entries of x added at their index: the transpose of picking them."""
    result = np.zeros(shape, dtype=x.dtype)
    np.add.at(result, index, x)
    return result
'''

HELPERS["scatter_add"] = '''\
def scatter_add(x, i, u):
    """A copy of x with u added at the rows i; rows that occur several times add up."""
    result = x.copy()
    np.add.at(result, i, np.broadcast_to(u, np.shape(i) + x.shape[1:]))  # NumPy mistakes a u that is narrower
    return result
'''

HELPERS["add_rows"] = '''\
def add_rows(target, i, u, columns, places):
    """Add u to the rows i of an array without gaps; rows that occur several times add up.

    NumPy adds single entries several times as fast as rows; a part at a time, so that their places take little memory.
    """
    width, entries = len(columns), target.reshape(-1)
    each = width * (i.size // max(1, len(i)))
    if i.ndim > 1 and each > len(places):
        for rows, part in zip(i, u):
            add_rows(target, rows, part, columns, places)
        return
    step = max(1, len(places) // max(1, each))
    for k in range(0, len(i), step):
        rows, part = i[k : k + step, ..., None], u[k : k + step].reshape(-1)
        at = places[: part.size].reshape(*rows.shape[:-1], width)
        np.multiply(rows, width, out=at, dtype=int, casting="unsafe")
        at += columns
        np.add.at(entries, places[: part.size], part)
'''

HELPERS["lines"] = '''\
def lines(shape, axis):
    """Where the lines along an axis begin in a row of all entries, in a shape that broadcasts to the array's."""
    before, after = (int(np.prod(sizes)) for sizes in (shape[:axis], shape[axis + 1 :]))
    starts = np.arange(before)[:, None] * (shape[axis] * after) + np.arange(after)
    return starts.reshape(*shape[:axis], 1, *shape[axis + 1 :])
'''

HELPERS["scatter_along"] = '''\
def scatter_along(x, i, axis, shape):
    """Zeros of the given shape with the entries of x added at i along an axis: the transpose of np.take_along_axis."""
    index = list(np.indices(x.shape, sparse=True))
    index = [np.zeros_like(k) if n == 1 else k for k, n in zip(index, shape)]
    index[axis] = i
    result = np.zeros(shape, dtype=x.dtype)
    np.add.at(result, tuple(index), x)
    return result
'''

HELPERS["one_hot"] = '''\
def one_hot(i, n, dtype):
    """For each index a row of n entries: 1 at the index, else 0."""
    i = np.asarray(i)
    result = np.zeros((i.size, n), dtype=dtype)
    result[np.arange(i.size), i.ravel()] = 1
    return result.reshape(*i.shape, n)
'''

HELPERS["subtract_one_hot"] = '''\
def subtract_one_hot(p, y):
    """A copy of p with 1 subtracted in each row at its label."""
    result = p.copy()
    rows = result.reshape(-1, p.shape[-1])
    rows[np.arange(len(rows)), np.ravel(y)] -= 1
    return result
'''

HELPERS["from_diagonal"] = '''\
def from_diagonal(x, k, shape):
    """Zeros of the given shape with x on the k-th diagonal of each matrix."""
    result = np.zeros(shape, dtype=x.dtype)
    i = np.arange(x.shape[-1])
    result[..., i + max(-k, 0), i + max(k, 0)] = x
    return result
'''

HELPERS["shift_along"] = '''\
def shift_along(x, axis, by, fill, out=None):
    """The entries moved one place along an axis, up (by=1) or down (by=-1); `fill` takes the free place."""
    result = np.empty_like(x) if out is None else out
    target, source = np.moveaxis(result, axis, 0), np.moveaxis(x, axis, 0)
    if by > 0:
        target[:1], target[1:] = fill, source[:-1]
    else:
        target[-1:], target[:-1] = fill, source[1:]
    return result
'''

HELPERS["roll"] = '''\
def roll(x, moves, out):
    """The entries moved along axes, each by so many places, into `out`; those beyond the end come in at the front."""
    cuts = [[(slice(None), slice(None))] for _ in x.shape]
    for axis in {axis for axis, _ in moves}:
        size = x.shape[axis]
        by = sum(by for along, by in moves if along == axis) % max(1, size)
        cuts[axis] = [(slice(by, None), slice(size - by)), (slice(by), slice(size - by, None))]
    for which in np.ndindex(*[len(pairs) for pairs in cuts]):
        to, source = zip(*[pairs[k] for pairs, k in zip(cuts, which)])
        out[to] = x[source]
    return out
'''

# By doubling: log2(n) passes over the arrays instead of n steps in Python, and no division, so zeros do no harm.
HELPERS["linear_scan"] = '''\
def linear_scan(a, b, axis, *memory):
    """r with r[k] = b[k] + a[k] * r[k-1] along an axis; `memory` is for the result and for what is on the way."""
    memory = memory or np.empty((3, *b.shape), b.dtype)
    result, factor, part = (np.moveaxis(array, axis, 0) for array in memory)
    factor[...], result[...] = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    step = 1
    while step < len(result):
        result[step:] += np.multiply(factor[step:], result[:-step], out=part[step:])
        factor[step:] = np.multiply(factor[step:], factor[:-step], out=part[step:])
        step *= 2
    return memory[0]
'''

HELPERS["linear_scan_back"] = '''\
def linear_scan_back(a, b, axis, *memory):
    """r with r[k] = b[k] + a[k+1] * r[k+1] along an axis, from its end; `memory` is for the result and on the way."""
    memory = memory or np.empty((3, *b.shape), b.dtype)
    result, factor, part = (np.moveaxis(array, axis, 0) for array in memory)
    factor[:-1], result[...] = np.moveaxis(a, axis, 0)[1:], np.moveaxis(b, axis, 0)
    step = 1
    while step < len(result):
        result[:-step] += np.multiply(factor[:-step], result[step:], out=part[:-step])
        factor[: -2 * step] = np.multiply(factor[: -2 * step], factor[step:-step], out=part[: -2 * step])
        step *= 2
    return memory[0]
'''

HELPERS["sum_to"] = '''\
def sum_to(x, shape):
    """Sum x over the axes along which an array of that shape was broadcast to it."""
    x = np.asarray(x)
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    return x.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1 and x.shape[i] != 1), keepdims=True)
'''

# ---------------------------------------------------------------- windows
# Samples go last: then there is one product for the whole batch, and an entry of all windows of a row is one piece of
# memory, long as soon as there are some samples. That is several times as fast as a row for each window. Arrays that
# come of it have their samples last in memory only; pools and elementwise operations keep that order.

HELPERS["windows"] = '''\
def windows(sizes, size, stride=None, dilation=None, behind=0):
    \"\"\"For each entry of a window the index that takes this entry of all windows of an array.

    The axes under the windows have these sizes; they are the last axes but for some `behind`.
    \"\"\"
    n = len(size)
    stride, dilation = stride or (1,) * n, dilation or (1,) * n
    lengths = [m - d * (k - 1) for m, k, d in zip(sizes, size, dilation)]
    cuts = [[slice(e * d, e * d + m, s) for e, d, s, m in zip(entry, dilation, stride, lengths)]
            for entry in np.ndindex(*size)]
    return [(..., *cut, *[slice(None)] * behind) for cut in cuts]
'''

HELPERS["set_border"] = '''\
def set_border(x, width, value):
    """Fill the border of x, which is so wide before and after each axis."""
    for axis, (before, after) in enumerate(width):
        if before or after:
            x[(*[slice(None)] * axis, slice(before))] = value
            x[(*[slice(None)] * axis, slice(x.shape[axis] - after, None))] = value
'''

# np.pad would put the axes of an image with samples last into another order, and it takes ten times as long for a small
# array.
HELPERS["with_border"] = '''\
def with_border(x, width, value=0):
    """The array x with this value around it, in the same order in memory."""
    result = np.full_like(x, value, shape=[n + a + b for n, (a, b) in zip(x.shape, width)])
    result[tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, width))] = x
    return result
'''

HELPERS["window_counts"] = '''\
def window_counts(sizes, size, stride=None, dilation=None):
    """How many windows there are along each axis of these sizes."""
    ones = (1,) * len(size)
    return [(m - d * (k - 1) - 1) // s + 1 for m, k, s, d in zip(sizes, size, stride or ones, dilation or ones)]
'''

# One copy of a view of all windows: a call of NumPy for each entry of a window would take longer than small arrays do.
HELPERS["im2col"] = '''\
def im2col(x, size, stride=None, dilation=None, out=None):
    """The windows of x (C, …, N) as columns: (C * entries, places * N)."""
    ones = (1,) * len(size)
    first, *between, last = x.strides
    entries = [d * step for d, step in zip(dilation or ones, between)]
    steps = [s * step for s, step in zip(stride or ones, between)]
    count = window_counts(x.shape[1:-1], size, stride, dilation)
    shape, strides = (len(x), *size, *count, x.shape[-1]), (first, *entries, *steps, last)
    if x.flags.c_contiguous:
        seen = np.ndarray(shape, x.dtype, x, 0, strides)  # which takes a tenth of the time of the other
    else:
        seen = np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
    if out is None:
        rows, columns = len(x), x.shape[-1]
        for k, n in zip(size, count):
            rows, columns = rows * k, columns * n
        return seen.copy().reshape(rows, columns)
    np.copyto(out.reshape(shape), seen)
    return out
'''

HELPERS["col2im"] = '''\
def col2im(columns, entries, out):
    \"\"\"The columns (C * entries, places * N) added up where they stand in `out` (C, …, N), the rest of it zero.\"\"\"
    out.fill(0)
    if entries:  # a kernel may have none
        columns = columns.reshape(len(out), len(entries), *out[entries[0]].shape[1:])
    for k, entry in enumerate(entries):
        out[entry] += columns[:, k]
    return out
'''

HELPERS["convolve"] = '''\
def convolve(x, w, stride=None, dilation=None, groups=1):
    \"\"\"The products of kernels w (O, C / groups, …) with the windows of x (N, C, …), summed: (N, O, …).\"\"\"
    x = np.ascontiguousarray(x.transpose(*range(1, x.ndim), 0))
    columns = im2col(x, w.shape[2:], stride, dilation)
    kernels = w.reshape(len(w), len(columns) // groups)
    if groups == 1:
        rows = kernels @ columns
    else:
        columns = columns.reshape(groups, len(columns) // groups, columns.shape[1])
        rows = kernels.reshape(groups, len(w) // groups, columns.shape[1]) @ columns
    rows = rows.reshape(len(w), *window_counts(x.shape[1:-1], w.shape[2:], stride, dilation), x.shape[-1])
    return rows.transpose(-1, *range(x.ndim - 1))
'''

HELPERS["convolve_kernel"] = '''\
def convolve_kernel(x, y, shape, stride=None, dilation=None, groups=1):
    \"\"\"The windows of x times the entries of y (N, O, …) at their places, summed: kernels of that shape.\"\"\"
    x = np.ascontiguousarray(x.transpose(*range(1, x.ndim), 0))
    columns = im2col(x, shape[2:], stride, dilation)
    rows = y.transpose(*range(1, x.ndim), 0).reshape(shape[0], columns.shape[1])
    if groups > 1:
        columns = columns.reshape(groups, len(columns) // groups, columns.shape[1])
        rows = rows.reshape(groups, shape[0] // groups, columns.shape[2])
    return (rows @ columns.swapaxes(-1, -2)).reshape(shape)
'''

HELPERS["convolve_transpose"] = '''\
def convolve_transpose(y, w, shape, stride=None, dilation=None, groups=1):
    \"\"\"The entries of y (N, O, …) times their kernels w (O, C / groups, …), added up in an array of that shape.\"\"\"
    channels, sizes = shape[1], shape[2:]
    y = np.moveaxis(y, 0, -1)
    rows = y.reshape(groups, len(w) // groups, int(np.prod(y.shape[1:])))
    kernels = w.reshape(groups, len(w) // groups, int(np.prod(w.shape[1:])))
    columns = kernels.swapaxes(1, 2) @ rows
    entries = windows(sizes, w.shape[2:], stride, dilation, behind=1)
    x = col2im(columns, entries, np.empty((channels, *sizes, y.shape[-1]), y.dtype))
    return np.moveaxis(x, -1, 0)
'''

HELPERS["max_windows"] = '''\
def max_windows(x, size, stride, dilation=None, behind=0):
    \"\"\"The largest entry of each window over the last axes of x.\"\"\"
    first, *others = windows(x.shape[x.ndim - len(size) - behind :], size, stride, dilation, behind)
    result = x[first].copy(order="K")
    for entry in others:
        np.maximum(result, x[entry], out=result)
    return result
'''

HELPERS["max_unpool"] = '''\
def max_unpool(g, x, y, size, stride, dilation=None, behind=0):
    \"\"\"The numbers g, one per window, at the first entry of the window in x that is the largest, which is y.\"\"\"
    result = np.zeros_like(x, dtype=g.dtype)
    rest, part = np.empty_like(y, dtype=g.dtype), np.empty_like(y, dtype=g.dtype)
    rest[...] = g  # what has not found its place yet
    *others, last = windows(x.shape[x.ndim - len(size) - behind :], size, stride, dilation, behind)
    for entry in others:
        np.multiply(rest, x[entry] == y, out=part)
        rest -= part
        result[entry] += part
    result[last] += rest
    return result
'''

HELPERS["max_pick"] = '''\
def max_pick(g, x, y, size, stride, dilation=None, behind=0):
    \"\"\"Per window the entry of g that stands where x has its first largest entry, which is y.\"\"\"
    result = np.zeros_like(y, dtype=g.dtype)
    missing = np.ones_like(y, dtype=bool)  # windows of which the largest entry is still to come
    for entry in windows(x.shape[x.ndim - len(size) - behind :], size, stride, dilation, behind):
        found = (x[entry] == y) & missing
        missing ^= found
        result += g[entry] * found
    return result
'''

HELPERS["sum_windows"] = '''\
def sum_windows(x, size, stride, dilation=None, behind=0):
    \"\"\"The sum of each window over the last axes of x.\"\"\"
    first, *others = windows(x.shape[x.ndim - len(size) - behind :], size, stride, dilation, behind)
    result = x[first].copy(order="K")
    for entry in others:
        result += x[entry]
    return result
'''

HELPERS["spread_windows"] = '''\
def spread_windows(y, shape, size, stride, dilation=None, behind=0):
    \"\"\"The numbers y, one per window, added to all entries of the window in zeros of that shape.\"\"\"
    result = np.zeros(shape, y.dtype)
    for entry in windows(shape[len(shape) - len(size) - behind :], size, stride, dilation, behind):
        result[entry] += y
    return result
'''
