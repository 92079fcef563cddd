L = sum(x ** (0 < x) * (x < 1))
