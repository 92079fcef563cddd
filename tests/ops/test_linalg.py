"""Products of matrices, einsum, functions of matrices: special shapes, the text they become, errors."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from ops.programs import array, body, compiled, error_of, hold

MATMUL: list[tuple[str, dict[str, Any]]] = [
    ("A[n, k], B[k, m]", {"A": (2, 3), "B": (3, 4)}),
    ("A[k], B[k, m]", {"A": (3,), "B": (3, 4)}),
    ("A[n, k], B[k]", {"A": (2, 3), "B": (3,)}),
    ("A[k], B[k]", {"A": (3,), "B": (3,)}),
    ("A[b, n, k], B[k, m]", {"A": (2, 3, 4), "B": (4, 2)}),
    ("A[b, n, k], B[b, k, m]", {"A": (2, 3, 4), "B": (2, 4, 2)}),
    ("A[n, k], B[b, k, m]", {"A": (3, 4), "B": (2, 4, 2)}),
    ("A[k], B[b, k, m]", {"A": (4,), "B": (2, 4, 2)}),
    ("A[b, n, k], B[k]", {"A": (2, 3, 4), "B": (4,)}),
    ("A[b, 1, n, k], B[c, k, m]", {"A": (2, 1, 3, 4), "B": (3, 4, 2)}),
    ("A[1, k], B[k, 1]", {"A": (1, 3), "B": (3, 1)}),
    ("A[n, 1], B[1, m]", {"A": (3, 1), "B": (1, 2)}),
    ("A[n, k], B[k, m]", {"A": (0, 3), "B": (3, 4)}),
]


@pytest.mark.parametrize(("declared", "shapes"), MATMUL)
def test_matmul(declared: str, shapes: dict[str, Any]) -> None:
    arguments = {name: array(*shape, seed=k) for k, (name, shape) in enumerate(shapes.items())}
    hold(f"input {declared}\nY = A @ B", arguments, lambda A, B: A @ B)


def test_vectors_come_out_as_vectors() -> None:
    program = "input x[n], W[n, m]\ny = x @ W"
    assert "y = x @ W" in body(program)
    assert {"dx = dy @ W.T", "dW = np.outer(x, dy)"} <= set(body(program, "backward"))
    program = "input W[m, n], x[n]\ny = W @ x"
    assert "y = W @ x" in body(program)
    assert {"dx = W.T @ dy", "dW = np.outer(dy, x)"} <= set(body(program, "backward"))
    assert "z = x @ y" in body("input x[n], y[n]\nz = dot(x, y)")


def test_a_batch_gives_the_gradient_of_a_matrix_in_one_product() -> None:
    backward = body("input X[B, N, D], W[D, H]\nY = X @ W", "backward")
    assert "dW = X.reshape(B*N, D).T @ dY.reshape(B*N, H)" in backward


def test_the_linear_layer_is_derived_as_in_the_source() -> None:
    program = "input X[N, n], A[m, n], b[m]\nY = linear(X, A, b)"
    assert "Y = X @ A.T + b" in body(program)
    assert {"dX = dY @ A", "dA = dY.T @ X", "db = dY.sum(axis=0)"} <= set(body(program, "backward"))
    assert "y = A @ x + b" in body("input x[n], A[m, n], b[m]\ny = linear(x, A, b)")


def test_quadratic() -> None:
    one = {"x": array(3), "A": array(3, 2), "y": array(2)}
    hold("input x[m], A[m, n], y[n]\nz = quadratic(x, A, y)", one, lambda x, A, y: x @ A @ y)
    hold("z = quadratic(x, A, y)", one, lambda x, A, y: x @ A @ y)
    rows = {"x": array(4, 3), "A": array(3, 2), "y": array(4, 2)}
    hold("input x[N, m], A[m, n], y[N, n]\nz = quadratic(x, A, y)", rows, lambda x, A, y: ((x @ A) * y).sum(1))


def test_bilinear_is_products_on_free_reshapes() -> None:
    rows = {"X": array(5, 3), "Y": array(5, 2), "A": array(4, 3, 2), "b": array(4)}

    def expected(X: Any, Y: Any, A: Any, b: Any) -> Any:
        return np.stack([((X @ slice) * Y).sum(1) for slice in A], axis=1) + b

    program = "input X[N, m], Y[N, n], A[l, m, n], b[l]\nZ = bilinear(X, Y, A, b)"
    hold(program, rows, expected)
    hold("Z = bilinear(X, Y, A, b)", rows, expected)
    text = "\n".join(body(program) + body(program, "backward"))
    assert "einsum" not in text and ".transpose(" not in text
    one = {"x": array(3), "y": array(2), "A": array(4, 3, 2)}
    hold("input x[m], y[n], A[l, m, n]\nz = bilinear(x, y, A)", one, lambda x, y, A: np.einsum("m,lmn,n->l", x, A, y))


EINSUM_TEXT = [
    ("ij,jk->ik", "A @ B"), ("ij,kj->ik", "A @ B.T"), ("ji,jk->ik", "A.T @ B"), ("ij,j->i", "A @ B"),
    ("j,jk->k", "A @ B"), ("i,i->", "A @ B"), ("i,j->ij", "np.outer(A, B)"), ("i,j->ji", "np.outer(B, A)"),
    ("btd,dh->bth", "A @ B"),
    ("btd,hd->bth", "A @ B.T"), ("bij,bjk->bik", "A @ B"), ("bij,bkj->bik", "A @ B.swapaxes(-1, -2)"),
    ("...ij,...jk", "A @ B"), ("ij,ij->j", "(A * B).sum(axis=0)"), ("ij,ij->", "(A * B).sum()"), ("ij->ji", "A.T"),
    ("ij->", "A.sum()"), ("ii", "np.trace(A)"), ("ii->i", "np.diagonal(A)"), ("ij,i->ij", "A * B[:, None]"),
]  # fmt: skip


@pytest.mark.parametrize(("subscripts", "text"), EINSUM_TEXT)
def test_einsum_comes_out_as_one_would_write_it(subscripts: str, text: str) -> None:
    parts = subscripts.replace("...", "b").split("->")[0].split(",")
    declared = ", ".join(f"{name}[{', '.join('n' + c for c in part)}]" for name, part in zip("AB", parts, strict=False))
    program = f'input {declared}\nZ = einsum("{subscripts}", {", ".join("AB"[: len(parts)])})'
    assert f"Z = {text}" in body(program)


def _random_einsum(rng: random.Random) -> tuple[str, str, dict[str, Any]] | None:
    """Subscripts, declarations and arguments; axes of size 1 here and there."""
    size = {label: rng.choice([2, 3, 4]) for label in "abcde"}
    declared, terms, arguments = [], [], {}
    for name in "XYW"[: rng.choice([1, 2, 2, 3])]:
        term = "".join(rng.choice("abcde") for _ in range(rng.randint(0, 4)))
        ones = [term.count(label) == 1 and rng.random() < 0.1 for label in term]
        shape = [1 if one else size[label] for label, one in zip(term, ones, strict=True)]
        dims = ["1" if one else f"n{label}" for label, one in zip(term, ones, strict=True)]
        declared.append(f"{name}[{', '.join(dims)}]")
        terms.append(term)
        arguments[name] = array(*shape, seed=len(terms))
    result = [label for label in sorted(set("".join(terms))) if rng.random() < 0.5]
    rng.shuffle(result)
    subscripts = ",".join(terms) + ("->" + "".join(result) if rng.random() < 0.85 else "")
    return (subscripts, ", ".join(declared), arguments) if any(terms) else None


@pytest.mark.parametrize("seed", range(40))
def test_einsum_is_that_of_numpy(seed: int) -> None:
    made = _random_einsum(random.Random(seed))
    if made is None:
        return
    subscripts, declared, arguments = made
    program = f'input {declared}\nZ = einsum("{subscripts}", {", ".join(arguments)})'
    hold(program, arguments, lambda **xs: np.einsum(subscripts, *xs.values()), levels=(seed % 2,))


@pytest.mark.parametrize("axes", ["2", "1", "0", "([1], [0])", "([0, 2], [2, 1])", "(-1, -2)"])
def test_tensordot(axes: str) -> None:
    arguments = {"A": array(3, 3, 3), "B": array(3, 3, 3, seed=1)}
    program = f"input A[n, n, n], B[n, n, n]\nZ = tensordot(A, B, axes={axes})"
    hold(program, arguments, lambda A, B: np.tensordot(A, B, axes=eval(axes)), levels=(1,))


def test_products_of_higher_rank() -> None:
    arguments = {"A": array(2, 3, 4), "B": array(2, 4, 2)}
    hold("input A[n, m, k], B[p, k, q]\nZ = dot(A, B)", arguments, lambda A, B: np.dot(A, B), levels=(1,))
    arguments = {"A": array(2, 3, 4), "B": array(2, 4)}
    hold("input A[n, m, k], B[p, k]\nZ = inner(A, B)", arguments, lambda A, B: np.inner(A, B), levels=(1,))
    arguments = {"A": array(3), "B": array(2, 2)}
    hold("input A[n], B[p, q]\nZ = kron(A, B)", arguments, lambda A, B: np.kron(A, B), levels=(1,))
    undeclared = {"A": array(2, 3), "B": array(4, 2)}
    hold("Z = kron(A, B)\nL = sum(Z**3)\ng = grad(L, A)\noutput g", undeclared)


def _well(n: int, *batch: int) -> Any:
    return array(*batch, n, n) + 3 * np.eye(n)


def _positive(n: int) -> Any:
    factor = array(n, n)
    return factor @ factor.T + np.eye(n)


@pytest.mark.parametrize(
    ("program", "arguments", "expected"),
    [
        ("input A[n, n]\nZ = inv(A)", {"A": _well(3)}, lambda A: np.linalg.inv(A)),
        ("input A[n, n], B[n, m]\nZ = solve(A, B)", {"A": _well(3), "B": array(3, 2)},
         lambda A, B: np.linalg.solve(A, B)),
        ("input A[n, n], B[n]\nZ = solve(A, B)", {"A": _well(3), "B": array(3)}, lambda A, B: np.linalg.solve(A, B)),
        ("input A[k, n, n], B[n, m]\nZ = solve(A, B)", {"A": _well(3, 2), "B": array(3, 2)},
         lambda A, B: np.stack([np.linalg.solve(a, B) for a in A])),
        ("input A[k, n, n], B[n]\nZ = solve(A, B)", {"A": _well(3, 2), "B": array(3)},
         lambda A, B: np.stack([np.linalg.solve(a, B) for a in A])),
        ("input A[k, n, n]\nz = det(A)", {"A": _well(3, 2)}, lambda A: np.linalg.det(A)),
        ("input A[n, n]\nz = logdet(A)", {"A": _positive(3)}, lambda A: np.log(np.linalg.det(A))),
        ("input A[n, n]\ns, l = slogdet(A)", {"A": -_well(3)}, lambda A: tuple(np.linalg.slogdet(A))),
        ("input A[n, n]\nL = cholesky(A)\noutput L", {"A": _positive(3)}, lambda A: np.linalg.cholesky(A)),
        ("input A[n, m]\nP = pinv(A)", {"A": array(4, 2)}, lambda A: np.linalg.pinv(A)),
        ("input A[n, m]\nP = pinv(A)", {"A": array(2, 4)}, lambda A: np.linalg.pinv(A)),
    ],
)  # fmt: skip
def test_functions_of_matrices(program: str, arguments: dict[str, Any], expected: Any) -> None:
    hold(program, arguments, expected, rtol=1e-6)


def test_the_gradient_of_cholesky_lies_in_the_triangle_that_numpy_reads() -> None:
    hold("input A[n, n]\nS = (A + A.T) / 2\nL = cholesky(S)\noutput L", {"A": _positive(3)}, rtol=1e-6)


def test_one_right_side_stays_a_vector() -> None:
    program = "input A[n, n], b[n]\nx = solve(A, b)"
    assert "x = np.linalg.solve(A, b)" in body(program)
    assert {"db = np.linalg.solve(A.T, dx)", "dA = -np.outer(db, x)"} <= set(body(program, "backward"))


@pytest.mark.parametrize("k", [0, 1, -1, -2])
def test_diagonals(k: int) -> None:
    hold(f"input X[n, m]\nz = diag(X, {k})", {"X": array(3, 4)}, lambda X: np.diag(X, k))
    hold(f"input x[n]\nZ = diag(x, {k})", {"x": array(3)}, lambda x: np.diag(x, k))
    hold(f"input X[n, m]\nz = trace(X, {k})", {"X": array(3, 4)}, lambda X: np.trace(X, k))
    hold(f"input X[b, n, m]\nZ = triu(X, {k}) - 2*tril(X, k={k})", {"X": array(2, 3, 4)},
         lambda X: np.triu(X, k) - 2 * np.tril(X, k))  # fmt: skip


@pytest.mark.parametrize("level", [0, 1, 2])
def test_diagonals_that_are_shorter_than_the_main_one(level: int) -> None:
    """As long as they were made, n - 1, and not `max(n - 1, 0)`."""
    program = """
        param a[n], c[n-1], Q[n-1, n-1]
        L = sum((diag(c, k=1) + diag(a) + diag(c, k=-1))**3) + sum(diag(Q) * c) + einsum("ij,ii->", Q, Q)
    """
    for n in (4, 2, 1):
        a, c, Q = array(n), array(n - 1, seed=1), array(n - 1, n - 1, seed=2)
        L, grads = compiled(program, level).value_and_grad(a, c, Q)
        want = np.sum((np.diag(c, 1) + np.diag(a) + np.diag(c, -1)) ** 3) + np.diag(Q) @ c + Q.sum(axis=1) @ np.diag(Q)
        np.testing.assert_allclose(L, want)
        np.testing.assert_allclose(grads["c"], 6 * c**2 + np.diag(Q))
        np.testing.assert_allclose(grads["Q"], np.diag(c + Q.sum(axis=1)) + np.diag(Q)[:, None])


def test_trace_of_a_stack_is_over_the_first_two_axes() -> None:
    hold("input X[n, m, k]\nz = trace(X)", {"X": array(3, 3, 2)}, lambda X: np.trace(X))


def test_second_order() -> None:
    """What the rules use has rules of its own."""
    programs: list[tuple[str, dict[str, Any]]] = [
        ("input A[n, n]\nq = sum(inv(A)**2)\nG = grad(q, A)\noutput G", {"A": _well(3)}),
        ("input A[n, n]\nq = sum(cholesky(A)**2 * A)\nG = grad(q, A)\noutput G", {"A": _positive(3)}),
        ("input A[n, m]\nq = sum(pinv(A)**2)\nG = grad(q, A)\noutput G", {"A": array(3, 2)}),
        ("input A[n, n]\nq = det(A)\nG = grad(q, A)\noutput G", {"A": _well(3)}),
        ("input A[n, n], b[n]\nq = sum(solve(A, b)**3)\nG = grad(q, A)\noutput G", {"A": _well(3), "b": array(3)}),
        ("input X[N, m], Y[N, n], A[l, m, n]\nq = sum(bilinear(X, Y, A)**2)\nG = grad(q, A)\noutput G",
         {"X": array(5, 3), "Y": array(5, 2), "A": array(4, 3, 2)}),
    ]  # fmt: skip
    for program, arguments in programs:
        hold(program, arguments, levels=(1,), rtol=1e-5, single=False)


ERRORS = [
    ("input X[N, H], W[K, M]\nZ = X @ W", "operands of `@` do not agree", "inner dimensions H and K differ"),
    ("input X[N, H], W[K, H]\nZ = X @ W", "operands of `@` do not agree", "transpose it: `W.T`"),
    ("input X[N, H], w[K]\nZ = X @ w", "operands of `@` do not agree", "declare `input w[H]`"),
    ("input X[N, H], W[K, M]\nZ = (2*X) @ W", "operands of `@` do not agree", "declare `input W[H, M]`"),
    ("input X[B, N, H], W[C, H, K]\nZ = X @ W", "batch dimensions (B,) and (C,) do not broadcast", ""),
    ("input X[N]\nZ = X @ 2", "an operand of `@` is a scalar", "write `*`"),
    ('input A[N, D], B[E, K]\nZ = einsum("ij,jk->ik", A, B)', "index `j` of `einsum` has two sizes", "D in an"),
    ('input A[N, D]\nZ = einsum("ii", A)', "two sizes of one operand", "N and D"),
    ('input A[N, D]\nZ = einsum("ij,jk->ik", A)', "name 2 operands, the call has 1", ""),
    ('input A[N, D]\nZ = einsum("ijk->ik", A)', "the subscripts `ijk` name 3 axes", "shape (N, D)"),
    ('input A[N, D]\nZ = einsum("ij->ik", A)', "index `k` of the result occurs in no operand", ""),
    ('input A[N, D]\nZ = einsum("ij->ii", A)', "index `i` stands twice in the result", ""),
    ('input A[N, D]\nZ = einsum("i1->i", A)', "`1` cannot stand in the subscripts", ""),
    ("input A[N, D], B[E, K]\nZ = tensordot(A, B, 1)", "operands of `tensordot` do not agree", "sizes D and E differ"),
    ("input A[N, D]\nZ = inv(A)", "a square matrix is wanted here, not (N, D)", ""),
    ("input A[N, N], B[M, K]\nZ = solve(A, B)", "operands of `solve` do not agree", "N unknowns"),
    ("input x[N, m], A[m], y[N, 1]\nz = quadratic(x, A, y)", "`A` of `quadratic` is a matrix", "(m,)"),
    ("input X[N, m], Y[N, n], A[l, m, k]\nZ = bilinear(X, Y, A)", "operands of `bilinear` do not", "n should be k"),
]


@pytest.mark.parametrize(("program", "message", "detail"), ERRORS)
def test_errors(program: str, message: str, detail: str) -> None:
    shown = error_of(program)
    assert message in shown and detail in shown


def test_an_undeclared_operand_of_einsum_brings_indices_of_its_own() -> None:
    A, B, c = array(2, 3), array(4), array(5)
    for level in (0, 1, 2):
        net = compiled('y = einsum("ij,k->ijk", A, B)\nz = einsum("i,j,k->kji", B, c, d)', level)
        (y, z), _ = net.forward(A, B, c, c)
        assert np.array_equal(y, np.multiply.outer(A, B))
        np.testing.assert_allclose(z, np.einsum("i,j,k->kji", B, c, c), rtol=1e-14)
