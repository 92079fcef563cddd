"""Wide programs at every level against autograd: values, gradients, steps, in both floating types, at other sizes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

import graphc
from fuzz.program import SIZES, Wide
from fuzz.translation import Translation
from graphc.api import module_from
from graphc.language.source import Source
from graphc.pipeline import Options, compile_source
from ops.running import named, quietly

__all__ = ["Compared", "accepted", "compare"]

OTHER_SIZES: tuple[dict[str, int], ...] = tuple(
    dict(zip(SIZES, sizes, strict=True))
    for sizes in ((1, 4, 7, 6), (5, 1, 1, 6), (0, 4, 7, 6), (3, 3, 3, 3), (5, 4, 0, 6), (9, 4, 2, 1))
)
LEVELS: tuple[dict[str, Any], ...] = ({"level": 0}, {"level": 1}, {"level": 2})
MORE: tuple[dict[str, Any], ...] = (
    {"level": 2, "tile": 64}, {"level": 2, "threads": 2, "tile": 96}, {"level": 1, "memory": "lean"},
    {"level": 2, "memory": "lean"}, {"level": 1, "memory": "fast"}, {"level": 2, "memory": "fast"},
    {"level": 0, "memory": "lean"},
)  # fmt: skip
Values = dict[str, Any]


@dataclass
class Compared:
    """What became of a program."""

    verdict: str  # `refused` with a message, or `compared`
    message: str = ""
    line: str = ""
    samples: int = 0
    notes: Counter[str] = field(default_factory=Counter)


def accepted(program: Wide) -> Compared:
    """Take away what the compiler does not accept, a statement at a time; what it said last."""
    said = Compared("accepted")
    for _ in range(12):
        try:
            graphc.compile(program.text, wrt=program.wrt, verify=False)
            return said
        except graphc.GraphcError as error:
            lines = program.text.split("\n")
            said = Compared("refused", error.message, lines[error.line - 1] if error.line else "")
            number = _statement_at(program, error.line - 1) if error.line else None
            if number is not None:
                _take_away(program, number)
            elif program.wrt is None:
                return said
            program.wrt = None
    return said


def _take_away(program: Wide, number: int) -> None:
    program.without(number)
    made = [name for statement in program.statements for name in statement.makes]
    if program.loss not in made:
        program.loss, program.updates = None, []
    if not program.outputs:
        program.outputs = made[-2:]


def _statement_at(program: Wide, line: int) -> int | None:
    """The number of the statement on a line, from 0."""
    at = sum(text.count("\n") + 1 for text in program.head)
    for number, statement in enumerate(program.statements):
        if at <= line <= at + statement.text.count("\n"):
            return number
        at += statement.text.count("\n") + 1
    return None


def compare(program: Wide, others: int = 2) -> Compared:
    """Compare the levels and one more way at the usual sizes and at some others. Raises AssertionError."""
    with quietly():
        said = accepted(program)
        try:
            graph = graphc.differentiate(graphc.parse(program.text), program.wrt)
        except graphc.GraphcError:
            return said
        done = Compared("compared", said.message, said.line)
        modules = {}
        for options in (*LEVELS, MORE[program.number % len(MORE)]):
            options = {"wrt": program.wrt, **options, "verify": False}
            made = compile_source(Source(program.text, "net.g", "net.g"), Options(**options))
            name = " ".join(f"{key}={value}" for key, value in options.items() if key not in ("wrt", "verify"))
            modules[name] = module_from(made.module, "net.g")
        turns = [OTHER_SIZES[(program.number + k) % len(OTHER_SIZES)] for k in range(others)]
        for sizes in (SIZES, *turns):
            done.samples += _at_sizes(program, graph, modules, sizes, done.notes)
        return done


def _at_sizes(
    program: Wide, graph: Any, modules: Mapping[str, ModuleType], sizes: dict[str, int], notes: Counter[str]
) -> int:
    usual = sizes is SIZES
    try:
        arguments = program.draw(1, sizes)
        wanted = reference(program, graph, arguments, sizes)
    except (
        ValueError,
        TypeError,
        IndexError,
        ZeroDivisionError,
        np.linalg.LinAlgError,
        AssertionError,
        KeyError,
    ) as error:
        assert not usual or isinstance(error, (IndexError, TypeError)), (
            f"the reference fails: {type(error).__name__}: {error}"
        )
        notes["sizes that NumPy refuses"] += 1
        return 0
    if not usual and not all(np.isfinite(value * 1.0).all() for value in wanted.values()):
        notes["sizes without finite values"] += 1
        return 0
    used = {name: value for name, value in arguments.items() if name in {a.name for a in graph.arguments}}
    slack: list[Values] = []  # made when it is asked for
    for way, module in modules.items():
        try:
            have = results(module, graph, used, wanted)
        except ValueError as error:
            text = str(error)
            assert not usual or program.undeclared or "needs at least" in text, f"{way} refuses: {text}"
            # NumPy's own words where there is no largest entry, and for convolutions of no channels
            named = re.search(r"\b(arguments?|dimension)\b|\(of \w|zero-size|array of size 0 into shape", text)
            assert named, (
                f"{way} at {sizes}: it does not say which argument is wrong: {text}"
            )
            notes["refused at run time"] += 1
            return 0
        for turn, values in have:
            _hold(
                values,
                wanted,
                f"{turn}, {way}, {sizes}",
                1e-9,
                lambda: _slack(program, graph, arguments, sizes, wanted, 1e-13, slack),
                kinds=not program.mixed,
            )
    single = {n: v.astype(np.float32) if v.dtype == np.float64 else v for n, v in used.items()}
    narrow: list[Values] = []
    for way, module in modules.items():
        for turn, values in results(module, graph, single, wanted):
            for name, value in values.items():
                assert value.dtype != np.float64, f"{name} of {turn}, {way}: float32 in, float64 out"
            _hold(
                values,
                wanted,
                f"float32, {turn}, {way}, {sizes}",
                2e-3,
                lambda: _slack(program, graph, arguments, sizes, wanted, 1e-6, narrow),
                3e2,
                kinds=not program.mixed,
                least=0.5,
            )
    return 1


# ---------------------------------------------------------------- what autograd says


def reference(program: Wide, graph: Any, arguments: Values, sizes: dict[str, int]) -> Values:
    """Outputs by their names, gradients as `d x`, new values as `step x`."""
    translation = program.translation(sizes)
    known = translation.run(arguments)
    found = {name: np.asarray(known[name]) for name in graph.outputs}
    seeds = {name: _seed(name, np.shape(known[name])) if not graph.loss else np.ones(()) for name in graph.cotangents}
    names = list(graph.gradients)
    points = [np.asarray(known[name]) for name in names]
    upto = len(translation.lines) - len(program.updates)

    def weighted(values: Any) -> Any:
        moved = dict(zip(names, values, strict=True))
        outer = {n: v for n, v in moved.items() if n in arguments}
        inner = {n: v for n, v in moved.items() if n not in arguments}
        return _total(translation, {**arguments, **outer}, inner, seeds, upto)

    inner = [n for n in names if n not in arguments]
    if not inner:
        for name, gradient in zip(names, autograd.grad(weighted)(points) if names else [], strict=True):
            found[f"d {name}"] = np.asarray(gradient)
    else:  # what is named there is not the variable's alone: each by itself
        for k, name in enumerate(names):
            found[f"d {name}"] = np.asarray(autograd.grad(_alone(translation, arguments, name, seeds, upto))(points[k]))
    for statement in program.updates:
        name = statement.python.split(" = ")[0]
        found[name.replace("step_", "step ")] = np.asarray(known[name])
    return found


def _alone(translation: Translation, arguments: Values, name: str, seeds: Values, upto: int) -> Callable[[Any], Any]:
    return lambda x: _total(translation, arguments, {name: x}, seeds, upto)


def _total(translation: Translation, arguments: Values, instead: Values, seeds: Values, upto: int) -> Any:
    known = translation.run(arguments, upto, instead)
    return sum((anp.sum(known[name] * seed) for name, seed in seeds.items()), 0.0)


def _seed(name: str, shape: tuple[int, ...]) -> Any:
    return np.random.default_rng([7, *name.encode()]).uniform(0.5, 1.5, shape)


def _slack(
    program: Wide, graph: Any, arguments: Values, sizes: dict[str, int], wanted: Values, by: float, kept: list[Values]
) -> Values:
    """How far everything moves if the arguments move by rounding."""
    if kept:
        return kept[0]
    slack: Values = dict.fromkeys(wanted, 0.0)
    for seed in range(3):
        rng = np.random.default_rng([12, seed])
        near = {
            n: v * (1 + by * rng.standard_normal(np.shape(v))) if v.dtype.kind == "f" else v
            for n, v in arguments.items()
        }
        for name, value in reference(program, graph, near, sizes).items():
            off = np.abs(np.subtract(value, wanted[name], dtype=float))
            most = float(np.max(off, initial=0.0))
            slack[name] = max(slack[name], np.inf if np.isnan(most) else most)
    kept.append(slack)
    return slack


# ---------------------------------------------------------------- what a module says


def results(module: Any, graph: Any, arguments: Values, wanted: Values) -> list[tuple[str, Values]]:
    """By `forward` and `backward`, `value_and_grad`, a workspace twice, and `step`."""
    values, cache = module.forward(**arguments)
    outputs = dict(zip(graph.outputs, map(np.asarray, named(values)), strict=True))
    seeds = (
        []
        if graph.loss
        else [_seed(name, outputs[name].shape).astype(outputs[name].dtype) for name in graph.cotangents]
    )
    if not graph.gradients:
        return [("forward", outputs)]
    extra: dict[str, Any] = {} if graph.loss else {"cotangents": tuple(seeds)}
    found = [("backward", _entered(graph, values, module.backward(cache, *seeds)))]
    found.append(("value_and_grad", _entered(graph, *module.value_and_grad(**arguments, **extra))))
    if hasattr(module, "Workspace"):
        workspace = module.Workspace(**arguments)
        for turn in ("first", "second"):
            made = _entered(graph, *module.value_and_grad(**arguments, **extra, workspace=workspace))
            found.append((f"workspace, {turn} use", {n: v.copy() for n, v in made.items()}))
        values, cache = module.forward(**arguments, workspace=workspace)
        made = _entered(graph, values, module.backward(cache, *seeds, workspace=workspace))
        found.append(("workspace, backward", {n: v.copy() for n, v in made.items()}))
    if graph.updates:
        found.append(("step", {f"step {n}": np.asarray(v) for n, v in module.step(**arguments).items()}))
    return found


def _entered(graph: Any, values: Any, gradients: Mapping[str, Any]) -> Values:
    found = {name: np.asarray(value) for name, value in zip(graph.outputs, named(values), strict=True)}
    return found | {f"d {name}": np.asarray(gradient) for name, gradient in gradients.items()}


def _hold(
    have: Values,
    wanted: Values,
    what: str,
    tolerance: float,
    slack: Callable[[], Values],
    times: float = 1e3,
    kinds: bool = True,
    least: float = 1e-2,
) -> None:
    for name, got in have.items():
        want = wanted[name]
        assert got.shape == want.shape, f"{name} by {what}: shape {got.shape}, expected {want.shape}"
        if kinds and name[:2] != "d ":
            assert (got.dtype.kind == "f") == (want.dtype.kind == "f"), (
                f"{name} by {what}: {got.dtype} for {want.dtype}"
            )
        got, want = got.astype(float), want.astype(float)
        sure = np.isfinite(want)
        scale = float(np.abs(want[sure]).max(initial=0.0))
        off = float(np.abs(got[sure] - want[sure]).max(initial=0.0))
        allowed = tolerance * (scale + least)  # what is small may be the difference of what is not
        if off <= allowed:
            continue
        allowed += times * slack()[name]
        if np.isinf(allowed):
            continue
        assert off <= allowed, f"{name} by {what}: off by {off:.1e}, allowed is {allowed:.1e}\n{got}\n{want}"
