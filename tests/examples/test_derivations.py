"""Every program of examples/derivations against the closed form on its page, at every level, and what it reads like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import graphc
from examples.closed_forms import CASES, PARTS, SIZES, Arrays, arguments_of, outputs_of
from modules import execute
from numerical import assert_gradients

FOLDER = Path(__file__).parents[2] / "examples" / "derivations"
LEVELS = (0, 1, 2)
ROWS = (
    [f"A{k}" for k in range(6)] + [f"B{k}" for k in range(1, 13)] + [f"C{k}" for k in range(1, 6)]
    + [f"D{k}" for k in range(1, 9)] + [f"E{k}" for k in range(1, 4)]
)  # fmt: skip
TOLERANCE = {np.float64: 1e-12, np.float32: 2e-5}


def source(program: str) -> str:
    return (FOLDER / f"{program}.g").read_text(encoding="utf-8")


@cache
def text_of(program: str, level: int) -> str:
    return graphc.compile(source(program), level=level, verify=False)


@cache
def module_of(program: str, level: int) -> ModuleType:
    return execute(text_of(program, level), f"{program}_{level}")


def statements(program: str, function: str = "backward", level: int = 1) -> list[str]:
    """The statements of a function, without comments, shapes and what every function begins and ends with."""
    match = re.search(rf"^def {function}\(.*?(?=^def |\Z)", text_of(program, level), re.MULTILINE | re.DOTALL)
    assert match is not None
    lines = [re.sub(r"\s+# .*$", "", line).strip() for line in match.group(0).splitlines()[1:]]
    frame = ('"""', "#", "return", "grads", "new =", "}")
    return [x for x in lines if x and not x.startswith(frame) and "cache" not in x and "cotangent(" not in x]


