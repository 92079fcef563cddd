# The rules of indexing. Picking entries and adding them at their places are each other's transposes; those whose
# number of operands or target shape varies are in python.py.

# derivations A1: one entry per row
rule pick(S, y) -> z             { dS = unpick(dz, y, n=shape(S)[-1]);  dy = none }
rule subtract_one_hot(P, y) -> z { dP = dz;  dy = none }
rule one_hot(i, *, n) -> y       { di = none }

rule scatter_add(x, i, u) -> y        { dx = dy;  di = none;  du = dy[i] }
rule take_along_axis(x, i, *, axis) -> y {
    dx = scatter_along_axis(dy, i, axis=axis, shape=shape(x))
    di = none
}
