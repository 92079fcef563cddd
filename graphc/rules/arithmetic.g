# The rules of the operators. No rule speaks of broadcasting: a contribution that is wider than its operand is
# summed to it, once and for all, in graphc/passes/differentiate.py.

# derivations B6, D3
rule add(x, y) -> z          { dx = dz;       dy = dz }
rule subtract(x, y) -> z     { dx = dz;       dy = -dz }
rule multiply(x, y) -> z     { dx = dz * y;   dy = dz * x }
rule divide(x, y) -> z       { dx = dz / y;   dy = -dz * z / y }
rule floor_divide(x, y) -> z { dx = none;     dy = none }
rule remainder(x, y) -> z    { dx = dz;       dy = -dz * (x // y) }
rule negative(x) -> y        { dx = -dy }

rule less(x, y) -> z          { dx = none;  dy = none }
rule less_equal(x, y) -> z    { dx = none;  dy = none }
rule greater(x, y) -> z       { dx = none;  dy = none }
rule greater_equal(x, y) -> z { dx = none;  dy = none }
rule equal(x, y) -> z         { dx = none;  dy = none }
rule not_equal(x, y) -> z     { dx = none;  dy = none }
