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
def erf(x):
    """The error function, to full precision: 1 - exp(-|x| p/q) with the sign of x."""
    x = np.asarray(x)
    flat, result = x.ravel(), np.empty(x.size, np.result_type(x.dtype, np.float32))
    for i in range(0, x.size, 16384):
        block = flat[i : i + 16384]
        y = np.minimum(np.abs(block), 6)
        p = 1.1833995062556969e-04 * y + 3.3697430209583834e-03
        for c in (
            3.4988301417099331e-02, 1.9997211121827383e-01, 7.2069075157893056e-01, 1.7149686122135613e00,
            2.6706811331191596e00, 2.5235836812160504e00, 1.1283791670955126e00,
        ):  # fmt: skip
            p *= y
            p += c
        q = 1.1836097711963145e-04 * y + 3.3673019728950011e-03
        for c in (
            3.4429070588189291e-02, 1.8884455519040000e-01, 6.3284108446454271e-01, 1.3322677267996320e00,
            1.6722782233790964e00, 1.0,
        ):  # fmt: skip
            q *= y
            q += c
        p *= y
        result[i : i + 16384] = np.copysign(np.expm1(-p / q), block)
    return result.reshape(x.shape)
'''

# ---------------------------------------------------------------- indexing

HELPERS["unslice"] = '''\
def unslice(x, shape, index):
    """Zeros of the given shape with x at the place of the index: the transpose of taking that slice."""
    result = np.zeros(shape, dtype=x.dtype)
    result[index] = x
    return result
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
    result = np.zeros((np.size(i), n), dtype=dtype)
    result[np.arange(len(result)), np.ravel(i)] = 1
    return result.reshape(*np.shape(i), n)
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

HELPERS["shift"] = '''\
def shift(x, axis, by, fill):
    """The entries moved one place along an axis, up (by=1) or down (by=-1); `fill` takes the free place."""
    result = np.full_like(x, fill)
    target, source = np.moveaxis(result, axis, 0), np.moveaxis(x, axis, 0)
    if by > 0:
        target[1:] = source[:-1]
    else:
        target[:-1] = source[1:]
    return result
'''

# By doubling: log2(n) passes over the arrays instead of n steps in Python, and no division, so zeros do no harm.
HELPERS["linear_scan"] = '''\
def linear_scan(a, b, axis):
    """r with r[k] = b[k] + a[k] * r[k-1] along an axis."""
    factor, result = np.moveaxis(a, axis, 0).copy(), np.moveaxis(b, axis, 0).copy()
    step = 1
    while step < len(result):
        result[step:] += factor[step:] * result[:-step]
        factor[step:] = factor[step:] * factor[:-step]
        step *= 2
    return np.moveaxis(result, 0, axis)
'''

HELPERS["linear_scan_back"] = '''\
def linear_scan_back(a, b, axis):
    """r with r[k] = b[k] + a[k+1] * r[k+1] along an axis, from its end."""
    factor, result = np.moveaxis(a, axis, 0).copy(), np.moveaxis(b, axis, 0).copy()
    factor[:-1] = factor[1:]
    step = 1
    while step < len(result):
        result[:-step] += factor[:-step] * result[step:]
        factor[:-step] = factor[:-step] * factor[step:]
        step *= 2
    return np.moveaxis(result, 0, axis)
'''

HELPERS["sum_to"] = '''\
def sum_to(x, shape):
    """Sum x over the axes along which an array of that shape was broadcast to it."""
    x = np.asarray(x)
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    return x.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1 and x.shape[i] != 1), keepdims=True)
'''

HELPERS["fits"] = '''\
def fits(x, shape):
    """The array x; ValueError if broadcasting with it would enlarge an array of that shape."""
    tail = shape[max(len(shape) - np.ndim(x), 0) :]
    if np.ndim(x) > len(shape) or any(n not in (1, m) for n, m in zip(np.shape(x), tail)):
        raise ValueError(f"a value of shape {np.shape(x)} does not broadcast to {shape}")
    return x
'''

# ---------------------------------------------------------------- windows
# With the channels in front there is one product for the whole batch, and the entries of a row stay next to each other
# when the columns are written: that is several times as fast as a row for each window.

HELPERS["im2col"] = '''\
def im2col(x, size, stride, dilation):
    """The windows of x (N, C, …) as columns: (C * entries, N * places); and the number of places along each axis."""
    n = len(size)
    stride, dilation = stride or (1,) * n, dilation or (1,) * n
    wide = [d * (k - 1) + 1 for k, d in zip(size, dilation)]
    view = np.lib.stride_tricks.sliding_window_view(x, wide, axis=range(2, n + 2))
    view = view[(..., *(slice(None, None, step) for step in (*stride, *dilation)))]  # (N, C, places, entries)
    places = view.shape[2 : n + 2]
    columns = view.transpose(1, *range(n + 2, 2 * n + 2), 0, *range(2, n + 2))
    return columns.reshape(x.shape[1] * np.prod(size), len(x) * np.prod(places)), places
'''

