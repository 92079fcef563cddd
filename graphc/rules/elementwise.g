# The rules of the functions that are applied entry by entry. Where the value itself gives the derivative it is used:
# the value is at hand anyway. Masks are booleans that multiply a gradient: 0 or 1 times a float32 is a float32.

# ---------------------------------------------------------------- exponentials, logarithms, roots

rule exp(x) -> y    { dx = dy * y }
rule expm1(x) -> y  { dx = dy * (y + 1) }
rule log(x) -> y    { dx = dy / x }
rule log1p(x) -> y  { dx = dy / (1 + x) }
rule log2(x) -> y   { dx = 1.4426950408889634 * dy / x }      # 1 / log(2)
rule log10(x) -> y  { dx = 0.4342944819032518 * dy / x }      # 1 / log(10)
rule sqrt(x) -> y   { dx = 0.5 * dy / y }                     # infinite at 0
rule square(x) -> y { dx = 2 * dy * x }
rule logaddexp(x, y) -> z { dx = dz * sigmoid(x - y);  dy = dz * sigmoid(y - x) }

# 1 / √x.
# math: 1 / √({x})
# source: PyTorch: rsqrt
# domain: x=positive
op rsqrt(x) = 1 / sqrt(x)
rule rsqrt(x) -> y { dx = -0.5 * dy * y / x }

# 1 / x.
# math: 1 / {x}
# source: NumPy: reciprocal
# domain: x=nonzero
op reciprocal(x) = 1 / x

# ---------------------------------------------------------------- trigonometry

rule sin(x) -> y     { dx = dy * cos(x) }
rule cos(x) -> y     { dx = -dy * sin(x) }
rule tan(x) -> y     { dx = dy * (1 + y**2) }
rule arcsin(x) -> y  { dx = dy / sqrt(1 - x**2) }
rule arccos(x) -> y  { dx = -dy / sqrt(1 - x**2) }
rule arctan(x) -> y  { dx = dy / (1 + x**2) }
rule sinh(x) -> y    { dx = dy * cosh(x) }
rule cosh(x) -> y    { dx = dy * sinh(x) }
rule tanh(x) -> y    { dx = dy * (1 - y**2) }                 # derivations D4
rule arcsinh(x) -> y { dx = dy / sqrt(x**2 + 1) }
rule arccosh(x) -> y { dx = dy / sqrt(x**2 - 1) }
rule arctanh(x) -> y { dx = dy / (1 - x**2) }
rule erf(x) -> y     { dx = 1.1283791670955126 * dy * exp(-x**2) }      # 2 / √π

rule arctan2(x, y) -> z {
    squares = x**2 + y**2
    dx = dz * y / squares
    dy = -dz * x / squares
}
# At (0, 0) the length is taken to be 1 and the derivatives are 0.
rule hypot(x, y) -> z {
    length = z + (z == 0)
    dx = dz * x / length
    dy = dz * y / length
}

# ---------------------------------------------------------------- sign, size, steps

rule abs(x) -> y   { dx = dy * sign(x) }                      # 0 at 0
rule sign(x) -> y  { dx = none }
rule floor(x) -> y { dx = none }
rule ceil(x) -> y  { dx = none }
rule round(x) -> y { dx = none }

# ---------------------------------------------------------------- powers

rule power_const(x, *, p) -> y { dx = p * dy * x**(p - 1) }

# x to the power of a small integer.
# math: {x}^{p}
# source: NumPy: power
# domain: x=nonzero
# hidden: for power
op whole_power(x, *, p) = products(x, p=p)
rule whole_power(x, *, p) -> y { dx = p * dy * x**(p - 1) }

# Where y is 0 the exponent y - 1 would make 0 * inf of x = 0; where x is 0 the logarithm would be infinite.
rule power(x, y) -> z {
    dx = dz * y * x**less_one(y)
    dy = dz * z * log_or_zero(x)
}
rule less_one(x) -> y    { dx = dy }
rule log_or_zero(x) -> y { dx = dy / (x + (x == 0)) }

# ---------------------------------------------------------------- choices

rule maximum(x, y) -> z {
    shared = 0.5 * dz * (x == y)
    dx = dz * (x > y) + shared
    dy = dz * (x < y) + shared
}
rule minimum(x, y) -> z {
    shared = 0.5 * dz * (x == y)
    dx = dz * (x < y) + shared
    dy = dz * (x > y) + shared
}
# Where the bounds contradict each other the upper one wins, as in NumPy.
rule clip(x, lo, hi) -> y {
    dx = dy * (x >= lo) * (x <= hi)
    dlo = dy * (x < lo) * (lo <= hi)
    dhi = dy * (maximum(x, lo) > hi)
}

# x, but at most hi; the derivative is 1 at the bound.
# math: min({x}, {hi})
# source: NumPy: clip
# hidden: for clip
op at_most(x, hi) = minimum(x, hi)
rule at_most(x, hi) -> y { dx = dy * (x <= hi);  dhi = dy * (x > hi) }

# x, but at least lo; the derivative is 1 at the bound.
# math: max({x}, {lo})
# source: NumPy: clip
# hidden: for clip
op at_least(x, lo) = maximum(x, lo)
rule at_least(x, lo) -> y { dx = dy * (x >= lo);  dlo = dy * (x < lo) }

# A product masks the gradient; where an operation of a branch may have an infinite derivative, differentiation chooses
# behind it instead: that of where(x > 0, sqrt(x), 0) is 0 where x is negative.
rule where(c, a, b) -> z    { dc = none;  da = dz * c;  db = dz * logical_not(c) }
rule logical_not(x) -> y    { dx = none }
