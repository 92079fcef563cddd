# The rules of operations that move entries about. Each is undone by another of the same family; the others are in
# python.py.

# derivations B1
rule reshape(x, *, shape) -> y               { dx = reshape(dy, shape=shape(x)) }
rule reshape_like(x, target, *, like) -> y   { dx = reshape(dy, shape=shape(x));  dtarget = none }

rule flip(x, *, axis) -> y            { dx = flip(dy, axis=axis) }
rule zeros_like(x) -> y               { dx = none }
rule ones_like(x) -> y                { dx = none }
rule full_like(x, v) -> y             { dx = none;  dv = dy }
