# The rules of reductions. `restore` puts the axes that were summed away back as axes of size 1, so that a reduced value
# stands beside the array it came from; where that needs nothing it is the value itself.

rule sum(x, *, axis, keepdims) -> y {
    dx = broadcast_to(restore(dy, axis=axis, keepdims=keepdims), shape=shape(x))
}
rule mean(x, *, axis, keepdims) -> y {
    dx = broadcast_to(restore(dy / count(x, axis=axis), axis=axis, keepdims=keepdims), shape=shape(x))
}
# Equal extremes share the gradient equally.
rule max(x, *, axis, keepdims) -> y {
    extreme = x == restore(y, axis=axis, keepdims=keepdims)
    share = restore(dy, axis=axis, keepdims=keepdims) / ties(extreme, axis=axis, keepdims=keepdims)
    dx = share * extreme
}
rule min(x, *, axis, keepdims) -> y {
    extreme = x == restore(y, axis=axis, keepdims=keepdims)
    share = restore(dy, axis=axis, keepdims=keepdims) / ties(extreme, axis=axis, keepdims=keepdims)
    dx = share * extreme
}
rule prod(x, *, axis, keepdims) -> y {
    dx = restore(dy, axis=axis, keepdims=keepdims) * others(x, axis=axis)
}
rule argmax(x, *, axis, keepdims) -> y { dx = none }
rule argmin(x, *, axis, keepdims) -> y { dx = none }
rule all(x, *, axis, keepdims) -> y    { dx = none }
rule any(x, *, axis, keepdims) -> y    { dx = none }
rule ties(x, *, axis, keepdims) -> y   { dx = none }
rule count_of(x, *, axis) -> n         { dx = none }
rule finite(x) -> y                    { dx = none }
rule largest(x, *, axis, keepdims) -> y { dx = none }

# ---------------------------------------------------------------- spread

# The mean squared distance from the mean over axes, the sum divided by the number of entries less ddof.
# math: Σ ({x} − mean({x}))² / (n − {ddof})
# source: NumPy: var
# aliases: a=x, correction=ddof
op var(x, *, axis=none, ddof=0, keepdims=false) {
    centred = x - mean(x, axis=axis, keepdims=true)
    return sum(centred**2, axis=axis, keepdims=keepdims) / count(x, axis=axis, ddof=ddof)
}
rule var(x, *, axis, ddof, keepdims) -> y {
    centred = x - mean(x, axis=axis, keepdims=true)
    scale = 2 * dy / count(x, axis=axis, ddof=ddof)
    dx = restore(scale, axis=axis, keepdims=keepdims) * centred
}

# The square root of the variance; the derivative where the variance is 0 is 0.
# math: √(Σ ({x} − mean({x}))² / (n − {ddof}))
# source: NumPy: std
# aliases: a=x, correction=ddof
op std(x, *, axis=none, ddof=0, keepdims=false) = sqrt(var(x, axis=axis, ddof=ddof, keepdims=keepdims))
rule std(x, *, axis, ddof, keepdims) -> y {
    centred = x - mean(x, axis=axis, keepdims=true)
    scale = dy / (y + (y == 0)) / count(x, axis=axis, ddof=ddof)
    dx = restore(scale, axis=axis, keepdims=keepdims) * centred
}

# ---------------------------------------------------------------- norms

# The 2-norm; other orders have become other operations. At 0 the length is taken to be 1 and the derivative is 0.
rule norm(x, *, ord, axis, keepdims) -> y {
    dx = restore(dy / (y + (y == 0)), axis=axis, keepdims=keepdims) * x
}

# (Σ |x|^p)^(1/p); the derivative at 0 is 0.
# math: (Σ |{x}|^{p})^(1/{p})
# source: NumPy: linalg.norm
# hidden: for norm
op norm_power(x, *, p, axis=none, keepdims=false) = sum(abs(x)**p, axis=axis, keepdims=keepdims)**(1 / p)
rule norm_power(x, *, p, axis, keepdims) -> y {
    length = restore(y + (y == 0), axis=axis, keepdims=keepdims)
    dx = restore(dy, axis=axis, keepdims=keepdims) * sign(x) * (abs(x) / length)**(p - 1)
}

# ---------------------------------------------------------------- logsumexp

# A sum of exponentials the largest of which is 1 is no less; where there are none it is 1 instead of 0.
# math: max({total}, 1)
# domain: total=above_one
# hidden: for logsumexp
op at_least_one(total) = maximum(total, 1)
rule at_least_one(total) -> y { dtotal = dy }

# log(Σ exp(x)) over axes without overflow; of entries that are all -inf, or of none, it is -inf, their derivative 0.
# math: log Σ exp({x})
# source: SciPy: logsumexp
# aliases: a=x, input=x, dim=axis, keepdim=keepdims
op logsumexp(x, *, axis=none, keepdims=false) {
    largest = largest_kept(x, axis=axis, keepdims=keepdims)
    e = exp(x - finite(largest))
    total = at_least_one(sum_kept(e, axis=axis, keepdims=keepdims))
    return drop(largest + log(total), axis=axis, keepdims=keepdims)
}
rule logsumexp(x, *, axis, keepdims) -> y {
    largest = largest_kept(x, axis=axis, keepdims=keepdims)
    e = exp(x - finite(largest))
    total = at_least_one(sum_kept(e, axis=axis, keepdims=keepdims))
    dx = restore(dy, axis=axis, keepdims=keepdims) / total * e
}

# ---------------------------------------------------------------- running sums and products

rule cumsum(x, *, axis) -> y { dx = flip(cumsum(flip(dy, axis=axis), axis=axis), axis=axis) }
# Entry k stands in the products from k on: what comes before it, times Σ dy over what comes after, by recurrence.
rule cumprod(x, *, axis) -> y {
    dx = shift(y, axis=axis, fill=1) * linear_scan_back(x, dy, axis=axis)
}
rule shift(x, *, axis, by, fill) -> y { dx = shift(dy, axis=axis, by=-by) }
rule ravel(x) -> y { dx = reshape(dy, shape=shape(x)) }

# A recurrence from one end is the transpose of the one from the other.
rule linear_scan(a, b, *, axis) -> r {
    later = linear_scan_back(a, dr, axis=axis)
    da = later * shift(r, axis=axis)
    db = later
}
rule linear_scan_back(a, b, *, axis) -> r {
    earlier = linear_scan(a, dr, axis=axis)
    da = shift(earlier, axis=axis) * r
    db = earlier
}
