"""A small program for an operation, and what it adds to `forward` and `backward`.

An operation that takes arrays of any shape gets a program made for it; what needs more is listed in `CALLS`. One for
which neither serves goes without.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from graphc.ops.base import REQUIRED, Op

__all__ = ["Example", "example"]

CALLS = {
    "attention": "param Q[N, D], K[M, D], V[M, E]\nY = attention(Q, K, V)",
    "batch_norm": "param x[N, C], gamma[C], beta[C]\nY = batch_norm(x, gamma, beta)",
    "bilinear": "param X[N, D], Y[N, E], A[H, D, E], b[H]\nZ = bilinear(X, Y, A, b)",
    "broadcast_to": "param x[D]\nY = broadcast_to(x, (3, D))",
    "concatenate": "param a[N, D], b[N, E]\nY = concatenate((a, b), axis=1)",
    "conv1d": "param x[N, C, T], w[O, C, 3], b[O]\nY = conv1d(x, w, b)",
    "conv2d": "param x[N, C, H, W], w[O, C, 3, 3], b[O]\nY = conv2d(x, w, b)",
    "conv_transpose1d": "param x[N, C, T], w[C, O, 3], b[O]\nY = conv_transpose1d(x, w, b)",
    "conv_transpose2d": "param x[N, C, H, W], w[C, O, 3, 3], b[O]\nY = conv_transpose2d(x, w, b)",
    "dot": "param a[n], b[n]\ny = dot(a, b)",
    "einsum": 'param A[N, K], B[K, M]\nY = einsum("ik,kj->ij", A, B)',
    "embedding": "input i[N]: int\nparam W[V, D]\nY = embedding(i, W)",
    "full": "input x[N, D]\nY = full((N, D), 2)",
    "full_like": "input x[N, D]\nparam v[]\nY = full_like(x, v)",
    "group_norm": "param x[N, 4, T], gamma[4], beta[4]\nY = group_norm(x, 2, gamma, beta)",
    "inner": "param a[n], b[n]\ny = inner(a, b)",
    "kron": "param A[2, 2], B[n, m]\nY = kron(A, B)",
    "layer_norm": "param x[N, D], gamma[D], beta[D]\nY = layer_norm(x, gamma, beta)",
    "linear": "param X[N, D], A[H, D], b[H]\nY = linear(X, A, b)",
    "nll": "input y[N]: int\nparam logP[N, C]\nL = nll(logP, y)",
    "matmul": "param A[N, K], B[K, M]\nY = A @ B",
    "ones": "input x[N, D]\nY = ones((N, D))",
    "outer": "param x[n], y[m]\nZ = outer(x, y)",
    "pad": "param x[N, D]\nY = pad(x, ((1, 1), (0, 0)))",
    "quadratic": "param x[n], A[n, m], y[m]\nz = quadratic(x, A, y)",
    "rms_norm": "param x[N, D], gamma[D]\nY = rms_norm(x, gamma)",
    "scatter_add": "input i[M]: int\nparam x[N, D], u[M, D]\nY = scatter_add(x, i, u)",
    "slogdet": "param A[n, n]\nsign_, l = slogdet(A)",
    "softmax_ce": "input y[N]: int\nparam S[N, C]\nL = softmax_ce(S, y)",
    "solve": "param A[n, n], B[n, m]\nX = solve(A, B)",
    "split": "param x[2*N, D]\na, b = split(x, 2)",
    "svm_loss": "input y[N]: int\nparam S[N, C]\nL = svm_loss(S, y)",
    "take": "input i[M]: int\nparam x[N, D]\nY = take(x, i)",
    "take_along_axis": "input i[N, K]: int\nparam x[N, D]\nY = take_along_axis(x, i, axis=1)",
    "tensordot": "param a[N, K], b[K, M]\nY = tensordot(a, b, 1)",
    "zeros": "input x[N, D]\nY = zeros((N, D))",
}

VALUES = {
    "axis": "0", "shape": "(D, N)", "n": "10", "repeats": "2", "reps": "(2, 1)", "shift": "1", "width": "1",
    "source": "0", "destination": "1", "axis1": "0", "axis2": "1", "value": "1", "start": "5", "size": "2",
}  # fmt: skip
"""Values of attributes that a call must give."""

SHAPES = ("N, D", "n", "n, n", "N, C, T", "N, C, H, W")


@dataclass(frozen=True)
class Example:
    """A program that calls an operation, the statements it becomes, and the operations that carry it out."""

    program: str
    forward: str
    backward: str
    operations: tuple[str, ...]


def example(op: Op) -> Example | None:
    """The first program for the operation that compiles, one with a gradient if there is one; None if none does."""
    from graphc.language.diagnostics import GraphcError

    if op.hidden:
        return None
    found = None
    attempts = [CALLS[op.name]] if op.name in CALLS else [_program(op, shape) for shape in SHAPES]
    for program in attempts:
        try:
            found = _compiled(program)
        except GraphcError:
            continue
        break
    return found


def _program(op: Op, shape: str) -> str:
    """A program in which all operands have the same shape."""
    names = ["a", "b"] if op.variadic else list(op.operands)
    integers = [f"{name}[{shape}]: int" for name in names if name in op.indices]
    masks = [f"{name}[{shape}]: bool" for name in names if op.domain.get(name) == "boolean"]
    floats = [f"{name}[{shape}]" for name in names if name not in op.indices and op.domain.get(name) != "boolean"]
    declared = f"input {', '.join(integers + masks)}\n" if integers or masks else ""
    declared += f"param {', '.join(floats)}\n" if floats else ""
    attributes = [f"{name}={VALUES.get(name, '1')}" for name, default in op.attributes.items() if default is REQUIRED]
    operands = [f"({', '.join(names)})"] if op.variadic else names
    result = next(name for name in "YZRSVW" if name not in names)
    call = _operator(op.name, names) or f"{op.name}({', '.join([*operands, *attributes])})"
    return f"{declared}{result} = {call}"


def _operator(name: str, operands: list[str]) -> str | None:
    """The expression, for operations that have an operator."""
    from graphc.language.evaluate import OPERATORS

    if name == "negative":
        return f"-{operands[0]}"
    for symbol, operation in OPERATORS.items():
        if operation == name:
            return (f" {symbol} " if symbol != "**" else symbol).join(operands)
    return None


def _compiled(program: str) -> Example:
    """The statements of the program's functions, without what every function begins and ends with."""
    from graphc.explain.report import function_text
    from graphc.language.diagnostics import Diagnostics
    from graphc.language.source import Source
    from graphc.pipeline import Options, compile_graph, joint_graph, lower_source

    diagnostics, options = Diagnostics(), Options(verify=False)
    graph = lower_source(Source(program, "example.g"), diagnostics)
    joint = joint_graph(graph, options, diagnostics)
    module, _ = compile_graph(joint, options)
    flows = joint.gradients and not diagnostics.warnings
    backward = _statements(function_text(module, "backward"), "    grads") if flows else ""
    used = tuple(dict.fromkeys(node.op for node in graph))
    return Example(program, _statements(function_text(module, "forward"), "    return"), backward, used)


def _statements(function: str, end: str) -> str:
    """From the first comment to the line that begins with `end`; where nothing is computed, that line."""
    lines = function.splitlines()
    last = next(k for k, line in enumerate(lines) if line.startswith(end))
    first = next((k for k, line in enumerate(lines) if line.startswith("    #")), None)
    if first is None:  # nothing is computed: the cotangent itself is the gradient
        first, last = last, last + 1
    return textwrap.dedent("\n".join(lines[first:last])).strip("\n")