def run(module: ModuleType, arguments: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
    """Outputs and gradients by name; where there is a loss, only its cotangent goes in."""
    outputs, cache = module.forward(**arguments)
    values = dict(zip(module.OUTPUTS, outputs if isinstance(outputs, tuple) else (outputs,), strict=True))
    scalar = [name for name in module.OUTPUTS if np.shape(values[name]) == ()]
    names = scalar if len(scalar) == 1 else module.OUTPUTS
    return values, module.backward(cache, *(cotangents[name] for name in names))


def error(have: Any, want: Any) -> float:
    """The largest difference, relative to the largest entry where that is above 1."""
    have, want = np.asarray(have, np.float64), np.asarray(want, np.float64)
    assert have.shape == want.shape, f"shape {have.shape}, on the page {want.shape}"
    scale = max(1.0, float(np.max(np.abs(want), initial=0)))
    return float(np.max(np.abs(have - want), initial=0)) / scale


def errors(program: str, level: int, dtype: Any) -> Iterator[tuple[str, float]]:
    """Each value's and gradient's error against the closed form, over all sizes."""
    case, module = CASES[program], module_of(program, level)
    for sizes in SIZES:
        arguments = {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arguments_of(case, sizes).items()}
        cotangents = {name: a.astype(dtype) for name, a in outputs_of(case, sizes).items()}
        values, gradients = run(module, arguments, cotangents)
        exact = {name: a.astype(np.float64) if a.dtype.kind == "f" else a for name, a in arguments.items()}
        seeds = {name: a.astype(np.float64) for name, a in cotangents.items()}
        outputs, wanted = case.closed(SimpleNamespace(**exact), SimpleNamespace(**seeds))
        assert set(values) == set(outputs)
        assert set(gradients) == set(wanted)
        for name, have in {**values, **{f"d{name}": g for name, g in gradients.items()}}.items():
            assert np.asarray(have).dtype == dtype, f"{name} is {np.asarray(have).dtype}"
        for name, want in outputs.items():
            yield name, error(values[name], want)
        for name, want in wanted.items():
            yield f"d{name}", error(gradients[name], want)


# ---------------------------------------------------------------- all of them

def test_every_row_has_a_program_and_every_program_a_closed_form() -> None:
    assert PARTS
    assert {path.stem for path in FOLDER.glob("*.g")} == set(CASES)
    assert {case.row for case in CASES.values()} == set(ROWS)
    for case in CASES.values():
        assert source(case.program).startswith(f"# {case.row}"), f"{case.program} opens with its row"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("program", sorted(CASES))
def test_closed_form(program: str, level: int, dtype: Any) -> None:
    for name, err in errors(program, level, dtype):
        assert err <= TOLERANCE[dtype], f"{name} is off by {err:.1e}"


@pytest.mark.parametrize("sizes", SIZES[:3], ids=["several", "one sample", "single"])
@pytest.mark.parametrize("program", sorted(CASES))
def test_numerical_gradient(program: str, sizes: dict[str, int]) -> None:
    case, module = CASES[program], module_of(program, 1)
    arguments, cotangents = arguments_of(case, sizes, seed=3), outputs_of(case, sizes, seed=4)
    values, gradients = run(module, arguments, cotangents)
    scalar = [name for name in values if np.shape(values[name]) == ()]
    names = scalar if len(scalar) == 1 else list(values)

    def value(**moved: Any) -> float:
        outputs, _ = module.forward(**moved)
        found = dict(zip(module.OUTPUTS, outputs if isinstance(outputs, tuple) else (outputs,), strict=True))
        return float(sum(np.vdot(cotangents[name], found[name]) for name in names))

    assert_gradients(value, arguments, gradients)


@pytest.mark.parametrize("program", sorted(CASES))
def test_the_compiler_verifies_it_without_a_warning(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    from graphc.cli import main

    assert not main(["compile", str(FOLDER / f"{program}.g"), "-o", "-"])
    said = capsys.readouterr().err
    assert "warning" not in said
    assert "verified along" in said


# ---------------------------------------------------------------- rows with numbers

def ones(*shape: int) -> Any:
    return np.ones(shape)


@pytest.mark.parametrize("level", LEVELS)
def test_d1_numbers(level: int) -> None:
    module = module_of("d1_worked_example", level)
    (y1, o), grads = module.value_and_grad(ones(3, 2), 0.5 * ones(2, 2), 0.25 * ones(3, 2))
    assert np.array_equal(y1, np.full((3, 2), 1.25))
    assert o == 7.5
    assert np.array_equal(grads["z"], ones(3, 2))
    assert np.array_equal(grads["x"], ones(3, 2))
    assert np.array_equal(grads["y"], 3 * ones(2, 2))
    named = execute(graphc.compile(source("d1_worked_example"), wrt=["y1"], level=level), "d1_y1")
    _, grads = named.value_and_grad(ones(3, 2), 0.5 * ones(2, 2), 0.25 * ones(3, 2))
    assert np.array_equal(grads["y1"], ones(3, 2))


@pytest.mark.parametrize("level", LEVELS)
def test_d2_is_the_identity_tensor(level: int) -> None:
    (_, J), _ = module_of("d2_jacobian", level).forward(ones(3, 2), 0.5 * ones(2, 2), 0.25 * ones(3, 2))
    assert J.shape == (3, 2, 3, 2)
    assert np.array_equal(J.reshape(6, 6), np.eye(6))


@pytest.mark.parametrize("level", LEVELS)
def test_d3_numbers(level: int) -> None:
    M = np.array([[1, 0], [2, 1], [0, 1]])
    arguments = (ones(3, 2), 0.5 * ones(2, 2), 0.25 * ones(3, 2))
    o, grads = module_of("d3_fan_out", level).value_and_grad(*arguments)
    assert o == (1.25 * M + 0.25).sum()
    assert np.array_equal(grads["z"], M + ones(3, 2))


# ---------------------------------------------------------------- two ways

def agree(first: str, second: str, arguments: Arrays, cotangent: Any) -> None:
    for level in LEVELS:
        results = []
        for program in (first, second):
            module = module_of(program, level)
            value, cache = module.forward(**arguments)
            results.append({"": value, **module.backward(cache, cotangent)})
        assert set(results[0]) == set(results[1])
        for name in results[0]:
            assert error(results[0][name], results[1][name]) <= 1e-13, f"{first} and {second} differ in {name}"


def test_b11_three_programs_agree() -> None:
    rng = np.random.default_rng(0)
    shapes = {"X": (5, 4), "A": (3, 5, 2), "Y": (2, 4)}
    arguments = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    dZ = rng.standard_normal((3, 4))
    for other in ("b11_by_samples", "b11_contraction", "b10_stack_and_many_pairs"):
        agree("b11_by_slices", other, arguments, dZ)


@pytest.mark.parametrize("pair", ["d7_nested d7_collapsed", "d7_nested_rows d7_collapsed_rows"])
def test_d7_collapsed_layers_agree(pair: str) -> None:
    first, second = pair.split()
    case = CASES[first]
    agree(first, second, arguments_of(case, SIZES[0]), outputs_of(case, SIZES[0])["y"])


def test_e2_routes_agree_and_end_in_the_same_statements() -> None:
    case = CASES["e2_softmax_ce"]
    for other in ("e2_softmax_then_log", "e2_softmax_then_log_one_hot"):
        agree("e2_softmax_ce", other, arguments_of(case, SIZES[0]), np.array(0.7))
        through = [re.sub(r"\bZ\b", "P", line) for line in statements(other)]
        assert through == statements("e2_softmax_ce")
    assert statements("e2_softmax_ce")[-3:] == ["dS = P.copy()", "dS[np.arange(N), y] -= 1", "dS *= dL"]


# ---------------------------------------------------------------- training steps

@pytest.mark.parametrize("level", LEVELS)
def test_d6_step_descends_and_uses_the_values_from_before_it(level: int) -> None:
    module, case = module_of("d6_training_step", level), CASES["d6_training_step"]
    arguments = arguments_of(case, SIZES[0])
    new = module.step(**arguments)
    L, grads = module.value_and_grad(**arguments)
    assert set(new) == {"W", "b"}
    for name in new:
        assert error(new[name], arguments[name] - 0.1 * grads[name]) <= 1e-14
    later, _ = module.forward(**{**arguments, **new})
    assert later < L


@pytest.mark.parametrize("level", LEVELS)
def test_d8_absent_weights_stay_absent(level: int) -> None:
    rng = np.random.default_rng(5)
    X, T = rng.standard_normal((20, 3)), rng.standard_normal((20, 3))
    mask = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 1]])
    W = rng.standard_normal((3, 3)) * mask
    w = W[mask == 1]
    masked, sparse = module_of("d8_masked_weights", level), module_of("d8_six_weights", level)
    before, _ = masked.forward(X, T, W)
    for _ in range(5):
        assert np.array_equal(masked.value_and_grad(X, T, W)[1]["W"] == 0, mask == 0)
        W, w = 0.1 * masked.step(X, T, W)["W"] + 0.9 * W, 0.1 * sparse.step(X, T, w)["w"] + 0.9 * w
        assert np.array_equal(W == 0, mask == 0)
        assert error(W[mask == 1], w) <= 1e-13
    assert masked.forward(X, T, W)[0] < before


