# Activations, each by its definition and its rule. They share subexpressions, so that value and gradient compute them
# once; the definitions are those that neither overflow nor lose digits for large arguments of either sign.

# The positive part; the derivative at 0 is 0.
# math: max({x}, 0)
# source: derivations A3, C5
# aliases: input=x
op relu(x) = maximum(x, 0)
rule relu(x) -> y { dx = dy * (y > 0) }

# The negative part; the derivative at 0 is 0.
# math: min({x}, 0)
# source: PyTorch: relu
# hidden: for activations
op negative_part(x) = minimum(x, 0)
rule negative_part(x) -> y { dx = dy * (x < 0) }

# x where it is positive, else slope * x; the derivative at 0 is the slope.
# math: max({x}, 0) + {slope} min({x}, 0)
# source: PyTorch: leaky_relu (negative_slope)
# aliases: input=x, negative_slope=slope
op leaky_relu(x, *, slope=0.01) = maximum(x, 0) + slope * minimum(x, 0)
rule leaky_relu(x, *, slope) -> y {
    positive = x > 0
    dx = dy * positive + slope * dy * logical_not(positive)
}

# x where it is positive, else alpha * (exp(x) - 1); the derivative at 0 is alpha.
# math: max({x}, 0) + {alpha} (exp(min({x}, 0)) − 1)
# source: Clevert et al. 2015; PyTorch: elu
# aliases: input=x
op elu(x, *, alpha=1) = relu(x) + alpha * expm1(negative_part(x))
rule elu(x, *, alpha) -> y {
    dx = dy * ((x > 0) + (x <= 0) * (alpha * exp(negative_part(x))))
}

# elu with the alpha and the scale that keep mean and variance; the derivative at 0 is 1.0507 · 1.6733.
# math: selu({x})
# source: Klambauer et al. 2017; PyTorch: selu
# aliases: input=x
op selu(x) = 1.0507009873554805 * relu(x) + 1.7580993408473766 * expm1(negative_part(x))
rule selu(x) -> y {
    dx = 1.0507009873554805 * dy * (x > 0) + 1.7580993408473766 * dy * (x <= 0) * exp(negative_part(x))
}

# x where it is positive, else alpha * (exp(x / alpha) - 1); the derivative is continuous, 1 at 0.
# math: max({x}, 0) + {alpha} (exp(min({x}, 0) / {alpha}) − 1)
# source: Barron 2017; PyTorch: celu
# aliases: input=x
op celu(x, *, alpha=1) = relu(x) + alpha * expm1(negative_part(x) / alpha)
rule celu(x, *, alpha) -> y { dx = dy * exp(negative_part(x) / alpha) }

# x times the probability that a standard normal variable is less than x.
# math: {x} ⊙ Φ({x})
# source: Hendrycks and Gimpel 2016; PyTorch: gelu
# hidden: for gelu
op gelu_exact(x) {
    cdf = 0.5 * (1 + erf(0.7071067811865476 * x))
    return x * cdf
}
rule gelu_exact(x) -> y {
    cdf = 0.5 * (1 + erf(0.7071067811865476 * x))
    pdf = 0.3989422804014327 * exp(-0.5 * x**2)
    slope = cdf + x * pdf
    dx = dy * slope
}

# gelu with a hyperbolic tangent in place of the error function.
# math: ½ {x} ⊙ (1 + tanh(√(2/π) ({x} + 0.044715 {x}³)))
# source: Hendrycks and Gimpel 2016; PyTorch: gelu (approximate="tanh")
# hidden: for gelu
op gelu_tanh(x) {
    cdf = 0.5 * (1 + tanh(0.7978845608028654 * x * (1 + 0.044715 * x**2)))
    return x * cdf
}
rule gelu_tanh(x) -> y {
    cdf = 0.5 * (1 + tanh(0.7978845608028654 * x * (1 + 0.044715 * x**2)))
    pdf = cdf * (1 - cdf) * (1.5957691216057308 * (1 + 0.134145 * x**2))
    slope = cdf + x * pdf
    dx = dy * slope
}

# 1 / (1 + exp(-x)), precise at both ends.
# math: σ({x})
# source: derivations C4
op sigmoid(x) { e = exp(-abs(x)); return maximum(x >= 0, e) / (1 + e) }      # e where x < 0, else 1
rule sigmoid(x) -> y { dx = dy * y * (1 - y) }

# log(sigmoid(x)).
# math: log σ({x})
# source: PyTorch: logsigmoid
# aliases: input=x
op log_sigmoid(x) = minimum(x, 0) - log1p(exp(-abs(x)))
rule log_sigmoid(x) -> y { dx = dy * sigmoid(-x) }

# log(1 + exp(x)).
# math: log(1 + exp({x}))
# source: PyTorch: softplus
# aliases: input=x
op softplus(x) = maximum(x, 0) + log1p(exp(-abs(x)))
rule softplus(x) -> y { dx = dy * sigmoid(x) }

# x / (1 + |x|).
# math: {x} / (1 + |{x}|)
# source: PyTorch: softsign
# aliases: input=x
op softsign(x) = x / (1 + abs(x))
rule softsign(x) -> y { dx = dy / (1 + abs(x))**2 }

# x * sigmoid(x).
# math: {x} ⊙ σ({x})
# source: Elfwing et al. 2017; PyTorch: silu
# aliases: input=x
op silu(x) = x * sigmoid(x)
rule silu(x) -> y {
    s = sigmoid(x)
    slope = s + y * (1 - s)
    dx = dy * slope
}

# x * tanh(softplus(x)).
# math: {x} ⊙ tanh(log(1 + exp({x})))
# source: Misra 2019; PyTorch: mish
# aliases: input=x
op mish(x) = x * tanh(softplus(x))
rule mish(x) -> y {
    t = tanh(softplus(x))
    slope = t + x * sigmoid(x) * (1 - t**2)
    dx = dy * slope
}

# x kept between 0 and 6; the derivative at 0 and 6 is 0.
# math: min(max({x}, 0), 6)
# source: PyTorch: relu6
# aliases: input=x
op relu6(x) = minimum(maximum(x, 0), 6)
rule relu6(x) -> y { dx = dy * (x > 0) * (x < 6) }

# x kept between two numbers; the derivative at either is 0.
# math: min(max({x}, {min_val}), {max_val})
# source: PyTorch: hardtanh
# aliases: input=x
op hardtanh(x, *, min_val=-1, max_val=1) = clip(x, min_val, max_val)
rule hardtanh(x, *, min_val, max_val) -> y { dx = dy * (x > min_val) * (x < max_val) }

# x / 6 + 1/2 kept between 0 and 1; the derivative at -3 and 3 is 0.
# math: min(max({x} + 3, 0), 6) / 6
# source: PyTorch: hardsigmoid
# aliases: input=x
op hardsigmoid(x) = clip(x + 3, 0, 6) / 6
rule hardsigmoid(x) -> y { dx = dy / 6 * (x > -3) * (x < 3) }

# x * hardsigmoid(x); the derivative is 0 at -3 and 1 at 3.
# math: {x} ⊙ min(max({x} + 3, 0), 6) / 6
# source: Howard et al. 2019; PyTorch: hardswish
# aliases: input=x
op hardswish(x) = x * clip(x + 3, 0, 6) / 6
rule hardswish(x) -> y { dx = dy * (x >= 3) + dy * (x > -3) * (x < 3) * (x / 3 + 0.5) }
