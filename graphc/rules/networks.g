# Normalisation of rows.

# exp(x) / Σ exp(x) along an axis, or several.
# math: softmax({x})
# source: derivations A1, E2
op softmax(x, *, axis=-1) {
    shifted = x - max(x, axis=axis, keepdims=true)
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
op log_softmax(x, *, axis=-1) {
    shifted = x - max(x, axis=axis, keepdims=true)
    return shifted - log(sum(exp(shifted), axis=axis, keepdims=true))
}
rule log_softmax(x, *, axis) -> y { dx = dy - exp(y) * sum(dy, axis=axis, keepdims=true) }
