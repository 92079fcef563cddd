# Normalisation of rows.

# exp(x) / Σ exp(x) along an axis, or several.
# math: softmax({x})
# source: derivations A1, E2
# shape: x
# aliases: input=x, dim=axis
op softmax(x, *, axis=-1) {
    shifted = x - largest(x, axis=axis, keepdims=true)
    e = exp(shifted)
    return e / sum(e, axis=axis, keepdims=true)
}
rule softmax(x, *, axis) -> y {
    g = dy * y
    dx = g - y * sum(g, axis=axis, keepdims=true)
}

# log(softmax(x)) along an axis, or several.
# math: log softmax({x})
# source: PyTorch: log_softmax
# shape: x
# aliases: input=x, dim=axis
op log_softmax(x, *, axis=-1) {
    shifted = x - largest(x, axis=axis, keepdims=true)
    e = exp(shifted)
    total = sum(e, axis=axis, keepdims=true)
    return shifted - log(total)
}
rule log_softmax(x, *, axis) -> y {
    P = exp(y)
    dx = dy - P * sum(dy, axis=axis, keepdims=true)
}

# ---------------------------------------------------------------- mean 0, variance 1

# The distance from the mean over axes, divided by the standard deviation.
# math: ({x} − mean({x})) / √(var({x}) + {eps})
# source: Ioffe and Szegedy 2015; Ba et al. 2016
# hidden: for layer_norm, batch_norm, group_norm
# shape: x
op standardise(x, *, axis, eps) {
    centred = x - mean(x, axis=axis, keepdims=true)
    deviation = sqrt(mean(centred**2, axis=axis, keepdims=true) + eps)
    xhat = centred / deviation
    return xhat
}
rule standardise(x, *, axis, eps) -> y {
    centred = x - mean(x, axis=axis, keepdims=true)
    deviation = sqrt(mean(centred**2, axis=axis, keepdims=true) + eps)
    along = y * mean(dy * y, axis=axis, keepdims=true)
    dx = (dy - mean(dy, axis=axis, keepdims=true) - along) / deviation
}

# Rows divided by the root of the mean of their squares.
# math: {x} / √(mean({x}²) + {eps})
# source: Zhang and Sennrich 2019
# hidden: for rms_norm
# shape: x
op unit_rows(x, *, eps) {
    length = sqrt(mean(x**2, axis=-1, keepdims=true) + eps)
    xhat = x / length
    return xhat
}
rule unit_rows(x, *, eps) -> y {
    length = sqrt(mean(x**2, axis=-1, keepdims=true) + eps)
    dx = (dy - y * mean(dy * y, axis=-1, keepdims=true)) / length
}

# An array times a vector along one of its axes. `behind` are the axes that the vector gets so that it stands there, `axes`
# those over which its gradient is summed: all the others.
# math: {x} ⊙ {v}
# source: PyTorch: batch_norm
# hidden: for batch_norm, group_norm
op scale_along(x, v, *, axes, behind) = x * expand_dims(v, axis=behind)
rule scale_along(x, v, *, axes, behind) -> y {
    dx = dy * expand_dims(v, axis=behind)
    dv = sum(dy * x, axis=axes)
}

# An array plus a vector along one of its axes.
# math: {x} + {v}
# source: PyTorch: batch_norm
# hidden: for batch_norm, group_norm, conv1d, conv2d
op shift_along(x, v, *, axes, behind) = x + expand_dims(v, axis=behind)
rule shift_along(x, v, *, axes, behind) -> y { dx = dy;  dv = sum(dy, axis=axes) }

# ---------------------------------------------------------------- attention

# Every query asks every key; s scales the queries, which are fewer numbers than the scores.
# math: ({s} {Q}) {K}ᵀ
# source: Vaswani et al. 2017
# hidden: for attention
op attention_scores(Q, K, s) { scaled = s * Q; scores = scaled @ mT(K); return scores }

# What the queries see of the values, by plain weights or by masked ones.
# math: softmax({scores}) {V}
# source: Vaswani et al. 2017
# hidden: for attention
op attention_of(scores, V) { weights = softmax(scores, axis=-1); return weights @ V }

# math: softmax({scores}) {V}
# source: Vaswani et al. 2017
# hidden: for attention
op attention_of_some(scores, V) { weights = softmax_or_zeros(scores); return weights @ V }

# math: softmax({scores} if {mask} else −∞) {V}
# source: Vaswani et al. 2017
# hidden: for attention
op attention_of_causal(scores, mask, V) { weights = softmax_of(scores, mask); return weights @ V }

# math: softmax({scores} if {mask} else −∞) {V}
# source: Vaswani et al. 2017
# hidden: for attention
op attention_of_masked(scores, mask, V) { weights = softmax_of_masked(scores, mask); return weights @ V }

# As softmax; of scores that are all -inf it makes zeros.
# math: softmax({scores})
# source: PyTorch: scaled_dot_product_attention
# hidden: for attention
op softmax_or_zeros(scores) {
    e = exp(scores - finite(largest(scores, axis=-1, keepdims=true)))
    total = sum(e, axis=-1, keepdims=true)
    return e / (total + (total == 0))
}
rule softmax_or_zeros(scores) -> y {
    g = dy * y
    dscores = g - y * sum(g, axis=-1, keepdims=true)
}

# The softmax of the scores where the mask is true, some in every row, and 0 elsewhere. A weight of 0 makes the
# derivative 0, so the rule needs no mask.
# math: softmax({scores} if {mask} else −∞)
# source: PyTorch: scaled_dot_product_attention
# hidden: for attention
op softmax_of(scores, mask) {
    seen = keep_scores(scores, mask)
    return softmax(seen, axis=-1)
}
rule softmax_of(scores, mask) -> y {
    g = dy * y
    dscores = g - y * sum(g, axis=-1, keepdims=true)
    dmask = none
}

# The same where there may be rows in which the mask is false throughout: they make zeros.
# math: softmax({scores} if {mask} else −∞)
# source: PyTorch: scaled_dot_product_attention
# domain: mask=boolean
# hidden: for attention
op softmax_of_masked(scores, mask) {
    seen = keep_scores(scores, mask)
    return softmax_or_zeros(seen)
}
rule softmax_of_masked(scores, mask) -> y {
    g = dy * y
    dscores = g - y * sum(g, axis=-1, keepdims=true)
    dmask = none
}

# A mask says which keys a query may see: the scores of the others are -inf.
rule keep_scores(scores, mask) -> kept { dscores = dkept * mask;  dmask = none }
rule causal_mask(*, rows, columns) -> mask { }
rule both(x, y) -> z { dx = none;  dy = none }