# ---------------------------------------------------------------- any depth

def deep(k: int) -> str:
    return source("d4_deep_by_loop").replace("const k = 3", f"const k = {k}")


@pytest.mark.parametrize("k", [1, 2, 7, 50])
def test_d4_any_depth(k: int) -> None:
    rng = np.random.default_rng(k)
    weights = {f"W_{j}": 0.7 * rng.standard_normal((3, 3)) for j in range(k + 1)}
    biases = {f"b_{j}": rng.standard_normal(3) for j in range(k + 1)}
    x, dy = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    text = graphc.compile(deep(k), verify=k < 10)
    module = execute(text, f"deep_{k}")
    y, cache = module.forward(x=x, **weights, **biases)
    grads = module.backward(cache, dy)

    zs = [x]
    for j in range(k + 1):
        zs.append(np.tanh(zs[-1] @ weights[f"W_{j}"] + biases[f"b_{j}"]))
    assert error(y, zs[-1]) <= 1e-13
    dz = dy
    for j in reversed(range(k + 1)):
        da = dz * (1 - zs[j + 1] ** 2)
        assert error(grads[f"W_{j}"], zs[j].T @ da) <= 1e-12
        assert error(grads[f"b_{j}"], da.sum(axis=0)) <= 1e-12
        dz = da @ weights[f"W_{j}"].T
    for j in range(1, k + 1):
        assert re.search(rf"^    z_{j} = ", text, re.MULTILINE)
        assert re.search(rf"^    dz_{j} = ", text, re.MULTILINE)


def test_d4_grows_linearly_with_the_depth() -> None:
    from graphc.pipeline import show

    for stage in ("graph", "backward", "optimized"):
        lines = [len(show(deep(k), stage).splitlines()) for k in (10, 20, 30)]
        assert lines[2] - lines[1] == lines[1] - lines[0]
    modules = [len(graphc.compile(deep(k), verify=False).splitlines()) for k in (20, 60, 100)]
    assert modules[2] - modules[1] <= 1.05 * (modules[1] - modules[0])  # longer names, in wrapped lists


# ---------------------------------------------------------------- reads like the page

