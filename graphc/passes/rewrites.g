# Rewrites: where the pattern on the left stands, the expression on the right does. A name in a pattern matches any
# value, a number only that number; sums and products match in both orders. A rewrite is taken only where the new
# value has the type of the old one or broadcasts to it, so none of them needs to speak of shapes, and only where it
# adds no work: what the pattern takes apart is still computed where something else uses it.

# ---- neutral elements
rewrite x + 0 => x
rewrite x - 0 => x
rewrite 0 - x => -x
rewrite x * 1 => x
rewrite x / 1 => x
rewrite x * (y * 1) => x * y
rewrite -(-x) => x

# ---- signs move outwards, and into sums
rewrite x + (-y) => x - y
rewrite x - (-y) => x + y
rewrite -(x - y) => y - x
rewrite (-x) - y => -(x + y)
rewrite (-x) * y => -(x * y)
rewrite (x - y) * (-z) => (y - x) * z
rewrite (-x) / y => -(x / y)
rewrite x / (-y) => -(x / y)
rewrite x * (-1) => -x
rewrite mT(-x) => -mT(x)
rewrite transpose(-x, axes=a) => -transpose(x, axes=a)
rewrite reshape(-x, shape=a) => -reshape(x, shape=a)
rewrite expand_dims(-x, axis=a) => -expand_dims(x, axis=a)
rewrite squeeze(-x, axis=a) => -squeeze(x, axis=a)
rewrite (-x) @ y => -(x @ y)
rewrite x @ (-y) => -(x @ y)
rewrite sum(-x, axis=a, keepdims=k) => -sum(x, axis=a, keepdims=k)
rewrite trace(-x, k=a) => -trace(x, k=a)

# ---- axes of size 1 that a number does not need
rewrite squeeze(expand_dims(x, axis=a) * y, axis=a) => x * y
rewrite sum(expand_dims(x, axis=a), axis=none, keepdims=false) => sum(x, axis=none, keepdims=false)
rewrite sum(squeeze(x, axis=a), axis=none, keepdims=false) => sum(x, axis=none, keepdims=false)
rewrite squeeze(expand_dims(x, axis=a) + y, axis=a) => x + squeeze(y, axis=a)
rewrite squeeze(expand_dims(x, axis=a) - y, axis=a) => x - squeeze(y, axis=a)
rewrite squeeze(y - expand_dims(x, axis=a), axis=a) => squeeze(y, axis=a) - x

# ---- sums of sums
rewrite sum(sum(x, axis=a, keepdims=k), axis=none, keepdims=false) => sum(x, axis=none, keepdims=false)

# ---- what is added to itself, and common factors
rewrite x + x => 2 * x
rewrite (w + x) + x => w + 2 * x
rewrite (w - x) - x => w - 2 * x
rewrite (w - x * y) + x * (-y) => w - 2 * y * x
rewrite x - x * y => x * (1 - y)
rewrite x * z - y * z => (x - y) * z
rewrite x * z + y * z => (x + y) * z
rewrite (w + x * y) + x * z => w + x * (y + z)
rewrite x / z - y / z * w => (x - y * w) / z
rewrite x / z - y / z / v * w => (x - y / v * w) / z
rewrite (-x) * y + x => x * (1 - y)
rewrite x * y - x => x * (y - 1)

# ---- one product for two
rewrite x @ y + x @ z => x @ (y + z)
rewrite y @ x + z @ x => (y + z) @ x
rewrite (w + x @ y) + x @ z => w + x @ (y + z)
rewrite (w + y @ x) + z @ x => w + (y + z) @ x
rewrite x @ y - x @ z => x @ (y - z)
rewrite y @ x - z @ x => (y - z) @ x
rewrite (w - x @ y) + x @ z => w - x @ (y - z)
rewrite (w - y @ x) + z @ x => w - (y - z) @ x
rewrite (w - x @ y) - x @ z => w - x @ (y + z)
rewrite (w - y @ x) - z @ x => w - (y + z) @ x
rewrite (w + x @ y) - x @ z => w + x @ (y - z)
rewrite (w + y @ x) - z @ x => w + (y - z) @ x
rewrite squeeze(x @ y, axis=a) + squeeze(x @ z, axis=a) => squeeze(x @ (y + z), axis=a)
rewrite (w + squeeze(x @ y, axis=a)) + squeeze(x @ z, axis=a) => w + squeeze(x @ (y + z), axis=a)
rewrite squeeze(x @ y, axis=a) - squeeze(x @ z, axis=a) => squeeze(x @ (y - z), axis=a)
rewrite (w - squeeze(x @ y, axis=a)) + squeeze(x @ z, axis=a) => w - squeeze(x @ (y - z), axis=a)
rewrite (w - squeeze(x @ y, axis=a)) - squeeze(x @ z, axis=a) => w - squeeze(x @ (y + z), axis=a)
rewrite (w + squeeze(x @ y, axis=a)) - squeeze(x @ z, axis=a) => w + squeeze(x @ (y - z), axis=a)

# ---- what is 0 or 1 on one side of 0: exp(min(z, 0)) is 1 where z is positive, and exp(z) - 1 is never less than z
rewrite (z > 0) + (z <= 0) * exp(minimum(z, 0)) => exp(minimum(z, 0))
rewrite maximum(z, 0) + expm1(minimum(z, 0)) => maximum(z, expm1(minimum(z, 0)))

# ---- a number stands behind what is compared with it
rewrite 0 < x => x > 0
rewrite 0 > x => x < 0
rewrite 0 == x => x == 0

# ---- the size of a number has no sign: log(sigmoid(x)) and its derivative, sigmoid(-x), share exp(-|x|)
rewrite abs(-x) => abs(x)
rewrite (-x) >= 0 => x <= 0

# ---- what masks itself
rewrite maximum(z, 0) * (maximum(z, 0) > 0) => maximum(z, 0)
rewrite w * maximum(z, 0) * (maximum(z, 0) > 0) => w * maximum(z, 0)

# ---- quotients that cancel: the derivative of a logarithm meets the value that it is taken of. Only in what rules
# made: where a program itself divides by 0, it gets what NumPy gives.
rewrite (x / y) * y => x
rewrite (x * y) / y => x
rewrite x / (c * square(y)) * k * y => k / c * x / y
rewrite x / square(y) * k * y => k * x / y

# ---- an axis turned twice
rewrite flip(flip(x, axis=a), axis=a) => x

# ---- transposes
rewrite mT(mT(x)) => x
rewrite mT(mT(x) @ y) => mT(y) @ x
rewrite mT(x @ mT(y)) => y @ mT(x)
rewrite mT(x) + mT(y) => mT(x + y)
rewrite mT(x) - mT(y) => mT(x - y)

# ---- labels: a gradient at one entry per row meets a whole row (derivations E2),
# the first of them only in what rules made: w / z may be infinite where x / z is not
rewrite x / z * w - one_hot(y, n=k) * x => (w / z - one_hot(y, n=k)) * x
rewrite P - one_hot(y, n=k) => subtract_one_hot(broadcast_to(P, shape=shape(one_hot(y, n=k))), y)
