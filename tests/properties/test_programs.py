"""Random programs: reference evaluator = -O0 = -O1 = -O2, every pass leaves a sound graph, the same text every time."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, event, given, settings

import graphc
from graphc.ir.graph import Graph
from graphc.ir.interpret import interpret
from graphc.ir.types import Solver, Unknown
from graphc.language.source import Source
from graphc.passes.chain import reassociate
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.expand import expand
from graphc.passes.fold import fold
from graphc.passes.partition import partition
from graphc.passes.simplify import simplify
from graphc.pipeline import MEMORY, Options, compile_source
from ops.running import Program as Reference
from ops.running import close, named, quietly
from properties.programs import Program, programs

LEVELS = (0, 1, 2)


def examples(count: int) -> settings:
    """The same programs on every run; how long one takes is no failure."""
    return settings(
        max_examples=count,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )  # fmt: skip


@given(programs())
@examples(150)
def test_all_levels_compute_what_the_reference_evaluator_does(program: Program) -> None:
    with quietly():
        reference = Reference(program.text, program.arguments)
        for level in LEVELS:
            agrees(reference, graphc.compile(program.text, level=level, verify=False), f"-O{level}")


def agrees(reference: Reference, source: str, what: str) -> None:
    """The module's values and gradients are those of the reference evaluator."""
    compile(ast.parse(source), "module", "exec")
    names: dict[str, Any] = {"__name__": "module"}
    exec(compile(source, "module", "exec"), names)
    outputs, cache = names["forward"](**reference.arguments)
    for (name, want), have in zip(reference.outputs.items(), named(outputs), strict=True):
        close(have, want, f"{what} {name}", 1e-9, 1e-10)
    gradients = names["backward"](cache, *reference.cotangents.values())
    for name, want in reference.gradients.items():
        close(gradients[name], want, f"{what} gradient of {name}", 1e-8, 1e-9)


@given(programs())
@examples(100)
def test_training_steps_are_those_of_the_reference_evaluator(program: Program) -> None:
    """A step computes its gradients by itself, and with them what a program makes of them."""
    outputs = graphc.parse(program.text).outputs
    loss = f"error = {' + '.join(f'mean({name}**2)' for name in outputs)}"
    floating = [name for name, value in program.arguments.items() if value.dtype.kind == "f"]
    updates = [f"{name} <- {name} * {name} - 0.1 * grad(error, {name})" for name in floating]
    text = "\n".join([program.text, loss, *updates])
    with quietly():
        graph = expand(graphc.parse(text), share=False)
        values = interpret(graph, program.arguments)
        for level in LEVELS:
            new = graphc.load(text, level=level, verify=False).step(**program.arguments)
            assert list(new) == floating
            for name, id in graph.updates.items():
                close(new[name], values[id], f"-O{level} {name}", 1e-9, 1e-10)


@given(programs())
@examples(100)
def test_gradients_are_numerically_right(program: Program) -> None:
    """The compiler's own check finds nothing wrong; it is itself tested in tests/verify."""
    with quietly():
        compiled = compile_source(Source(program.text), Options(verify=True))
    assert compiled.report is not None
    assert compiled.report.ok
    event(f"directions checked: {min(compiled.report.directions, 4)}")


@given(programs())
@examples(80)
def test_undeclared_arguments_change_nothing(program: Program) -> None:
    """Without its declarations a program is refused, or refuses its arguments, or computes the same."""
    with quietly():
        reference = Reference(program.text, program.arguments)
        floating = [name for name, value in program.arguments.items() if value.dtype.kind == "f"]
        for undeclared in (floating, floating[:1]):
            text = program.without(undeclared)
            try:
                source = graphc.compile(text, verify=False)
            except graphc.GraphcError:
                event("refused by the compiler")
                continue
            if list(graphc.differentiate(graphc.parse(text)).cotangents) != list(reference.cotangents):
                event("another loss: of an undeclared argument it is not known what is a scalar")
                continue
            if "N" in names_of(text):
                event("another meaning: a size that nothing declares is an argument")
                continue
            try:
                _same_by_name(reference, source)
                event("the same")
            except ValueError as error:
                assert "argument" in str(error), f"{text}\n{error}"
                event("refused at run time")


def names_of(text: str) -> set[str]:
    """The arguments of a program."""
    return {argument.name for argument in graphc.parse(text).arguments}