PAGE = {
    "a0_affine": ["dX = dY @ W.T", "dW = X.T @ dY"],
    "a1_softmax_ce": ["dS = P.copy()", "dS[np.arange(N), y] -= 1", "dS *= dL"],
    "a1_one_sample": ["ds = P.copy()", "ds[y] -= 1", "ds *= dL"],
    "a2_output_layer": ["db2 = dS.sum(axis=0, keepdims=True)", "dH = dS @ W2.T", "dW2 = H.T @ dS"],
    "a4_two_layer_flat_bias": [
        "dS = P.copy()", "dS[np.arange(N), y] -= 1", "dS *= dL",
        "db2 = dS.sum(axis=0)", "dH = dS @ W2.T", "dW2 = H.T @ dS",
        "dZ = np.multiply(dH, H > 0, out=dH)",
        "db1 = dZ.sum(axis=0)", "dX = dZ @ W1.T", "dW1 = X.T @ dZ",
    ],
    "b1_reshape": ["dX = dY.reshape(N, 2*K)"],
    "b2_column_layout": ["db = dZ.sum(axis=1)", "dW = dZ @ X.T", "dX = W.T @ dZ"],
    "b3_linear_layer": ["db = dY.sum(axis=0)", "dX = dY @ A", "dA = dY.T @ X"],
    "b3_linear_layer_written_out": ["db = dY.sum(axis=0)", "dX = dY @ A", "dA = dY.T @ X"],
    "b3_one_sample": ["dA = np.outer(dy, x)", "dx = A.T @ dy"],
    "b4_matrix_vector": ["dy = dz * (1 - z * z)", "dA = np.outer(dy, x)", "dx = A.T @ dy"],
    "b6_elementwise_product": ["dx = dz * y", "dy = dz * x"],
    "b7_column_dot": ["dX = dz * Y", "dY = dz * X"],
    "b8_many_pairs": ["dX = dZ * AY", "dAY = dZ * X", "dA = dAY @ Y.T", "dY = A.T @ dAY"],
    "b12_bilinear": [
        "db = dZ.sum(axis=0)", "dX = (dZ[:, None] @ AY).squeeze(axis=1)",
        "flat_dAY = (dZ[..., None] * X[:, None]).reshape(N, l*m)",
        "dY = flat_dAY @ A.reshape(l*m, n)", "dA = (flat_dAY.T @ Y).reshape(l, m, n)",
    ],
    "c1_denominator_layout": ["dy = c * dz", "dx = M.T @ dy"],
    "c2_numerator_layout": ["dy = dz * c", "dx = dy @ M"],
    "c3_rows_of_dW": ["dW = np.outer(dz, x)", "dx = W.T @ dz"],
    "c4_sigmoid": ["dz = dy * y * (1 - y)"],
    "d7_collapsed_rows": [
        "db = dy.sum(axis=0)", "dx = dy @ W.T", "dW = x.T @ dy", "dW_1 = np.outer(b_0, db)", "db_0 = db @ W_1.T",
        "dW_0 = dW @ W_1.T", "dW_1 += W_0.T @ dW",
    ],
    "e1_matrix_product": ["dX = dY @ W.T", "dW = X.T @ dY"],
}  # fmt: skip


@pytest.mark.parametrize("program", sorted(PAGE))
def test_the_backward_reads_like_the_page(program: str) -> None:
    sizes = re.compile(r"^[\w, ()]+ = \w+\.shape(\[\d\])?$")
    assert [line for line in statements(program) if not sizes.match(line)] == PAGE[program]


@pytest.mark.parametrize("program", sorted(CASES))
def test_no_code_that_an_expert_would_not_write(program: str) -> None:
    for line in [*statements(program, "forward"), *statements(program, "backward")]:
        for unwanted in ("einsum", "tensordot", "sum_to(", "np.ones(", ".T.T", "swapaxes", "broadcast_to", "--"):
            assert unwanted not in line
        assert not re.match(r"(t|tmp|temp|value|primals?|arg)_?\d+ =", line)


def test_the_table_in_the_readme_is_fresh() -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("derivations_table", FOLDER / "table.py")
    assert spec is not None and spec.loader is not None
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    listed, made = (table.cells(text) for text in ((FOLDER / "README.md").read_text("utf-8"), table.table()))
    assert [row[:3] for row in listed] == [row[:3] for row in made]
    for have, want in zip(listed, made, strict=True):
        for k, floor in ((3, 1e-14), (4, 1e-6)):  # the last digits are the machine's
            a, b = float(have[k]), float(want[k])
            assert a <= max(10 * b, floor)
            assert b <= max(10 * a, floor)
