"""The lines that a derivation quotes make the gradient that stands above them: named and held against numbers."""

from __future__ import annotations

import ast
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphc.api import module_from
from graphc.cli import main
from graphc.emitter.written_lines import written_lines
from graphc.explain.report import function_text
from graphc.explain.sheet import Sheet
from graphc.explain.derivation import derive
from graphc.explain.units import Unit
from graphc.ir.graph import Graph
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.pipeline import Options, compile_graph, joint_graph, lower_source

SIZES = {"N": 3, "D": 3, "H": 3, "": 3}


def quoted(text: str, level: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Graph, str, Any, dict[int, tuple[int, str]]]:
    """The graph, the module, the body of backward, and what is quoted: value -> (its gradient there, the last line)."""
    options, diagnostics = Options(verify=False, level=level), Diagnostics()
    graph = lower_source(Source(text), diagnostics)
    seen: dict[str, Any] = {}
    module, _ = compile_graph(joint_graph(graph, options, diagnostics), options, seen.__setitem__)
    found: dict[int, tuple[int, str]] = {}
    names: dict[str, int] = {}
    code = Sheet.code

    def watched(sheet: Sheet, u: int, unit: Unit | None = None) -> tuple[str, ...]:
        lines = code(sheet, u, unit)
        gradient = sheet.made.of(u, unit) if sheet.made else None
        if lines and gradient is not None:
            found[u] = gradient, lines[-1]
            names[sheet.plan.tensors[u].name] = u
        return lines

    monkeypatch.setattr(Sheet, "code", watched)
    derive(graph, module, seen["backward-body"])
    monkeypatch.undo()
    return graph.replace(values={**graph.values, **names}), module, seen["backward-body"], found


def executed(module: str, body: Any, given: dict[str, Any]) -> tuple[dict[int, Any], dict[int, str]]:
    """By gradient its value where the last of its lines is done, and that line, from a run of `backward` that looks."""
    tree = ast.parse(module)
    function = next(f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == "backward")
    end = next(k for k, s in enumerate(function.body) if ast.unparse(s).startswith("grads = "))
    written = written_lines(body)
    start = end - len(written)
    values: dict[int, Any] = {}
    last: dict[int, str] = {}
    looking: list[ast.stmt] = []
    for statement, line in zip(function.body[start:end], written, strict=True):
        told = ast.unparse(statement)
        assert re.match(rf"{line.name}\b|np\.\w+(\.at)?\({line.name}\b|\w+_?\w*\({line.name}\b", told), (told, line)
        last[line.node.id] = told
        looking += [statement, *ast.parse(f"_look({line.node.id}, {line.name})").body]
    function.body[start:end] = looking
    scope: dict[str, Any] = {"_look": lambda id, value: values.__setitem__(id, np.array(value)), "__name__": "looked"}
    exec(compile(ast.fix_missing_locations(tree), "looked", "exec"), scope)
    scope["value_and_grad"](**given)
    return values, last


def hold_quotes(text: str, monkeypatch: pytest.MonkeyPatch, level: int = 1) -> int:
    """Check all that is quoted; how many gradients that were."""
    graph, module, body, found = quoted(text, level, monkeypatch)
    rng = np.random.default_rng(1)
    given = {}
    for argument in graph.arguments:
        shape = [SIZES[d.symbol or ""] if d.symbol else d.value for d in graph[argument.node].type.dims]
        given[argument.name] = np.asarray(rng.normal(size=shape)) * 0.7
    values, last = executed(module, body, given)
    names = [name for name, id in graph.values.items() if id in found]
    options = Options(verify=False, level=0, wrt=tuple(names))
    plain, _ = compile_graph(joint_graph(graph, options, Diagnostics()), options)
    _, wanted = module_from(plain, "plain").value_and_grad(**given)
    for name in names:
        gradient, line = found[graph.values[name]]
        np.testing.assert_allclose(values[gradient], wanted[name], rtol=1e-9, atol=1e-12, err_msg=f"{name}: {line}\n{text}")
        plainly = re.sub(r"    # .*", "", line)
        if not plainly.startswith((" ", ")")):  # the last line of one that is broken
            assert ast.unparse(ast.parse(plainly)) == last[gradient], (name, text)
    return len(names)


def _program(rng: random.Random) -> str:
    """A loop of three to five steps, with values of the same names in and after it."""
    matrices = rng.random() < 0.5
    steps = rng.randint(3, 5)
    names = rng.sample(["u", "v", "z", "s", "h_a", "dY"], rng.randint(1, 3))
    functions = ["tanh", "sin", "sigmoid", "relu", "cos", "square"]
    known = ["h_{t}"]
    lines = []

    def term() -> str:
        x, y = rng.choice(known), rng.choice(known)
        forms = [x, f"{x}*x", f"{x}*{y}", f"{x} + {y}", f"0.5*{x}"] + ([f"{x}@A", f"({x}*{y})@A"] * 2 if matrices else [])
        inner = rng.choice(forms)
        return f"{rng.choice(functions)}({inner})" if rng.random() < 0.7 else f"({inner})"

    second = ""
    for name in names:
        lines.append(f"  {name}_{{t}} = {term()}")
        known.append(f"{name}_{{t}}")
    if rng.random() < 0.3:
        second = names[0]
        lines.append(f"  {second}_{{t,1}} = {rng.choice(functions)}({second}_{{t}})")
    lines.append(f"  h_{{t+1}} = {term()}*{known[-1]} + 0.1*{term()}")
    shape = "[N,D]" if matrices else "[N]"
    head = [f"input x{shape}", *(["param A[D,D]"] if matrices else []), f"param w{shape}"]
    if rng.random() < 0.3 and "Y" not in names:
        head.append(f"input dh_2{shape}")
    tail = f"h_{steps}"
    if second:
        tail += "".join(f" + {second}_{{{t},1}}" for t in range(steps))
    after = []
    if rng.random() < 0.4:
        after = [f"{names[-1]} = exp(0.1*h_{steps})"]
        tail += f" * {names[-1]}"
    if any("dh_2" in line for line in head):
        tail += " + dh_2"
    return "\n".join([*head, "h_0 = w", f"for t in 0:{steps} {{", *lines, "}", *after, f"L = sum(({tail})**2)"])


@pytest.mark.parametrize("seed", range(24))
def test_what_is_quoted_in_a_loop_is_the_gradient(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hold_quotes(_program(random.Random(seed)), monkeypatch, level=1 + seed % 8 // 7) > 2
