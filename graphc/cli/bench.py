"""`graphc bench net.g --size N=200,D=3072`: the time of each statement on this machine, against the cost model."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphc.cli.console import note, print_text, report
from graphc.cli.cost import add_figures, missing_shapes
from graphc.cli.failure import DATA, UsageError, failure
from graphc.cli.options import add_program, add_report, add_what, options_of
from graphc.cli.reading import read_program
from graphc.cli.sizes import add_sizes, meaningless, sizes_of, symbols_of, too_small
from graphc.cli.table import table
from graphc.language.diagnostics import Diagnostics, GraphcError

if TYPE_CHECKING:
    from graphc.explain.costs import Costs
    from graphc.explain.timings import Machine, Timings
    from graphc.ir.graph import Graph

__all__ = ["configure", "run"]

ASSUMED = (64, 32, 16, 8)
"""What a size is that is not given: the first with which a round takes no more than these multiplications and bytes."""
MOST_MULTIPLICATIONS, MOST_BYTES = 2 * 10**9, 3 * 10**8


def configure(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    add_what(parser)
    add_sizes(parser, f"sizes of dimensions; others are {ASSUMED[0]} or less")
    add_figures(parser)
    parser.add_argument("--seconds", type=float, default=1.0, help="for about how long it runs (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="draws other arguments (default: 0)")
    add_report(parser)


def run(arguments: argparse.Namespace) -> int:
    asked = options_of(arguments, verify=False)
    options = replace(asked, threads=1)  # the times of threads would not add up
    sizes = sizes_of(arguments.size)
    if not 0 <= arguments.seconds <= 3600:
        raise UsageError("argument --seconds: a number from 0 to 3600 is expected")
    if arguments.seed < 0:
        raise UsageError("argument --seed: it must not be negative")
    program = read_program(arguments.program)
    diagnostics = Diagnostics()
    try:
        from graphc.emitter.shapes import ShapeNames
        from graphc.explain.costs import costs_of
        from graphc.explain.formulas import order_of_sizes
        from graphc.explain.timings import Machine, measure
        from graphc.pipeline import joint_graph, lower_source

        joint = joint_graph(lower_source(program.source, diagnostics), options, diagnostics)
        names = ShapeNames(joint)
        given = symbols_of(sizes, names.names, joint)
        item = 8 if arguments.dtype == "float64" else 4
        missing = [name for name in order_of_sizes(joint) if name not in given]
        assumed = dict.fromkeys(missing, ASSUMED[0])
        costs = costs_of(joint, options, item, {**given, **assumed})
        missing_shapes(joint, costs)
        size = _handy(costs, given, missing)
        if missing and size != ASSUMED[0]:
            assumed = dict.fromkeys(missing, size)
            costs = costs_of(joint, options, item, {**given, **assumed})
        values, cotangents = _drawn(joint, {**given, **assumed}, arguments.dtype, arguments.seed)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of numbers out of a function's domain, which take no other time
                timings = measure(costs, values, cotangents, arguments.seconds)
        except MemoryError:
            raise
        except (ValueError, ArithmeticError, IndexError) as error:
            raise failure(DATA, f"the program refuses arrays of these sizes: {error}") from None
        machine = Machine.measured(arguments.dtype, fresh=options.level < 2)
    except GraphcError as error:
        report(program.located(error.errors))
        return 1
    result = _Result(costs, {**given, **assumed}, timings, machine)
    if arguments.json:
        print_text(json.dumps(result.data(), indent=2, ensure_ascii=False) + "\n")
    else:
        if asked.threads > 1:
            note("measured on one thread, so that the times of the statements add up")
        if assumed:
            note(f"not given, so {size}: {', '.join(map(names.symbol, assumed))}")
        print_text(result.text())
    report(program.located(diagnostics.warnings))
    return 0


def _handy(costs: Costs, given: Mapping[str, int], missing: list[str]) -> int:
    """What the missing sizes are."""
    from graphc.explain.cost_table import CostTable, sum_of

    found = ASSUMED[0]
    for size in ASSUMED:
        sizes = {**given, **dict.fromkeys(missing, size)}
        try:
            too_small(costs.graph, sizes)
        except GraphcError:
            break
        found, table = size, CostTable(costs, sizes)
        bytes = max((table.bytes_of(memory) for memory in costs.memory.values()), default=0)
        if sum_of(costs.rows).multiplications.evaluate(sizes) <= MOST_MULTIPLICATIONS and bytes <= MOST_BYTES:
            break
    return found


def _drawn(joint: Graph, sizes: Mapping[str, int], dtype: str, seed: int) -> tuple[dict[str, Any], list[Any]]:
    """Random arguments of these sizes, and cotangents where there is no loss. Raises GraphcError."""
    import numpy as np

    from graphc.ir.types import Unknown
    from graphc.verify.sampling import Sampler

    sample = Sampler(joint, seed).at(sizes)
    if sample is None:
        raise meaningless(joint)
    values = {name: np.asarray(v, dtype) if np.asarray(v).dtype.kind == "f" else v for name, v in sample.items()}
    if joint.loss:
        return values, []
    shapes = [joint[joint.values[name]].type.shape for name in joint.cotangents]
    if any(isinstance(shape, Unknown) for shape in shapes):
        raise failure("E0210", "the shape of a result is not known, so no cotangent can be drawn for it",
                      help="declare the arguments' shapes")  # fmt: skip
    rng = np.random.default_rng(seed)
    known = [tuple(d.evaluate(sizes) for d in shape) for shape in shapes if not isinstance(shape, Unknown)]
    return values, [rng.standard_normal(shape).astype(dtype) for shape in known]


class _Result:
    def __init__(self, costs: Costs, sizes: Mapping[str, int], timings: Timings, machine: Machine) -> None:
        from graphc.explain.timings import model

        self.costs, self.sizes, self.timings, self.machine = costs, sizes, timings, machine
        self.model = [model(row.work, machine, costs, sizes) for row in costs.rows]
        self.spent = [timings.rows.get(number, 0.0) for number in range(len(costs.rows))]
        # Of values and gradients, and of the training step, which computes them anew: the rows, and all their seconds.
        self.parts: list[list[int]] = [[] for _ in timings.rest]
        for number, row in enumerate(costs.rows):
            self.parts[row.part == "step"].append(number)
        pairs = zip(self.parts, timings.rest, strict=True)
        self.sums = [sum(self.spent[number] for number in part) + rest or 1e-9 for part, rest in pairs]

    def share(self, number: int) -> float:
        """Of a row in the time of all rows of its function or functions."""
        return self.spent[number] / self.sums[self.costs.rows[number].part == "step"]

    def text(self) -> str:
        from graphc.explain.cost_table import amount, of_bytes, place

        rows = [["statement", "time", "share", "model", "time/model", "multiplications", "bytes"]]
        for k, part in enumerate(self.parts):
            name = None
            for number in part:
                row, spent, expected = self.costs.rows[number], self.spent[number], self.model[number]
                if row.part != name:
                    name = row.part
                    rows += [[""], [name]]
                moved = (row.work.bytes + row.work.cached).evaluate(self.sizes)
                rows.append([
                    place(row), _time(spent), f"{self.share(number):.1%}", _time(expected),
                    f"{spent / expected:.1f}" if expected else "-",
                    amount(row.work.multiplications.evaluate(self.sizes)), of_bytes(moved),
                ])  # fmt: skip
            rest, whole, expected = self.timings.rest[k], self.sums[k], sum(self.model[number] for number in part)
            ratio = f"{whole / expected:.1f}" if expected else "-"
            rows += [[""], ["  checks and results", _time(rest), f"{rest / whole:.1%}"]]
            rows += [[""], ["total of step" if k else "total", _time(whole), "", _time(expected), ratio]]
        machine = self.machine
        return table(rows) + (
            f"\nmedians of {self.timings.rounds} rounds; the model of this machine: {machine.products / 1e9:.3g} G "
            f"multiplications/s in products,\n{machine.functions / 1e6:.3g} M functions/s, "
            f"{machine.memory / 1e9:.3g} GB/s from memory, {machine.cache / 1e9:.3g} GB/s from a cache, "
            f"{machine.call * 1e6:.2g} µs a call\n"
        )

    def data(self) -> dict[str, Any]:
        from graphc.emitter.shapes import ShapeNames
        from graphc.explain.cost_table import where

        names = ShapeNames(self.costs.graph)
        statements = []
        for number, row in enumerate(self.costs.rows):
            statements.append({
                **where(row), "seconds": self.spent[number], "share": self.share(number),
                "model_seconds": self.model[number],
                "multiplications": row.work.multiplications.evaluate(self.sizes),
                "functions": row.work.functions.evaluate(self.sizes),
                "bytes": row.work.bytes.evaluate(self.sizes),
                "cached_bytes": row.work.cached.evaluate(self.sizes),
            })  # fmt: skip
        seconds = {}
        for prefix, part, whole, rest in zip(("", "step_"), self.parts, self.sums, self.timings.rest, strict=False):
            seconds[f"{prefix}seconds"], seconds[f"{prefix}rest_seconds"] = whole, rest
            seconds[f"{prefix}model_seconds"] = sum(self.model[number] for number in part)
        return {
            "file": self.costs.graph.file,
            "level": self.costs.level,
            "dtype": "float64" if self.costs.item == 8 else "float32",
            "sizes": {names.symbol(name): size for name, size in self.sizes.items()},
            "rounds": self.timings.rounds,
            **seconds,
            "machine": self.machine.data(),
            "statements": statements,
        }


def _time(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or unit == "µs":
            return f"{seconds * factor:.3g} {unit}"
    raise AssertionError("the last unit takes all")
