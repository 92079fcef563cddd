"""The reference evaluator against the modules of every level, and the graph after every pass that made them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import islice
from typing import Any

import numpy as np

from graphc.api import module_from
from graphc.ir.graph import Graph
from graphc.ir.interpret import bind_sizes, interpret
from graphc.ir.types import Solver, Unknown
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.expand import expand
from graphc.pipeline import Options, compile_source, joint_graph, lower_source
from graphc.verify.program import REFUSALS
from graphc.verify.sampling import Sample, Sampler
from ops.running import named

__all__ = ["agree", "every_pass_checked"]

SAMPLES = 3
LEVELS = (0, 1, 2)
LARGEST = 3000
"""Of a program with more operations the levels are not compared: that would take all the time there is."""

Values = dict[str, Any]


def agree(text: str) -> list[Sample]:
    """Compare values and gradients on a few samples; those which the program takes. Raises AssertionError."""
    source = Source(text, "net.g", "net.g")
    joint = joint_graph(lower_source(source, Diagnostics()), Options(), Diagnostics())
    if len(joint) > LARGEST:
        return []
    literal = expand(eliminate_dead_code(joint.replace(updates={})), share=False)
    drawn = list(islice(Sampler(joint, 3), SAMPLES))
    with every_pass_checked([bind_sizes(joint, sample) for sample in drawn]):
        made = {level: compile_source(source, Options(level=level, verify=False)).module for level in LEVELS}
    modules = {level: module_from(text, f"O{level}.g") for level, text in made.items()}
    taken = []
    for sample in drawn:
        try:
            wanted = _interpreted(literal, sample)
        except (*REFUSALS, TypeError, AssertionError):  # the evaluator checks nothing: NumPy does, or its references
            continue
        refusing = [level for level, module in modules.items() if _refuses(module, sample)]
        assert refusing in ([], list(LEVELS)), f"levels {refusing} alone refuse a sample"
        if refusing:
            continue
        slack = _slack(literal, sample, wanted)
        outputs = [name for name in wanted if not name.startswith("d ")]
        for level, module in modules.items():
            for way, have in _ways(module, sample, joint, outputs, level):
                _compare(have, wanted, slack, f"{way} at -O{level}")
        taken.append(sample)
    return taken


def _refuses(module: Any, sample: Sample) -> bool:
    """Whether the module does not take these arguments, and says which."""
    try:
        module.forward(*sample.values())
    except ValueError as error:
        assert re.search(r"\b(arguments?|dimension)\b", str(error)), f"it does not say which argument is wrong: {error}"
        return True
    return False


@contextmanager
def every_pass_checked(sizes: Sequence[Mapping[str, int]]) -> Iterator[None]:
    """Meanwhile every function of `graphc.passes` that returns a graph returns a sound one, whoever calls it: it
    verifies, and each value has the shape, at these sizes too, that its operation makes of its operands' shapes."""
    import graphc.passes.common_matrix
    import graphc.passes.joint
    import graphc.passes.pool_first
    import graphc.passes.samples_last  # noqa: F401  (so that their names are there to be replaced)

    def checked(function: Callable[..., Graph]) -> Callable[..., Graph]:
        @wraps(function)
        def run(*operands: Any, **options: Any) -> Graph:
            graph = function(*operands, **options)
            try:
                _sound(graph, sizes)
            except Exception as error:
                raise AssertionError(f"after {function.__module__}.{function.__name__}: {error}") from error
            return graph

        return run

    replaced = []
    found: dict[Any, Any] = {}
    for name, module in list(sys.modules.items()):
        if not name.startswith("graphc"):
            continue
        for attribute, value in list(vars(module).items()):
            if getattr(value, "__module__", "").startswith("graphc.passes.") and _makes_a_graph(value):
                replaced.append((module, attribute, value))
                setattr(module, attribute, found.setdefault(value, checked(value)))
    assert len(found) >= 10, "the passes are not where they were"
    try:
        yield
    finally:
        for module, attribute, value in replaced:
            setattr(module, attribute, value)


def _sound(graph: Graph, sizes: Sequence[Mapping[str, int]]) -> None:
    graph.verify()
    for node in graph:
        if not node.operands or isinstance(node.type.shape, Unknown):
            continue
        inferred = graph.op(node).infer(Solver(), [graph[u].type for u in node.operands], dict(node.attrs))
        if inferred == node.type:
            continue
        # What is cut into halves has a whole that is twice the half, though no formula says so.
        assert (inferred.dtype, inferred.rank) == (node.type.dtype, node.type.rank)
        for have, want in zip(node.type.dims, inferred.dims, strict=True):
            for given in sizes:
                if {*have.names(), *want.names()} <= set(given):
                    assert have.evaluate(given) == want.evaluate(given), f"{node.op}: {node.type} is not {inferred}"