HELPERS["convolve"] = '''\
def convolve(x, w, stride=None, dilation=None, groups=1):
    """The products of kernels w (O, C / groups, …) with the windows of x (N, C, …), summed: (N, O, …)."""
    columns, places = im2col(x, w.shape[2:], stride, dilation)
    columns = columns.reshape(groups, len(columns) // groups, columns.shape[1])
    rows = w.reshape(groups, len(w) // groups, columns.shape[1]) @ columns
    return rows.reshape(len(w), len(x), *places).swapaxes(0, 1)
'''

HELPERS["convolve_kernel"] = '''\
def convolve_kernel(x, y, shape, stride=None, dilation=None, groups=1):
    """The windows of x times the entries of y (N, O, …) at their places, summed: kernels of that shape."""
    columns, _ = im2col(x, shape[2:], stride, dilation)
    columns = columns.reshape(groups, len(columns) // groups, columns.shape[1])
    rows = y.swapaxes(0, 1).reshape(groups, shape[0] // groups, columns.shape[2])
    return (rows @ columns.swapaxes(1, 2)).reshape(shape)
'''

HELPERS["convolve_transpose"] = '''\
def convolve_transpose(y, w, shape, stride=None, dilation=None, groups=1):
    """The entries of y (N, O, …) times their kernels w (O, C / groups, …), added up in an array of that shape."""
    size, places, channels = w.shape[2:], y.shape[2:], shape[1]
    rows = y.swapaxes(0, 1).reshape(groups, len(w) // groups, len(y) * np.prod(places))
    kernels = w.reshape(groups, len(w) // groups, channels // groups * np.prod(size))
    columns = (kernels.swapaxes(1, 2) @ rows).reshape(channels, *size, len(y), *places)
    result = np.zeros(shape, dtype=y.dtype)
    for entry, target in zip(np.ndindex(*size), window_entries(result, size, stride, dilation)):
        target += columns[(slice(None), *entry)].swapaxes(0, 1)
    return result
'''

HELPERS["window_entries"] = '''\
def window_entries(x, size, stride=None, dilation=None):
    """For each entry of the windows over the last axes, a view of x that takes this entry of all windows."""
    n = len(size)
    stride, dilation = stride or (1,) * n, dilation or (1,) * n
    lengths = [m - d * (k - 1) for m, k, d in zip(x.shape[-n:], size, dilation)]
    for entry in np.ndindex(*size):
        yield x[(..., *(slice(e * d, e * d + m, s) for e, d, s, m in zip(entry, dilation, stride, lengths)))]
'''

HELPERS["max_windows"] = '''\
def max_windows(x, size, stride, dilation=None):
    """The largest entry of each window over the last axes of x."""
    first, *others = window_entries(x, size, stride, dilation)
    result = first.copy()
    for other in others:
        np.maximum(result, other, out=result)
    return result
'''

HELPERS["max_unpool"] = '''\
def max_unpool(g, x, y, size, stride, dilation=None):
    """The numbers g, one per window, at the first entry of the window in x that is the largest, which is y."""
    result = np.zeros(x.shape, dtype=g.dtype)
    missing = np.ones(y.shape, dtype=bool)  # windows of which the largest entry is still to come
    for entry, target in zip(window_entries(x, size, stride, dilation), window_entries(result, size, stride, dilation)):
        found = (entry == y) & missing
        missing ^= found
        target += g * found
    return result
'''

HELPERS["max_pick"] = '''\
def max_pick(g, x, y, size, stride, dilation=None):
    """Per window the entry of g that stands where x has its first largest entry, which is y."""
    result = np.zeros(y.shape, dtype=g.dtype)
    missing = np.ones(y.shape, dtype=bool)
    for entry, source in zip(window_entries(x, size, stride, dilation), window_entries(g, size, stride, dilation)):
        found = (entry == y) & missing
        missing ^= found
        result += source * found
    return result
'''

HELPERS["sum_windows"] = '''\
def sum_windows(x, size, stride, dilation=None):
    """The sum of each window over the last axes of x."""
    first, *others = window_entries(x, size, stride, dilation)
    result = first.copy()
    for other in others:
        result += other
    return result
'''

HELPERS["spread_windows"] = '''\
def spread_windows(y, shape, size, stride, dilation=None):
    """The numbers y, one per window, added to all entries of the window in zeros of that shape."""
    result = np.zeros(shape, dtype=y.dtype)
    for target in window_entries(result, size, stride, dilation):
        target += y
    return result
'''
