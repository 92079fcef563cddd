"""Workspaces of -O2 modules: memory is allocated once, belongs to one set of shapes, and keeps no values."""

from __future__ import annotations

import threading
import tracemalloc
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from allocating import allocated
from graphc import pipeline
from graphc.language.source import Source
from graphc.pipeline import Options, compile_source

NET = """
input X[N, D], y[N]: int
param W1[D, H], b1[H], W2[H, C], b2[C]
Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = softmax_ce(S, y, reduction="mean")
"""


@pytest.fixture(scope="module", params=[pipeline.LARGEST_FUSED, 0], ids=["in one function", "one after the other"])
def net(request: pytest.FixtureRequest) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "LARGEST_FUSED", request.param)
        return graphc.load(NET, level=2)


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    return graphc.load(NET, level=1)


def arguments(n: int = 300, dtype: Any = np.float64, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    made = {"X": (n, 200), "W1": (200, 150), "b1": (150,), "W2": (150, 10), "b2": (10,)}
    found = {name: rng.standard_normal(shape).astype(dtype) for name, shape in made.items()}
    return {"X": found.pop("X"), "y": rng.integers(0, 10, n), **found}


def agree(have: tuple[Any, Any], want: tuple[Any, Any], tolerance: float = 1e-11) -> None:
    assert abs(have[0] - want[0]) <= tolerance * abs(want[0])
    for name, gradient in want[1].items():
        err = np.abs(have[1][name] - gradient).max()
        assert err <= tolerance * np.abs(gradient).max(), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_values_in_the_same_memory(net: ModuleType, plain: ModuleType, dtype: Any) -> None:
    workspace = net.Workspace(**arguments(dtype=dtype))
    for seed in range(3):
        given = arguments(dtype=dtype, seed=seed)
        have = net.value_and_grad(**given, workspace=workspace)
        agree(have, plain.value_and_grad(**given), 1e-11 if dtype == np.float64 else 2e-5)
        assert all(g.dtype == dtype for g in have[1].values())


def test_no_array_is_allocated_after_the_first_call(net: ModuleType) -> None:
    given = arguments(3000)
    workspace = net.Workspace(**given)

    def run() -> None:
        net.value_and_grad(**given, workspace=workspace)
        _, cache = net.forward(**given, workspace=workspace)
        net.backward(cache, workspace=workspace)

    run()
    run()
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # What is left: views, numbers, and the 64 KiB that NumPy itself takes while it multiplies by booleans. The array of
    # one layer has 3.6 MB.
    assert peak < 100_000, f"{peak} bytes"


# What NumPy has no form for that writes into an array, or copies without a word: each is written in another way.
ALLOCATING = {
    "causal attention with heads": """
input X[B, T, 64]
param W[64, 64], V[64, 64]
Q = transpose(reshape(X@W, (B, T, 4, 16)), axes=(0, 2, 1, 3))
A = attention(Q, Q, Q, causal=true)
L = sum(reshape(transpose(A, axes=(0, 2, 1, 3)), (B, T, 64)) @ V)
""",
    "parts of rows": """
input M[B, 256]
param W[64, 64], V[64, 64]
left = M[:, :64]
L = sum(sin(left@W)) + sum(sin(M[::2, 64:128]@V)) + sum(sum(left, axis=0) @ V) + sum(sin(V @ sum(M[:64, 64:], axis=1)))
""",
    "where": "input M[B, T]\nparam W[B, T]\nL = sum(where(M > 0, sin(W), M) * W)",
    "a mask of scores": "input M[T, T], X[B, T, 64]\nparam W[64, 64]\nL = sum(attention(X@W, X@W, X@W, mask=M > 0))",
}


@pytest.mark.parametrize("name", ALLOCATING)
def test_nothing_is_allocated_where_numpy_would(name: str) -> None:
    net = graphc.load(ALLOCATING[name], level=2, verify=False)
    rng = np.random.default_rng(0)
    shapes = {"X": (4, 256, 64), "W": (64, 64), "V": (64, 64), "M": (256, 256)}
    if name == "where":
        shapes["M"] = shapes["W"] = (1024, 256)
    given = {key: rng.standard_normal(shapes[key]) for key in (*net.INPUTS, *net.PARAMETERS)}
    peaks = allocated(net, given)
    assert max(peaks.values()) < 100_000, f"{peaks} bytes; a matrix of scores has 524 KB, the smallest array 512 KB"


def test_results_live_in_the_workspace(net: ModuleType) -> None:
    given = arguments()
    workspace = net.Workspace(**given)
    first = net.value_and_grad(**given, workspace=workspace)[1]
    second = net.value_and_grad(**given, workspace=workspace)[1]
    assert all(np.shares_memory(first[name], second[name]) for name in first)


def test_without_a_workspace_results_are_fresh(net: ModuleType) -> None:
    given = arguments()
    first = net.value_and_grad(**given)[1]
    second = net.value_and_grad(**given)[1]
    arrays = [*first.values(), *second.values(), *given.values()]
    for k, a in enumerate(arrays):
        for b in arrays[k + 1 :]:
            assert not np.shares_memory(a, b)


def test_two_results_share_no_memory(net: ModuleType) -> None:
    given = arguments()
    results = list(net.value_and_grad(**given, workspace=net.Workspace(**given))[1].values())
    for k, a in enumerate(results):
        assert a.flags.writeable
        for b in results[k + 1 :]:
            assert not np.shares_memory(a, b)


def test_a_workspace_for_other_shapes_is_refused(net: ModuleType) -> None:
    workspace = net.Workspace(**arguments(300))
    with pytest.raises(ValueError, match=r"argument X .*300"):
        net.value_and_grad(**arguments(200), workspace=workspace)
    with pytest.raises(ValueError, match=r"argument X .*float32.*float64"):
        net.forward(**arguments(300, np.float32), workspace=workspace)
    _, cache = net.forward(**arguments(200))
    net.backward(net.forward(**arguments(300), workspace=workspace)[1], workspace=workspace)
    with pytest.raises(ValueError, match="other shapes"):
        net.backward(cache, workspace=workspace)
    for dtype, other in ((np.float32, np.float64), (np.float64, np.float32)):
        _, cache = net.forward(**arguments(300, dtype))
        with pytest.raises(ValueError, match="other shapes or types"):
            net.backward(cache, workspace=net.Workspace(**arguments(300, other)))


def test_what_is_no_workspace_of_the_module_is_refused(net: ModuleType) -> None:
    given = arguments()
    others = graphc.load(NET, level=2, verify=False)
    _, cache = net.forward(**given)
    for wrong in (others.Workspace(**given), net.Workspace, {}, True):
        for call in (net.value_and_grad, net.forward):
            with pytest.raises(TypeError, match="must be a Workspace of this module"):
                call(**given, workspace=wrong)
        with pytest.raises(TypeError, match="must be a Workspace of this module"):
            net.backward(cache, workspace=wrong)


def refused(call: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"argument {name} is a result that lives in the workspace"):
        call()


def test_a_result_that_lives_in_the_workspace_is_no_argument(net: ModuleType, plain: ModuleType) -> None:
    """It would be written over while it is read."""
    given = arguments()
    workspace = net.Workspace(**given)
    _, grads = net.value_and_grad(**given, workspace=workspace)
    _, cache = net.forward(**given, workspace=workspace)
    backward = net.backward(cache, workspace=workspace)
    for W1 in (grads["W1"], grads["W1"].T.T, grads["W1"][:], backward["W1"]):
        for call in (net.value_and_grad, net.forward):
            refused(lambda call=call, W1=W1: call(**{**given, "W1": W1}, workspace=workspace), "W1")
    other = {**given, "W1": grads["W1"].copy(), "b1": grads["b1"].copy()}
    agree(net.value_and_grad(**other, workspace=workspace), plain.value_and_grad(**other))
    another = net.Workspace(**given)
    agree(net.value_and_grad(**{**given, "W1": grads["W1"]}, workspace=another), plain.value_and_grad(
        **{**given, "W1": grads["W1"].copy()}
    ))  # fmt: skip


def test_views_of_what_lives_elsewhere_are_arguments(net: ModuleType, plain: ModuleType) -> None:
    given = arguments()
    workspace = net.Workspace(**given)
    many = np.concatenate([given["X"]] * 2)
    for X in (many[::2], many[:300], np.asfortranarray(many)[:300], many.T[:, 300:].T):
        have = net.value_and_grad(**{**given, "X": X}, workspace=workspace)
        agree(have, plain.value_and_grad(**{**given, "X": X}))


@pytest.mark.parametrize("together", [True, False], ids=["in one function", "one after the other"])
def test_cotangents_that_live_in_the_workspace(together: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those are refused that the function writes over; `backward` does not write to what `forward` returned."""
    monkeypatch.setattr(pipeline, "LARGEST_FUSED", pipeline.LARGEST_FUSED if together else 0)
    module = graphc.load("param h[N, D], W[D, D]\nY = tanh(h @ W) @ W", level=2)
    h, W = np.random.default_rng(0).standard_normal((2, 5, 5))
    workspace = module.Workspace(h, W)
    Y, cache = module.forward(h, W, workspace=workspace)
    refused(lambda: module.forward(Y, W, workspace=workspace), "h")
    want = module.backward(module.forward(h, W)[1], Y.copy())
    grads = module.backward(cache, Y, workspace=workspace)
    for name, gradient in want.items():
        np.testing.assert_allclose(grads[name], gradient, rtol=1e-12)
    refused(lambda: module.backward(cache, grads["h"], workspace=workspace), "dY")
    Y, grads = module.value_and_grad(h, W, cotangents=np.ones((5, 5)), workspace=workspace)
    for seed in (Y, Y[::-1], grads["h"]):
        refused(
            lambda seed=seed: module.value_and_grad(h, W, cotangents=seed, workspace=workspace), "dY|cotangents"
        )  # fmt: skip


@pytest.mark.parametrize(
    "result", ["tanh(h @ W)", "tanh(h @ W).T", "reshape(tanh(h @ W), (N, N))", "h * 1", "tanh(h)[::-1]"],
)  # fmt: skip
def test_every_kind_of_result_is_known_again(result: str) -> None:
    text = f"param h[N, N], W[N, N]\nY = {result}\nc = sum(W, axis=0)\noutput Y, c"
    module = graphc.load(text, level=2, verify=False)
    h, W = np.random.default_rng(0).standard_normal((2, 5, 5))
    workspace = module.Workspace(h, W)
    (Y, _), _ = module.forward(h, W, workspace=workspace)
    refused(lambda: module.forward(Y, W, workspace=workspace), "h")
    (Y, _), grads = module.value_and_grad(h, W, cotangents=(h, W[0]), workspace=workspace)
    for each in (Y, *grads.values()):
        refused(lambda each=each: module.value_and_grad(h, each, cotangents=(h, W[0]), workspace=workspace), "W")


@pytest.mark.parametrize("wrong", [None, 3, (), "cache"])
def test_what_is_no_cache_is_refused(net: ModuleType, wrong: Any) -> None:
    with pytest.raises(TypeError, match="argument cache must be the second result of forward, not "):
        net.backward(wrong, workspace=net.Workspace(**arguments()))


def test_a_module_says_where_its_results_live(net: ModuleType) -> None:
    assert net.__doc__ and "where the results live until it is used again:\n    workspace = Workspace(" in net.__doc__
    for function in (net.forward, net.backward, net.value_and_grad):
        assert "with a workspace they live in it." in function.__doc__


def test_labels_are_checked_every_time(net: ModuleType) -> None:
    given = arguments()
    workspace = net.Workspace(**given)
    net.value_and_grad(**given, workspace=workspace)
    for wrong in (-1, 10):
        labels = given["y"].copy()
        labels[7] = wrong
        with pytest.raises(ValueError, match="argument y"):
            net.value_and_grad(**{**given, "y": labels}, workspace=workspace)


def test_arguments_are_not_kept(net: ModuleType) -> None:
    given = arguments()
    workspace = net.Workspace(**given)
    net.value_and_grad(**given, workspace=workspace)
    held = [v for part in vars(workspace).values() if isinstance(part, (tuple, list)) for v in part]
    for value in held:
        if isinstance(value, np.ndarray):
            assert not any(np.shares_memory(value, argument) for argument in given.values())


def test_a_cache_serves_with_and_without_a_workspace(net: ModuleType, plain: ModuleType) -> None:
    given = arguments()
    workspace = net.Workspace(**given)
    want = plain.value_and_grad(**given)
    value, cache = net.forward(**given, workspace=workspace)
    agree((value, net.backward(cache)), want)
    value, cache = net.forward(**given)
    agree((value, net.backward(cache, workspace=workspace)), want)
    agree((value, net.backward(cache, 1.0, workspace=workspace)), want)


def test_lists_and_mixed_types(net: ModuleType, plain: ModuleType) -> None:
    given = arguments(20)
    given["b1"] = given["b1"].astype(np.float32)
    given["b2"] = given["b2"].tolist()
    workspace = net.Workspace(**given)
    have, want = net.value_and_grad(**given, workspace=workspace), plain.value_and_grad(**given)
    agree(have, want, 1e-6)
    assert {n: g.dtype for n, g in have[1].items()} == {n: g.dtype for n, g in want[1].items()}


def test_threads_with_a_workspace_each(net: ModuleType, plain: ModuleType) -> None:
    failed: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            given = arguments(seed=seed)
            want = plain.value_and_grad(**given)
            workspace = net.Workspace(**given)
            for _ in range(20):
                agree(net.value_and_grad(**given, workspace=workspace), want)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]


def test_outputs_that_are_entries_of_an_array_of_unknown_rank() -> None:
    net = graphc.load("Y = x[0]; Z = x[-1]", level=2)
    x = np.arange(6.0).reshape(3, 2)
    workspace = net.Workspace(x)
    outputs, cache = net.forward(x, workspace=workspace)
    assert (outputs.Y.tolist(), outputs.Z.tolist()) == ([0, 1], [4, 5])
    grads = net.backward(cache, [1.0, 2.0], [3.0, 4.0], workspace=workspace)
    assert grads["x"].tolist() == [[1, 2], [0, 0], [3, 4]]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_without_floating_outputs_there_are_no_cotangents(level: int) -> None:
    net = graphc.load("c = a < b", level=level)
    value, grads = net.value_and_grad([1.0, 2.0], [2.0, 1.0])
    assert value.tolist() == [True, False]
    assert grads["a"].tolist() == grads["b"].tolist() == [0, 0]


def test_an_empty_batch(net: ModuleType) -> None:
    given = arguments(0)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, gradients = net.value_and_grad(**given)
    assert np.isnan(value)
    assert all(gradient.shape == given[name].shape for name, gradient in gradients.items())


def test_memory_is_shared_between_layers() -> None:
    """Eight layers of one width: a value and its mask are kept for each, and the gradients pass through the values."""
    text = "input X[N, D]\nparam W_{0:8}[D, D]\nh_0 = X\nfor k in 0:8 { h_{k+1} = relu(h_{k} @ W_{k}) }\nL = sum(h_8)"
    module = graphc.compile(text, level=2, verify=False)
    memory = module[module.index("def memory_of_value_and_grad") : module.index("def check(")].split("\ndef ")[0]
    large = [line for line in memory.splitlines() if "np.empty(X.shape" in line or "np.empty((N, D)" in line]
    masks = [line for line in large if line.endswith(", bool)")]
    assert len(masks) <= 8 and len(large) - len(masks) <= 8, "\n".join(large)


def test_the_size_of_tiles_is_a_fixed_number_that_an_option_changes() -> None:
    source = Source(NET)
    text = {tile: compile_source(source, Options(level=2, verify=False, tile=tile)).module for tile in (131072, 4096)}
    assert "TILE = 131072 " in text[131072]
    assert _unsigned(text[4096]) == _unsigned(text[131072]).replace("TILE = 131072 ", "TILE = 4096 ")


def _unsigned(module: str) -> str:
    return module[: module.rindex("# graphc: sha256")]


def test_more_arguments_than_python_takes_before_a_star() -> None:
    names = [f"w_{k}" for k in range(300)]
    program = f"param {', '.join(f'{name}[N]' for name in names)}\nL = {' + '.join(f'sum({n}**2)' for n in names)}"
    net = graphc.load(program, level=2)
    arguments = [np.full(3, k) for k in range(300)]  # integers: `check` makes them floating
    workspace = net.Workspace(*arguments)
    value, _ = net.value_and_grad(*arguments, workspace=workspace)
    assert value == 3 * sum(k * k for k in range(300))
    with pytest.raises(ValueError, match="workspace was made for"):
        net.value_and_grad(*[np.ones(4)] * 300, workspace=workspace)


@pytest.mark.parametrize(
    "text", ["y = x[0:2]", "y = x[::-1]", "y = take(x, i)", "y = x[i, 0]", "y = flip(x) * 1", "y = ones((2, 3))"]
)
def test_results_of_which_no_shape_is_known(text: str) -> None:
    net = graphc.load(text, level=2, verify=False)
    arguments = {"x": np.arange(12.0).reshape(4, 3), "i": np.array([2, 0, 2])}
    given = {name: arguments[name] for name in net.INPUTS}
    workspace = net.Workspace(**given)
    (want, cache), (have, kept) = net.forward(**given), net.forward(**given, workspace=workspace)
    assert np.array_equal(have, want)
    wanted, gradients = net.backward(cache, want), net.backward(kept, want, workspace=workspace)
    assert all(np.array_equal(gradients[name], gradient) for name, gradient in wanted.items())


def test_a_loop_with_one_array() -> None:
    text = "L = sum(exp(A@B))"
    net = graphc.load(text, level=2)
    A, B = np.ones((90, 60)), np.ones((60, 80)) / 60
    agree(net.value_and_grad(A, B), graphc.load(text).value_and_grad(A, B))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_of_python_is_repeated_in_the_program_s_type(dtype: Any) -> None:
    text = "param N[n], X[N_, n]\nL = sum(X@N)*n"
    net, plain = graphc.load(text, level=2), graphc.load(text)
    given = np.ones(3, dtype), np.arange(6, dtype=dtype).reshape(2, 3)
    for _ in range(2):
        have = net.value_and_grad(*given, workspace=net.Workspace(*given))
        agree(have, plain.value_and_grad(*given), 1e-6)
        assert all(g.dtype == dtype for g in have[1].values())


def test_two_kinds_of_labels_in_one_loop() -> None:
    """Where the ones are is computed again when the others have been there in between."""
    text = """
input X[N, C], Y[N, H], y[N]: int, k[N]: int
l = softmax_ce(X, y, reduction="none")
Z = Y - one_hot(k, H)
L = sum(l)
output Z, L
loss L
"""
    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(90, 4)), rng.normal(size=(90, 3)), rng.integers(0, 4, 90), rng.integers(0, 3, 90)
    expected = graphc.load(text, level=0).value_and_grad(*arrays)
    module = graphc.load(text, level=2)
    outputs, grads = module.value_and_grad(*arrays, workspace=module.Workspace(*arrays))
    for name, value in expected[1].items():
        np.testing.assert_allclose(grads[name], value, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(outputs.Z, expected[0].Z, rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "small", "large"),
    [
        ("input X[N, D], y[N]\nparam w[D]\nL = mean((X@w - y)**2)", {"N": 2000, "D": 100}, {"N": 40000, "D": 2}),
        ("input X[N, D]\nparam W[D, H]\nL = sum(tanh(X@W))", {"N": 200, "D": 300, "H": 100},
         {"N": 400, "D": 2, "H": 100}),
        ("input X[B, N]\nparam W[N, 3]\nL = sum(sin(reshape(X, (B*N//2, 2)) @ W[0:2]))", {"B": 10, "N": 40},
         {"B": 400, "N": 400}),
    ],
)  # fmt: skip
def test_memory_is_planned_where_arrays_on_the_way_are_large(
    text: str, small: dict[str, int], large: dict[str, int]
) -> None:
    """How large the arguments are does not matter: no pass over them is saved."""
    net, plain = graphc.load(text, level=2, verify=False), graphc.load(text, verify=False)
    made = []
    planned = net.Workspace
    net.Workspace = lambda *given: made.append(1) or planned(*given)  # type: ignore[attr-defined]
    graph = graphc.parse(text)
    for sizes, wanted in ((small, 0), (large, 1)):
        rng = np.random.default_rng(0)
        given = {
            a.name: rng.standard_normal([size.evaluate(sizes) for size in graph[a.node].type.dims])
            for a in graph.arguments
        }  # fmt: skip
        made.clear()
        agree(net.value_and_grad(**given), plain.value_and_grad(**given))
        assert len(made) == wanted, sizes


@pytest.mark.parametrize("name", ["tril", "triu"])
def test_a_triangle_of_booleans(name: str) -> None:
    text = f"input M[N, N]: bool\nparam W[N, N]\nT = {name}(M)\nL = sum(W * T)\noutput T, L\nloss L"
    net = graphc.load(text, level=2)
    given = {"M": np.ones((3, 3), bool), "W": np.ones((3, 3))}
    (T, _), _ = net.value_and_grad(**given, workspace=net.Workspace(**given))
    assert T.dtype == bool and (getattr(np, name)(given["M"]) == T).all()


def test_views_of_views_are_as_deep_as_the_program() -> None:
    steps = "for k in 0:600 { z_{k+1} = reshape(z_{k}, (1, N))[0] }"
    net = graphc.load(f"param x[N]\nz_0 = x\n{steps}\nL = sum(z_600**2)", level=2, verify=False)
    x = np.arange(3.0)
    L, grads = net.value_and_grad(x, workspace=net.Workspace(x))
    assert L == 5 and (grads["x"] == 2 * x).all()
