"""Names for values from what they are computed of.

A[:, None]              column_A
x @ A @ y               xA
X[:, 0] @ A, X @ A[0]   XA
Ahat @ H @ W            Ahat_H
Q @ K.T                 QKT
1 + e                   total_e
1 - p                   one_minus_p
0.5 * dL, 0.1 * dW      half_dL, scaled_dW
exp(0.5 * logvar)       exp_half_logvar
r > 0, r >= 0           mask_r, nonnegative_r
sum(e) / N              mean_e                  of a size N
exp(-d).sum(axis=1)     sum_exp
solve(S, d.T).T         solve_S_T
sqrt(d)                 root_d                  of a size d
x / rms                 x_over_rms
-(dL / N)               minus_dL_over_N
X @ W + b               affine_W
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.graph import Node, title

__all__ = ["VIEWS", "WORDS", "by_operands", "of_multiple", "product_of"]

VIEWS = {"expand_dims", "squeeze", "reshape", "broadcast_to", "transpose", "mT", "stop_gradient"}

TURNED = {"transpose", "mT"}
WORDS = {
    "sqrt": "root", "as_float": "float", "matmul": "product", "multiply": "product",
    "subtract": "difference", "add": "total", "divide": "ratio", "greater": "mask", "less": "mask", "equal": "mask",
    "greater_equal": "mask", "less_equal": "mask", "not_equal": "mask", "broadcast_to": "spread", "sum_to": "sum",
    "negative": "minus", "largest": "max", "expand_dims": "column", "reshape": "flat", "const": "constant",
    "slice": "part", "gather": "picked", "gather_entry": "picked", "scatter": "scattered", "from_diagonal": "diagonal",
    "subtract_one_hot": "difference", "max_windows": "pooled", "max_unpool": "unpooled",
    "in_range": "index", "product_as": "product", "take_along_axis": "picked",
}  # fmt: skip

LONGEST_PRODUCT = 12
LONGEST_QUOTIENT = 12
"""Names that are longer than this together make no name of a product, or of a quotient."""

BY_SIGN = {"greater_equal": "nonnegative", "less_equal": "nonpositive"}
"""Masks of what is compared with 0 that are not those of a relu, `x > 0`."""

MULTIPLES = {0.5: "half", 2: "twice"}
"""How often a value is taken, in a word."""

SUMMARIES = {"sum", "mean", "max", "min", "prod"}


def by_operands(nodes: Mapping[int, Node], node: Node) -> str:
    """The word for an operation, and the first name among its operands; a product of short names is both of them."""
    if node.op == "matmul" and (factors := product_of(nodes, node)):
        return factors
    affine = _affine(nodes, node) if node.op == "add" else None
    if affine is not None:
        return affine
    if node.op in TURNED:
        turned = nodes[node.operands[0]]
        return f"{turned.name or turned.hint or by_operands(nodes, turned)}_T"
    if node.op == "squeeze" and nodes[node.operands[0]].op == "matmul":
        return by_operands(nodes, nodes[node.operands[0]])
    if node.op == "number":
        return _number(nodes, node)
    if node.op == "divide" and (quotient := _mean(nodes, node) or _quotient(nodes, node)):
        return quotient
    if node.op == "multiply" and (multiple := _multiple(nodes, node)):
        return multiple
    inner = nodes[node.operands[0]] if node.op == "negative" and not node.type.rank else node
    if inner is not node and inner.op in ("multiply", "divide") and not (inner.name or inner.hint):
        return f"minus_{by_operands(nodes, inner)}"
    word = "row" if _is_row(node) else WORDS.get(node.op, title(node.op))
    if node.op == "as_float" and nodes[node.operands[0]].type.dtype == "bool":
        word = "indicator"
    if node.op == "subtract" and nodes[node.operands[0]].attr("value") == 1:
        other = nodes[node.operands[1]]
        word = "one_minus" if other.name or other.hint else word
    if node.op in BY_SIGN and nodes[node.operands[1]].attr("value") == 0:
        word = BY_SIGN[node.op]
    if node.op == "equal" and node.of_rule:
        word = "ties"
    for u in node.operands:
        source = _source(nodes, u)
        called = source.name or source.hint
        if called:
            return called if called.startswith(word) and not source.name else f"{word}_{called}"
        if len(node.operands) == 1 and node.op not in SUMMARIES and (multiple := of_multiple(nodes, source)):
            return f"{word}_{multiple}"
    if node.op == "as_float" and source.type.dtype == "bool":
        compared = by_operands(nodes, source).partition("_")[2]
        return f"{word}_{compared}" if compared else word
    if node.op in SUMMARIES and source.op not in SUMMARIES:
        of = nodes[source.operands[0]] if source.op == "as_float" else source
        return f"{word}_{WORDS.get(of.op, title(of.op))}"
    return word


def of_multiple(nodes: Mapping[int, Node], node: Node) -> str | None:
    """What a value is called that is a multiple of one with a name, or its negative."""
    if node.op == "negative":
        of = _source(nodes, node.operands[0])
        return f"minus_{of.name or of.hint}" if of.name or of.hint else None
    return _multiple(nodes, node)


def _number(nodes: Mapping[int, Node], node: Node) -> str:
    """A function of a size: `root_dk` is dk**0.5."""
    function = nodes[node.operands[0]]
    sizes = [nodes[u].attr("dim").symbol for u in function.operands if nodes[u].op == "size"]
    word = WORDS.get(function.op, "factor" if function.op in ("const", "size") else title(function.op))
    return f"{word}_{sizes[0]}" if sizes and sizes[0] and sizes[0].isidentifier() else word


def _mean(nodes: Mapping[int, Node], node: Node) -> str | None:
    """A sum over a size."""
    total, size = (nodes[u] for u in node.operands)
    if total.op != "sum" or total.name or total.hint or size.op != "size":
        return None
    of = _source(nodes, total.operands[0])
    called = of.name or of.hint
    return f"mean_{called}" if called else f"mean_{WORDS.get(of.op, title(of.op))}"


def _multiple(nodes: Mapping[int, Node], node: Node) -> str | None:
    """A number times what has a name: one that is written out, or any number times an array."""
    for number, other in (node.operands, node.operands[::-1]) if node.op == "multiply" else ():
        value, of = nodes[number].attr("value"), _source(nodes, other)
        is_number = nodes[number].type.shape == () and (nodes[number].op == "const" or bool(of.type.rank))
        called = of.name or of.hint
        if is_number and called:
            return f"{MULTIPLES.get(value, 'scaled') if isinstance(value, (int, float)) else 'scaled'}_{called}"
    return None


def _quotient(nodes: Mapping[int, Node], node: Node) -> str | None:
    """One name over another one, or over that of a size, if they are short."""
    above, below = (_source(nodes, u) for u in node.operands)
    size = below.attr("dim").symbol if below.op == "size" else None
    parts = above.name or above.hint or of_multiple(nodes, above) or "", size or below.name or below.hint or ""
    fit = all(part.isidentifier() for part in parts) and sum(map(len, parts)) <= LONGEST_QUOTIENT
    return "_over_".join(parts) if fit else None


def _affine(nodes: Mapping[int, Node], node: Node) -> str | None:
    """A product with weights, plus a bias."""
    product, bias = (nodes[u] for u in node.operands)
    if product.op == "matmul" and bias.type.rank == 1:
        word = "affine"
    elif product.op.startswith("convolve") and _source(nodes, bias.id).type.rank == 1:
        word = "conv"
    else:
        return None
    weights = nodes[product.operands[1]].name
    return f"{word}_{weights}" if weights else word


def _is_row(node: Node) -> bool:
    axes = node.attr("axis")
    return node.op == "expand_dims" and node.type.rank == 2 and axes == (0,)


def product_of(nodes: Mapping[int, Node], node: Node) -> str | None:
    """The names of a product's factors, if they are short: `XW`, `AP_2`, `Ahat_H`; `QKT` where one is transposed."""
    factors = [_factor(nodes, nodes[u]) for u in node.operands]
    last, _, step = factors[-1].partition("_")
    if not all(name.isalnum() for name in (*factors[:-1], last)) or not (step.isdigit() or factors[-1] == last):
        return None
    short = all(len(name.removesuffix("T") or name) <= 2 for name in (*factors[:-1], last))
    return ("" if short else "_").join(factors) if short or sum(map(len, factors)) <= LONGEST_PRODUCT else None


def _factor(nodes: Mapping[int, Node], node: Node) -> str:
    """The name of a factor; of a transpose that of what it shows, with a T, of a part of an array that of the whole, of
    a row or a column that of its vector."""
    if node.op in ("slice", "expand_dims") and not node.name:
        return nodes[node.operands[0]].name or ""
    if node.op == "mT" and not node.name:
        name = nodes[node.operands[0]].name
        return f"{name}T" if name else ""
    return node.name or ""


def _source(nodes: Mapping[int, Node], id: int) -> Node:
    """The value that views show, or copies of them."""
    node = nodes[id]
    while (node.op in VIEWS or node.op == "in_order") and not node.name and not node.hint:
        node = nodes[node.operands[0]]
    return node