def _same_by_name(reference: Reference, source: str) -> None:
    """As `agrees`, for a module that may have other gradients first: undeclared names are differentiated."""
    names: dict[str, Any] = {"__name__": "module"}
    exec(compile(source, "module", "exec"), names)
    used = {name: reference.arguments[name] for name in (*names["INPUTS"], *names["PARAMETERS"])}
    outputs, cache = names["forward"](**used)
    for (name, want), have in zip(reference.outputs.items(), named(outputs), strict=True):
        close(have, want, name, 1e-9, 1e-10)
    for name, gradient in names["backward"](cache, *reference.cotangents.values()).items():
        close(gradient, reference.gradients[name], f"gradient of {name}", 1e-8, 1e-9)


# ---------------------------------------------------------------- the passes


@given(programs())
@examples(80)
def test_every_pass_leaves_a_sound_graph_of_the_same_values(program: Program) -> None:
    with quietly():
        graph = graphc.differentiate(graphc.parse(program.text))
        sound(graph)
        reference = Reference(program.text, program.arguments)
        wanted = {**reference.outputs, **{f"d{n}": g for n, g in reference.gradients.items()}}
        stages = (
            ("dead code", eliminate_dead_code), ("expand", lambda g: expand(g, share=False)),
            ("share", lambda g: expand(g, share=True)), ("simplify", simplify), ("fold", fold),
            ("reassociate", reassociate), ("simplify again", simplify), ("dead code again", eliminate_dead_code),
        )  # fmt: skip
        for name, stage in stages:
            graph = stage(graph)
            sound(graph)
            if name != "dead code":
                holds(graph, program.arguments, reference.cotangents, wanted, name)


def sound(graph: Graph) -> None:
    """Its own check, and: every type is the one that the shape function infers again."""
    graph.verify()
    for node in graph:
        if not node.operands or isinstance(node.type.shape, Unknown):
            continue
        types = [graph[u].type for u in node.operands]
        inferred = graph.op(node).infer(Solver(), types, dict(node.attrs))
        assert inferred == node.type, f"{node.op}: recorded {node.type}, inferred {inferred}"


def holds(
    graph: Graph, arguments: Mapping[str, Any], cotangents: Mapping[str, Any], wanted: Mapping[str, Any], what: str
) -> None:
    """The reference evaluator gives the wanted outputs and gradients for this graph."""
    values = interpret(graph, arguments, {**dict.fromkeys(("probe",), 0.0), **cotangents})
    for name, id in [*graph.outputs.items(), *((f"d{n}", i) for n, i in graph.gradients.items())]:
        close(values[id], wanted[name], f"{name} after {what}", 1e-9, 1e-10)


@given(programs())
@examples(60)
def test_partition_keeps_what_backward_needs(program: Program) -> None:
    with quietly():
        joint = graphc.differentiate(graphc.parse(program.text))
        graph = eliminate_dead_code(simplify(expand(joint, share=True)))
        for memory in MEMORY:
            split = partition(graph, memory)
            assert set(split.saved) <= set(split.forward) | {a.node for a in graph.arguments}
            have = {*split.saved, *graph.cotangents.values()}
            for id in split.backward:
                assert set(graph[id].operands) <= have, f"node {id} of backward reads what it does not have"
                have.add(id)
            assert set(graph.gradients.values()) <= have
            done = {a.node for a in graph.arguments}
            for id in split.forward:
                assert set(graph[id].operands) <= done | {id}
                done.add(id)
            assert set(graph.outputs.values()) <= done


# ---------------------------------------------------------------- the same every time


@given(programs())
@examples(40)
def test_compiling_twice_gives_the_same_text(program: Program) -> None:
    for level in LEVELS:
        first = graphc.compile(program.text, level=level, verify=False)
        assert first == graphc.compile(program.text, level=level, verify=False)


def test_the_hash_seed_changes_nothing() -> None:
    """Processes with different hash seeds give the same bytes for the same programs."""
    texts = _texts(12)
    script = (
        "import sys, hashlib, graphc\n"
        "for text in sys.stdin.read().split('\\x00'):\n"
        "    for level in (0, 1, 2):\n"
        "        source = graphc.compile(text, level=level, verify=False)\n"
        "        print(hashlib.sha256(source.encode()).hexdigest())\n"
    )
    found = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script], input="\0".join(texts), capture_output=True, encoding="utf-8",
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"}, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found.append(done.stdout)
    assert found[0] == found[1]
    assert len(found[0].split()) == 3 * len(texts)


def _texts(count: int) -> list[str]:
    """The texts of the first programs of the strategy."""
    texts: list[str] = []

    @given(programs())
    @examples(count)
    def collect(program: Program) -> None:
        texts.append(program.text)

    collect()
    return list(dict.fromkeys(texts))