def _makes_a_graph(value: Any) -> bool:
    return callable(value) and getattr(value, "__annotations__", {}).get("return") == "Graph"


def _seeds(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> Values:
    rng = np.random.default_rng(11)
    return {name: rng.uniform(0.5, 1.5, shapes[name]) for name in graph.cotangents}


def _interpreted(graph: Graph, sample: Sample) -> Values:
    """Outputs by their names, gradients as `d x`, by the reference evaluator; and `cotangents`."""
    forward = graph.replace(gradients={}, cotangents={})
    forward = eliminate_dead_code(
        forward.replace(outputs={**forward.outputs, **{n: graph.values[n] for n in graph.cotangents}})
    )
    values = interpret(forward, sample)
    found = {name: np.asarray(values[forward.outputs[name]]) for name in graph.outputs}
    shapes = {name: np.shape(values[forward.outputs[name]]) for name in graph.cotangents}
    seeds = dict.fromkeys(graph.cotangents, 1.0) if graph.loss else _seeds(graph, shapes)
    values = interpret(graph, sample, seeds)
    found |= {f"d {name}": np.asarray(values[id]) for name, id in graph.gradients.items()}
    return found


def _slack(graph: Graph, sample: Sample, wanted: Values) -> Values:
    """How far each value moves if the arguments move by rounding: so much another order of operations may be off."""
    rng = np.random.default_rng(12)
    slack: Values = dict.fromkeys(wanted, 0.0)
    for _ in range(3):
        near = {
            name: value * (1 + 1e-13 * rng.standard_normal(np.shape(value))) if value.dtype.kind == "f" else value
            for name, value in ((name, np.asarray(value)) for name, value in sample.items())
        }
        try:
            moved = _interpreted(graph, near)
        except REFUSALS:
            return dict.fromkeys(wanted, np.inf)
        for name, value in wanted.items():
            off = np.abs(np.subtract(moved[name], value, dtype=float))
            slack[name] = max(slack[name], float(np.max(off, initial=0.0)))
    return {name: np.inf if np.isnan(most) else most for name, most in slack.items()}


def _ways(
    module: Any, sample: Sample, graph: Graph, outputs: list[str], level: int
) -> list[tuple[str, Values]]:
    """What the module computes, by `forward` and `backward`, by `value_and_grad`, and in a workspace, twice."""
    values, cache = module.forward(*sample.values())
    shapes = dict(zip(outputs, (np.shape(value) for value in named(values)), strict=True))
    seeds = () if graph.loss else tuple(_seeds(graph, shapes).values())
    extra: dict[str, Any] = {} if graph.loss or not graph.gradients else {"cotangents": seeds}
    gradients = module.backward(cache, *seeds) if graph.gradients else {}
    found = [("forward and backward", _entered(outputs, values, gradients))]
    if not graph.gradients:
        return found
    found.append(("value_and_grad", _entered(outputs, *module.value_and_grad(*sample.values(), **extra))))
    if level == 2:
        workspace = module.Workspace(*sample.values())
        for turn in ("first", "second"):
            made = module.value_and_grad(*sample.values(), **extra, workspace=workspace)
            # Results live in the workspace until its next use.
            found.append((f"a workspace's {turn} use", {n: v.copy() for n, v in _entered(outputs, *made).items()}))
    return found


def _entered(outputs: list[str], values: Any, gradients: Mapping[str, Any]) -> Values:
    found = {name: np.asarray(value) for name, value in zip(outputs, named(values), strict=True)}
    return found | {f"d {name}": np.asarray(gradient) for name, gradient in gradients.items()}


def _compare(have: Values, wanted: Values, slack: Values, what: str) -> None:
    for name, want in wanted.items():
        got = have[name]
        assert got.shape == want.shape, f"{name} by {what}: shape {got.shape}, the evaluator has {want.shape}"
        assert (got.dtype.kind == "f") == (want.dtype.kind == "f"), f"{name} by {what}: {got.dtype} for {want.dtype}"
        got, want = got.astype(float), want.astype(float)
        sure = np.isfinite(want)  # what is not finite may be inf in one order of operations and nan in another
        scale = float(np.abs(want[sure]).max(initial=0.0))
        off = float(np.abs(got[sure] - want[sure]).max(initial=0.0))
        allowed = 1e-9 * scale + 1e-11 + 1e3 * slack[name]
        if np.isinf(allowed):
            continue
        assert off <= allowed, f"{name} by {what}: off by {off:.1e}, allowed is {allowed:.1e}\n{got}\n{want}"
