op kinked(x) = where(x > 50, 3*x, x)
rule kinked(x) -> y { dx = dy }
L = sum(kinked(x + 100))