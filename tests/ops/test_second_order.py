"""Forward mode and second order of every operation: products with Jacobians agree, and their gradients are right.

One program a case: p = vjp(z, x, u), q = jvp(z, x, v) and the scalar total = Σ <p, v> over the operands. Its value is
Σ <u, q> as well. Its gradients with respect to the operands are derivatives of the derivation rules: those are held
against numerical ones, and so are those with respect to u and v.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ops.table import names
from numerical import assert_gradients
from ops.cases import Case, cases
from ops.running import close, failures, quietly, report
from ops.special import NO_GRADIENT

CASES = 10  # of each operation: derivatives of derivatives are dear

DIFFERENTIABLE = [name for name in names() if name not in NO_GRADIENT]


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_second_order(name: str) -> None:
    chosen = choose(name)
    assert chosen, "no case"
    found = failures(chosen, check)
    assert not found, report(found)


def choose(name: str) -> list[Case]:
    """Cases that differ most: one for each set of attributes, then evenly through the shapes; the hand-written ones."""
    smooth = [c for c in cases(name) if c.smooth and any(_floating(v) for v in c.arguments.values())]
    kinds: dict[str, Case] = {}
    for case in smooth:
        kinds.setdefault(case.body, case)
    first = list(kinds.values())
    rest = [c for c in smooth if c not in first]
    every = [*first, *rest]
    if len(every) > CASES:
        every = [*every[: CASES // 2], *(every[i * len(every) // CASES] for i in range(CASES // 2, CASES))]
    return every


def _floating(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f" and np.size(value) > 0


def check(case: Case) -> None:
    with quietly():
        text, arguments, pairs = program(case)
        module = graphc.load(text, verify=False)
        outputs, _ = module.forward(**arguments)
        values = outputs._asdict()
        (s, gradients) = values["total"], module.value_and_grad(**arguments)[1]
    if not np.isfinite(s):
        raise AssertionError("the derivative is not finite in the domain")
    with quietly(loud=True):
        other = sum(float(np.sum(arguments[u] * values[q])) for us, q in pairs for u in us)
        scale = float(sum(np.sum(np.abs(arguments[u] * values[q])) for us, q in pairs for u in us))
        close(other, float(s), "<u, jvp(v)> against <vjp(u), v>", 0.0, 1e-11 * (1 + scale))
        for name, gradient in gradients.items():
            assert np.isfinite(gradient).all(), f"the gradient of the total with respect to {name} is not finite"

        def value(**moved: Any) -> float:
            return float(module.forward(**moved)[0].total)

        for step, rtol in ((2e-3, 1e-6), (2e-5, 2e-5)):
            try:
                assert_gradients(value, arguments, gradients, directions=1, step=step, rtol=rtol)
                break
            except AssertionError as error:
                if "not reliable" not in str(error) or step < 1e-3:
                    raise


def program(case: Case) -> tuple[str, dict[str, Any], list[tuple[list[str], str]]]:
    """The text, its arguments, and per operand the cotangents u with the name of its jvp."""
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    graph = graphc.parse(case.text())
    module = graphc.load(case.text(), verify=False)
    outputs = module.forward(**case.arguments)[0]
    results = list(outputs) if isinstance(outputs, tuple) else [outputs]
    arguments: dict[str, Any] = {name: np.asarray(value) for name, value in case.arguments.items()}
    lines = [case.text().strip()]
    us: list[tuple[str, str]] = []
    for name, value in zip(graph.outputs, results, strict=True):
        if np.asarray(value).dtype.kind == "f":
            arguments[f"u_{name}"] = rng.standard_normal(np.shape(value))
            lines.append(_declare(f"u_{name}", value))
            us.append((f"u_{name}", name))
    terms, pairs, shown = [], [], []
    for x, value in case.arguments.items():
        if not _floating(value):
            continue
        arguments[f"v_{x}"] = rng.standard_normal(np.shape(value))
        lines.append(_declare(f"v_{x}", value))
        for u, z in us:
            lines += [f"p_{x}_{z} = vjp({z}, {x}, {u})", f"q_{x}_{z} = jvp({z}, {x}, v_{x})"]
            terms.append(f"sum(p_{x}_{z} * v_{x})")
            pairs.append(([u], f"q_{x}_{z}"))
            shown.append(f"q_{x}_{z}")
    lines += [f"total = {' + '.join(terms)}", f"output total, {', '.join(shown)}", "loss total", ""]
    return "\n".join(lines), arguments, pairs


def _declare(name: str, value: Any) -> str:
    return f"input {name}[{', '.join(map(str, np.shape(value)))}]"
