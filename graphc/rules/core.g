# Leaves and sizes. Broadcasting itself is in python.py: its target may be known at run time only.

rule stop_gradient(x) -> y      { dx = none }
rule shape_of(x) -> y           { dx = none }
rule size_of(x, *, axis) -> y   { dx = none }
rule as_float(x) -> y           { dx = none }
rule as_int(x) -> y             { dx = none }
rule number(x) -> y             { dx = dy }
rule in_range(x, size, *, kind, what) -> y { dx = none; dsize = none }
