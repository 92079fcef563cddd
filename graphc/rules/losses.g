# Losses, one number per sample or per entry; the sum or the mean over them is taken afterwards. Definition and rule have
# their subexpressions in common, so that forward's are used again in backward.

# ---------------------------------------------------------------- rows of scores and their labels

# log Σ exp(S) - S at the label, per row.
# math: −log softmax({S})[i, {y}ᵢ]
# source: derivations A1, E2
# domain: y=labels
# hidden: for softmax_ce
op cross_entropy_labels(S, y) {
    shifted = S - largest(S, axis=-1, keepdims=true)
    e = exp(shifted)
    total = sum(e, axis=-1, keepdims=true)
    return squeeze(log(total), axis=-1) - pick(shifted, y)
}
rule cross_entropy_labels(S, y) -> l {
    P = softmax(S)
    dS = subtract_one_hot(P, y) * expand_dims(dl, axis=-1)
    dy = none
}

# -Σ q log softmax(S), per row. The rows of q need not have the sum 1.
# math: −({q} ⊙ log softmax({S})) 1
# source: derivations A1; PyTorch: cross_entropy (class probabilities)
# domain: q=simplex
# hidden: for softmax_ce
op cross_entropy_rows(S, q) = -sum(q * log_softmax(S), axis=-1)
rule cross_entropy_rows(S, q) -> l {
    P = softmax(S)
    dS = (P * sum(q, axis=-1, keepdims=true) - q) * expand_dims(dl, axis=-1)
    dq = -expand_dims(dl, axis=-1) * log_softmax(S)
}

# How far the scores are above that of the label less the margin, where they are; 0 at the label.
# math: max(0, {S} − {S}[i, {y}ᵢ] + {margin}), 0 at {y}ᵢ
# source: derivations E3
# domain: y=labels
# hidden: for svm_loss
op svm_margins(S, y, *, margin) {
    margins = maximum(S - expand_dims(pick(S, y), axis=-1) + margin, 0)
    return clear_labels(margins, y)
}

# The sum of the margins of a row; the derivative of a margin of exactly 0 is 0.
# math: Σⱼ max(0, {S}ᵢⱼ − {S}[i, {y}ᵢ] + {margin}), j ≠ {y}ᵢ
# source: derivations E3
# domain: y=labels
# hidden: for svm_loss
op svm_rows(S, y, *, margin) = sum(svm_margins(S, y, margin=margin), axis=-1)
rule svm_rows(S, y, *, margin) -> l {
    margins = svm_margins(S, y, margin=margin)
    dS = balance_labels(margins > 0, y) * expand_dims(dl, axis=-1)
    dy = none
}

# At its label a row gets 0, or minus the sum of its other entries. Both are linear.
rule clear_labels(x, y) -> z   { dx = clear_labels(dz, y);  dy = none }
rule balance_labels(x, y) -> z { dx = clear_labels(dz - expand_dims(pick(dz, y), axis=-1), y);  dy = none }

# ---------------------------------------------------------------- numbers and their targets

# (a - b)².
# math: ({a} − {b})²
# source: PyTorch: mse_loss
# hidden: for mse
op squared_error(a, b) { difference = a - b; return difference**2 }
rule squared_error(a, b) -> l {
    difference = a - b
    da = 2 * dl * difference
    db = -da
}

# |a - b|; the derivative at 0 is 0.
# math: |{a} − {b}|
# source: PyTorch: l1_loss
# hidden: for mae
op absolute_error(a, b) { difference = a - b; return abs(difference) }

# Half the squared difference up to delta, from there on a straight line.
# math: c ({a} − {b} − c / 2), c = min(max({a} − {b}, −{delta}), {delta})
# source: Huber 1964; PyTorch: huber_loss
# hidden: for huber
op huber_error(a, b, *, delta) {
    difference = a - b
    limited = clip(difference, -delta, delta)
    return limited * (difference - 0.5 * limited)
}
rule huber_error(a, b, *, delta) -> l {
    limited = clip(a - b, -delta, delta)
    da = dl * limited
    db = -da
}

# log(p), but at least -100, so that a probability of 0 costs 100 and not infinity.
# math: max(log {p}, −100)
# source: PyTorch: binary_cross_entropy
# domain: p=probability
# hidden: for bce
op clamped_log(p) = maximum(log(maximum(p, 1e-45)), -100)

# -(t log p + (1 - t) log(1 - p)), the logarithms being at least -100. In the derivative p (1 - p) is at least 1e-12.
# math: −({t} ⊙ log {p} + (1 − {t}) ⊙ log(1 − {p}))
# source: PyTorch: binary_cross_entropy
# domain: p=probability, t=probability
# hidden: for bce
op binary_entropy(p, t) {
    log_yes = clamped_log(p)
    log_no = clamped_log(1 - p)
    return -(t * log_yes + (1 - t) * log_no)
}
rule binary_entropy(p, t) -> l {
    log_yes = clamped_log(p)
    log_no = clamped_log(1 - p)
    dp = dl * (p - t) / maximum(p * (1 - p), 1e-12)
    dt = dl * (log_no - log_yes)
}

# log(1 + exp(z)) - z t.
# math: log(1 + exp({z})) − {z} ⊙ {t}
# source: PyTorch: binary_cross_entropy_with_logits
# domain: t=probability
# hidden: for bce_with_logits
op binary_entropy_of_logits(z, t) = softplus(z) - z * t
rule binary_entropy_of_logits(z, t) -> l {
    dz = (sigmoid(z) - t) * dl
    dt = -dl * z
}

# max(0, 1 - s t) for targets t of -1 and 1; the derivative at s t = 1 is 0.
# math: max(0, 1 − {s} ⊙ {t})
# source: scikit-learn: hinge_loss
# hidden: for hinge
op hinge_error(s, t) { slack = 1 - s * t; return maximum(slack, 0) }
rule hinge_error(s, t) -> l {
    slack = 1 - s * t
    dslack = dl * (slack > 0)
    ds = -dslack * t
    dt = -dslack * s
}

# q (log q - logp), 0 where q is 0; there the derivative with respect to q is 0 as well.
# math: {q} ⊙ (log {q} − {logp})
# source: PyTorch: kl_div
# domain: q=probability
# hidden: for kl_div
op divergence(logp, q) {
    logq = log(q + (q == 0))
    return q * (logq - logp)
}
rule divergence(logp, q) -> l {
    logq = log(q + (q == 0))
    dlogp = -dl * q
    dq = dl * (q != 0) * (1 + logq - logp)
}
