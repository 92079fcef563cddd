# Convolutions are bilinear, and the three forms of one are each other's derivatives, so they hold to any order.

rule convolve(x, w, *, stride, dilation, groups) -> y {
    dx = convolve_transpose(dy, w, shape=shape(x), stride=stride, dilation=dilation, groups=groups)
    dw = convolve_kernel(x, dy, shape=shape(w), stride=stride, dilation=dilation, groups=groups)
}
rule convolve_transpose(y, w, *, shape, stride, dilation, groups) -> x {
    dy = convolve(dx, w, stride=stride, dilation=dilation, groups=groups)
    dw = convolve_kernel(dx, y, shape=shape(w), stride=stride, dilation=dilation, groups=groups)
}
rule convolve_kernel(x, y, *, shape, stride, dilation, groups) -> w {
    dx = convolve_transpose(y, dw, shape=shape(x), stride=stride, dilation=dilation, groups=groups)
    dy = convolve(x, dw, stride=stride, dilation=dilation, groups=groups)
}

# ---------------------------------------------------------------- windows as columns

# Where speed counts (graphc/passes/samples_last.py) a convolution is a product with the columns of its windows.
rule columns(x, *, size, stride, dilation) -> y {
    dx = add_columns(dy, shape=shape(x), size=size, stride=stride, dilation=dilation)
}
rule add_columns(y, *, shape, size, stride, dilation) -> x {
    dy = columns(dx, size=size, stride=stride, dilation=dilation)
}
rule product_as(A, B, *, shape) -> Y {
    g = reshape(dY, shape=shape(A @ B))
    dA = g @ mT(B)
    dB = mT(A) @ g
}
rule in_order(x) -> y { dx = dy }

# ---------------------------------------------------------------- pools

# Of equal entries the first one is the largest. Which one that is does not change with a small step: no gradient for
# what decides it.
rule max_windows(x, *, size, stride, dilation, behind) -> y {
    dx = max_unpool(dy, x, y, size=size, stride=stride, dilation=dilation, behind=behind)
}
rule max_unpool(g, x, y, *, size, stride, dilation, behind) -> z {
    dg = max_pick(dz, x, y, size=size, stride=stride, dilation=dilation, behind=behind)
    dx = none
    dy = none
}
rule max_pick(g, x, y, *, size, stride, dilation, behind) -> z {
    dg = max_unpool(dz, x, y, size=size, stride=stride, dilation=dilation, behind=behind)
    dx = none
    dy = none
}

rule sum_windows(x, *, size, stride, dilation, behind) -> y {
    dx = spread_windows(dy, shape=shape(x), size=size, stride=stride, dilation=dilation, behind=behind)
}
rule spread_windows(y, *, shape, size, stride, dilation, behind) -> x {
    dy = sum_windows(dx, size=size, stride=stride, dilation=dilation, behind=behind)
}

rule lowest_border(x, *, width) -> y { dx = without_border(dy, width=width) }
