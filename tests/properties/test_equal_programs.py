"""Random programs and the same ones written otherwise: other names, sizes as expressions, another order, a loop."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import graphc
from graphc.emitter.naming import argument_names
from ops.running import close, named, quietly
from properties.programs import SIZES, Program, programs
from properties.test_programs import examples

HOSTILE = [
    "np", "self", "lambda", "class", "sum", "len", "max", "type", "grad", "shift", "roll", "cache", "types", "dL", "dX",
    "L_0", "u_1", "product_A", "sum_to", "rows", "loop", "zero", "P", "loss", "input", "output", "for", "λ", "__x",
    "workspace", "forward", "total", "e", "tanh_X", "dz1", "step", "dtype", "float32", "given", "check", "erf",
]  # fmt: skip
EXPRESSIONS = {"N": ["n", "n-1", "n+1", "H+1", "D-1"], "D": ["d", "d-1", "2*H", "N+1"], "H": ["h", "h-1", "h+1"]}
SQUARE = [
    "sum(diag(V) * V[0])", 'einsum("ij,ii->", V, tanh(V))', "sum(diag(b, k=1)[:-1, 1:] * V)", "trace(V @ V)",
    "sum(tril(V) @ diag(b))", "sum((V[1:] - V[:-1])**2)", "prod(1 + b / 4)", "sum(prod(tanh(V), axis=1))",
]  # fmt: skip


@dataclass
class Written:
    """A program's text, and what its values are called there."""

    text: str
    called: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"\n{self.text}"


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Program, Written]:
    """A program, with something of a square matrix in it, and an equal one."""
    program = draw(programs())
    for name, shape in (("V", ("D", "D")), ("b", ("D",))):
        if name not in program.arguments:
            program.declarations.append(f"input {name}[{', '.join(shape)}]")
            program.arguments[name] = np.linspace(-1, 1.5, SIZES["D"] ** len(shape)).reshape([SIZES["D"]] * len(shape))
    program.statements.append(f"square = {draw(st.sampled_from(SQUARE))} / 4")
    if program.ending.endswith("loss L"):
        program.statements.append("both = L + square")
        program.ending = "output both\nloss both"
    else:
        program.ending += ", square, also"
        program.statements.append("also = tanh(square)")
    statements = _in_another_order(draw, program.statements) if draw(st.booleans()) else list(program.statements)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(statements) - 1))
        statements[at] = f"for once in 0:1 {{ {statements[at]} }}"
    text = "\n".join([*program.declarations, *statements, program.ending, ""])
    sizes = {}
    if draw(st.booleans()):
        name = draw(st.sampled_from([name for name in SIZES if re.search(rf"\[[^]]*\b{name}\b", text)]))
        known = {other for other in SIZES if re.search(rf"\[(.*, )?{other}(, .*)?\]", "\n".join(program.declarations))}
        fitting = [e for e in EXPRESSIONS[name] if not set(re.findall("[A-Z]", e)) - known]
        sizes = {name: f"({draw(st.sampled_from(fitting))})"}
    text = re.sub(r"\b[NDH]\b", lambda found: sizes.get(found[0], found[0]), text)
    values = sorted({*program.arguments, *re.findall(r"\b(?:z\d+|out_\w+|L|both|square|also)\b", text)})
    hostile = draw(st.lists(st.sampled_from(HOSTILE), max_size=len(values), unique=True))
    called = dict(zip(draw(st.permutations(values)), hostile, strict=False))
    text = re.sub(r"(?<!\.)\b\w+", lambda found: called.get(found[0], found[0]), text)  # but for `.T`
    return program, Written(text, called)


def _in_another_order(draw: st.DrawFn, statements: list[str]) -> list[str]:
    """Each statement still after those that it needs; what has to do with the loop's `h_0`, `h_1` keeps its order."""
    words = [{"h" if word.startswith("h_") else word for word in re.findall(r"\w+", s)} for s in statements]
    made = [{w for w in words[k] if w == "h" or w in re.findall(r"\w+", s.partition("=")[0])}
            for k, s in enumerate(statements)]  # fmt: skip
    left, ordered = list(range(len(statements))), []
    while left:
        ready = [k for k in left if not any(made[j] & words[k] for j in left if j < k)]
        ordered.append(draw(st.sampled_from(ready)))
        left.remove(ordered[-1])
    return [statements[k] for k in ordered]


def results(text: str, level: int, called: Mapping[str, str], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs and gradients of a module by the names of the original."""
    names: dict[str, Any] = {"__name__": "module"}
    exec(graphc.compile(text, level=level, verify=False), names)
    given = {called.get(name, name): value for name, value in arguments.items()}
    parameters = [name for name in inspect.signature(names["forward"]).parameters if name != "workspace"]
    users = (*names["PARAMETERS"], *names["INPUTS"])
    keyword = dict(zip(users, argument_names(users), strict=True))
    assert sorted(keyword.values()) == sorted(parameters)
    outputs, cache = names["forward"](**{keyword[name]: given[name] for name in users})
    original = {new: old for old, new in called.items()}
    found = {
        f"output {original.get(name, name)}": np.array(value)
        for name, value in zip(names["OUTPUTS"], named(outputs), strict=True)
    }
    whole = "loss" in text.splitlines()[-1].split()[:1]
    cotangents = [] if whole else [np.full(np.shape(v), 0.5 + k) for k, v in enumerate(named(outputs))]
    gradients = names["backward"](cache, *cotangents)
    return found | {f"gradient {original.get(name, name)}": value for name, value in gradients.items()}


@given(pairs(), st.sampled_from([0, 1, 2]))
@examples(60)
def test_the_same_program_written_otherwise(pair: tuple[Program, Written], level: int) -> None:
    program, written = pair
    with quietly():
        want = results(program.text, 1, {}, program.arguments)
        have = results(written.text, level, written.called, program.arguments)
    assert have.keys() == want.keys()
    for name, value in want.items():
        close(have[name], value, name, 1e-8, 1e-9)
