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
from graphc.explain.derivation import derive
from graphc.explain.sheet import Sheet
from graphc.explain.units import Unit
from graphc.ir.graph import Graph
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.pipeline import Options, compile_graph, joint_graph, lower_source

LOOP = "input x[N]\nparam w[N]\nh_0 = w\nfor t in 0:5 { z_{t} = h_{t}*x; h_{t+1} = sin(z_{t})*z_{t} }\n"
OWN = """input X[N, D]
param A[D, D]
h_0 = X
for t in 0:4 { U_{t} = tanh(h_{t}@A); h_{t+1} = sin(U_{t}*h_{t}@A) }
L = sum(h_4**2)
"""
BESIDE = "input X[N, D], dY[N, H]\nparam W[D, H], V[H, H]\nY = tanh(X@W)\nY_2 = tanh(Y@V)\n"
SIZES = {"N": 3, "D": 3, "H": 3, "": 3}


def quoted(
    text: str, level: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Graph, str, Any, dict[int, tuple[int, str]]]:
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
        said = f"{name}: {line}\n{text}"
        np.testing.assert_allclose(values[gradient], wanted[name], rtol=1e-9, atol=1e-12, err_msg=said)
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
        forms = [x, f"{x}*x", f"{x}*{y}", f"{x} + {y}", f"0.5*{x}"]
        forms += [f"{x}@A", f"({x}*{y})@A"] * 2 if matrices else []
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


@pytest.mark.parametrize("seed", range(20))
def test_what_is_quoted_in_a_loop_is_the_gradient(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hold_quotes(_program(random.Random(seed)), monkeypatch, level=seed % 3) > 2


def derived(tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str) -> dict[str, list[str]]:
    """What `graphc derive` quotes, by the last formula before it without what is said beside."""
    program = tmp_path / "net.g"
    program.write_text(source)
    assert main(["derive", str(program)]) == 0
    found: dict[str, list[str]] = {}
    formula = ""
    for line in capsys.readouterr().out.split("\n"):
        if line.startswith("      > "):
            found[formula].append(line[8:])
        elif line.strip():
            formula = re.split(" {3,}", line.strip().removeprefix("so").strip())[0]
            found.setdefault(formula, [])
    return found


@pytest.mark.parametrize("name", ["u", "v"])
def test_gradients_of_what_has_no_name_have_their_lines(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`du` is the gradient of the program's u_3 and no other: what the derivation calls u_10 is behind the sine."""
    text = OWN.replace("U", name)
    found = derived(tmp_path, capsys, text)
    last, before, inner = ("u₁₀", "u₈", "u₉") if name == "u" else ("u₈", "u₆", "u₇")
    assert found[f"∂L/∂{last} = ∂L/∂h₄ ⊙ cos({last})"] == ["dh_sin = np.multiply(dh_4, np.cos(product_A_4), out=dh_4)"]
    assert found[f"∂L/∂{before} = ∂L/∂h₃ ⊙ cos({before})"] == [
        "dh_sin = np.multiply(dh_3, np.cos(product_A_3), out=dh_3)"
    ]
    assert found[f"∂L/∂{inner} = ∂L/∂{name}₃ ⊙ (1 − {name}₃²)"] == [
        f"d{name}_tanh = np.multiply(d{name}, 1 - {name}_3 * {name}_3, out=d{name})"
    ]
    assert hold_quotes(text, monkeypatch) >= 12


def test_lines_of_several_steps_say_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each reads the `du` of its own step, and a heading of step 2 has a line of step 3 under it."""
    found = derived(tmp_path, capsys, OWN.replace("U", "u"))
    assert [line for lines in found.values() for line in lines if line.startswith("dA")] == [
        "dA = (u_3 * h_3).T @ dh_sin    # t = 3", "dA += h_3.T @ du_tanh    # t = 3",
        "dA += (u_2 * h_2).T @ dh_sin    # t = 2", "dA += h_2.T @ du_tanh    # t = 2",
        "dA += (u_1 * h_1).T @ dh_sin    # t = 1", "dA += h_1.T @ du_tanh    # t = 1",
        "dA += (u_0 * X).T @ dh_sin    # t = 0", "dA += X.T @ (du * (1 - u_0 * u_0))    # t = 0",
    ]  # fmt: skip
    sums = found["∂L/∂h₃ = ∂L/∂u₉ Aᵀ + (∂L/∂u₁₀ Aᵀ) ⊙ u₃"]
    assert sums[-1] == "dh_3 += du_tanh @ A.T    # t = 3"
    assert "dh_3 += du_tanh @ A.T" not in [line for lines in found.values() for line in lines]


def test_a_gradient_without_a_line_does_not_get_those_of_the_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = derived(tmp_path, capsys, LOOP + "z = exp(h_5)\nL = sum(z)\n")
    assert found["∂L/∂z = 1"] == [] and found["∂L/∂h₅ = ∂L/∂z ⊙ z"] == ["dh_5 = dL * z"]
    found = derived(tmp_path, capsys, "param z[]\n" + LOOP + "L = sum(h_5) + z\n")
    assert found["∂L/∂z = 1"] == ['grads["z"] = np.array(dL, x.dtype)']


def test_two_values_of_a_step_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = LOOP.replace("0:5", "0:4").replace(" }", "; z_{t,1} = exp(z_{t}) }")
    text += "L = sum(h_4 + z_{0,1} + z_{1,1} + z_{2,1} + z_{3,1})\n"
    found = derived(tmp_path, capsys, text)
    assert all(found[f"∂L/∂z{k},₁ = 1"] == [] for k in "₀₁₂₃")
    (sums,) = (lines for formula, lines in found.items() if formula.startswith("∂L/∂z₂ = "))
    assert sums == ["dz_exp = dL * z_2_1", "dz = dz_exp + dh_3 * sin_z_2 + dh_3 * z_2 * np.cos(z_2)"]
    assert hold_quotes(text, monkeypatch) >= 8


@pytest.mark.parametrize(("text", "formula", "line"), [
    (BESIDE + "L = sum(Y_2 * Y_2 * dY)", "∂L/∂Y = ∂L/∂u₂ Vᵀ", "dY_3 = dY_2_tanh @ V.T"),
    (BESIDE.replace("dY[N, H]", "dY[N, H], dY_2[N, H]") + "L = sum(Y_2 * Y_2 * dY) + sum(dY_2 * Y_2)",
     "∂L/∂Y = ∂L/∂u₂ Vᵀ", "dY_3 = dY_2_tanh @ V.T"),
    ("input X[N, D], dY[N, H]\nparam W[D, H]\nY = X@W\nL = sum(Y**2) + sum(dY**2)", "∂L/∂Y = 2 Y",
     "dY_2 = 2 * dL * Y"),
])  # fmt: skip
def test_a_gradient_beside_arguments_of_its_name(
    text: str, formula: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert derived(tmp_path, capsys, text)[formula] == [line]
    assert hold_quotes(text, monkeypatch) >= 2


def test_what_has_its_sign_elsewhere_is_not_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ds_cos = ds ⊙ sin(h A)` is subtracted where it is read."""
    text = """input x[N, D]
param A[D, D], w[N, D]
h_0 = w
for t in 0:5 {
  s_{t} = cos(h_{t}@A)
  s_{t,1} = relu(s_{t})
  h_{t+1} = tanh((s_{t}*s_{t})@A)*s_{t} + 0.1*cos(h_{t}*s_{t})
}
L = sum((h_5 + s_{0,1} + s_{1,1} + s_{2,1} + s_{3,1} + s_{4,1})**2)
"""
    assert hold_quotes(text, monkeypatch) > 10
