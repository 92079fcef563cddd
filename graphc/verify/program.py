"""A compiled program as a function that can be differentiated numerically."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from graphc.ir.graph import Graph
from graphc.verify.memory import differences
from graphc.verify.sampling import Sample
from graphc.verify.values import differing

__all__ = ["Failure", "Gradients", "Program", "Refusal", "WrongValue", "standing"]

REFUSALS = (ValueError, IndexError, ArithmeticError, MemoryError, np.linalg.LinAlgError)
"""What `forward` may raise on arguments that do not suit the program; LinAlgError is a ValueError in NumPy 2 only."""


class Refusal(Exception):
    """The program does not take these arguments."""


class Failure(Exception):
    """The generated code does what it must not: a bug of the compiler."""


class WrongValue(Failure):
    """An output is not what the program says."""


@dataclass(frozen=True)
class Gradients:
    """Gradients by the names of their variables, and the weights of the outputs whose sum they are of.

    `outputs` are the values of these outputs, as far as the module shows them.
    """

    values: dict[str, Any]
    weights: dict[str, Any]
    outputs: dict[str, Any]

    @cached_property
    def sizes(self) -> dict[str, float]:
        """The norms of the gradients."""
        return {name: math.sqrt(np.vdot(value, value)) for name, value in self.values.items()}

    @property
    def infinite(self) -> str:
        """The first of the outputs that is nan or infinite; nothing if all are finite."""
        return next((name for name, value in self.outputs.items() if not np.isfinite(value).all()), "")


class Program:
    """The module as a function of its arguments; intermediate variables are moved in the reference evaluator."""

    def __init__(self, joint: Graph, module: Any, compared: int) -> None:
        """`compared`: at so many samples the outputs are held against those of the program as it is written."""
        self.joint = joint
        self.compared = compared
        self.module = module
        self.arguments = {a.name for a in joint.arguments}
        self.hidden_loss = joint.loss is not None and joint.loss not in joint.outputs
        self.evaluations = 0
        self.held = any(node.op == "stop_gradient" for node in (self._reference if joint.ops else joint))
        """Whether numbers flow where gradients do not: what a difference would see as well must stand still."""

    def gradients(self, sample: Sample, weights: Mapping[str, Any] | None = None) -> Gradients:
        """The gradients at a sample, of the loss or of the outputs' sum with weights (drawn if not given).

        Raises Refusal, and Failure where `backward` fails although `forward` did not, or a value is wrong.
        """
        outputs, cache = self.forward(sample)
        weights = self._weights(outputs) if weights is None else dict(weights)
        values = self._called("backward", cache, *weights.values(), refusals=(np.linalg.LinAlgError, MemoryError))
        for name, value in values.items():
            if name in self.arguments and np.shape(value) != np.shape(sample[name]):
                shapes = f"{np.shape(value)}, and the variable {np.shape(sample[name])}"
                raise Failure(f"the gradient of `{name}` has the shape {shapes}")
        self._check_memory(sample, weights, outputs, values)
        differentiated = [self.joint.loss] if self.joint.loss else list(weights)
        return Gradients(values, weights, {name: outputs[name] for name in differentiated if name in outputs})

    def forward(self, sample: Sample) -> tuple[dict[str, Any], Any]:
        """The outputs at a sample, compared with the program's if some are to be, and the cache. Raises as `gradients`.
        """
        outputs, cache = self._forward(sample)
        if self.compared:
            self.compared -= 1
            self._compare(sample, outputs, self._reference, "forward")
            if self.joint.updates:
                with suppress(Refusal):  # that a step is not taken, as of a singular matrix, is none of a gradient
                    self._compare(sample, self._step(sample), self._training, "step")
        return outputs, cache

    def _compare(self, sample: Sample, found: Mapping[str, Any], graph: Graph, function: str) -> None:
        """Hold what a function of the module returns against the values of these names in the graph."""
        from graphc.ir.interpret import Rounded, interpret

        seeds = dict.fromkeys(graph.cotangents, 0.0)

        def evaluate(rounded: Rounded | None) -> dict[str, Any]:
            values = interpret(graph, sample, seeds, rounded=rounded)
            return {name: values[graph.outputs[name]] for name in found}

        try:
            wrong = differing(evaluate, found)
        except REFUSALS:
            return
        if wrong:
            raise WrongValue(f"the value of `{wrong}` that `{function}` returns is not what the program says")

    def _step(self, sample: Sample) -> dict[str, Any]:
        """The new values of a training step, as the module computes them."""
        new: dict[str, Any] = self._called("step", *sample.values())
        return new

    def _check_memory(
        self, sample: Sample, weights: Mapping[str, Any], outputs: Mapping[str, Any], gradients: Mapping[str, Any]
    ) -> None:
        """Hold what the module computes in a workspace, if it has one, against what it computes without."""
        if self.joint.loss and weights:  # of a loss the cotangent is 1
            return
        if hasattr(self.module, "Workspace"):
            values = tuple(outputs.values()) if len(outputs) != 1 else next(iter(outputs.values()))
            try:
                wrong = differences(self.module, sample, tuple(weights.values()), values, gradients)
            except Exception as error:
                raise Failure(f"in a workspace it fails with {type(error).__name__}: {error}") from error
            if wrong:
                raise Failure(wrong)

    def _forward(self, sample: Sample) -> tuple[dict[str, Any], Any]:
        self.evaluations += 1
        outputs, cache = self._called("forward", *sample.values())
        values = list(outputs) if isinstance(outputs, tuple) else [outputs]
        return dict(zip(self.joint.outputs, values, strict=True)), cache

    def _called(self, function: str, *arguments: Any, refusals: tuple[type[Exception], ...] = REFUSALS) -> Any:
        """What a function of the module returns. Raises Refusal, and Failure for any other exception."""
        try:
            return getattr(self.module, function)(*arguments)
        except refusals as error:
            raise Refusal(str(error)) from None
        except Exception as error:
            raise Failure(f"`{function}` fails with {type(error).__name__}: {error}") from error

    def _weights(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        if self.joint.loss:
            return {}
        rng = np.random.default_rng(7)
        return {name: rng.standard_normal(np.shape(outputs[name])) for name in self.joint.cotangents}

    def moved(self, sample: Sample, weights: Mapping[str, Any], directions: Sample) -> Callable[[float], float]:
        """The loss, or the weighted outputs, as a function of a step of variables along their directions."""
        if self.hidden_loss or self.held or not directions.keys() <= self.arguments:
            return self._moved_inside(sample, weights, directions)

        def step(t: float) -> float:
            outputs, _ = self._forward({**sample, **{name: sample[name] + t * d for name, d in directions.items()}})
            return self._scalar(outputs, weights)

        return step

    def _scalar(self, outputs: Mapping[str, Any], weights: Mapping[str, Any]) -> float:
        if self.joint.loss:
            return float(outputs[self.joint.loss])
        return float(sum(np.sum(weight * outputs[name]) for name, weight in weights.items()))

    def _moved_inside(self, sample: Sample, weights: Mapping[str, Any], directions: Sample) -> Callable[[float], float]:
        """As `moved`, for values that the module does not show."""
        from graphc.ir.interpret import interpret

        graph = self._reference
        seeds = dict.fromkeys(graph.cotangents, 0.0)
        names = [self.joint.loss] if self.joint.loss else list(weights)
        places = {graph.values[name]: direction for name, direction in directions.items()}

        def run(overrides: dict[int, Any]) -> dict[int, Any]:
            self.evaluations += 1
            try:
                return interpret(graph, sample, seeds, overrides)
            except REFUSALS as error:
                raise Refusal(str(error)) from None

        base = run({})
        still = standing(graph, base)

        def step(t: float) -> float:
            values = run({**still, **{id: base[id] + t * direction for id, direction in places.items()}})
            return self._scalar({name: values[graph.values[name]] for name in names}, weights)

        return step

    @cached_property
    def _reference(self) -> Graph:
        """The graph of the primitive operations that the values with names need."""
        from graphc.passes.dce import eliminate_dead_code
        from graphc.passes.expand import expand

        outputs = dict(self.joint.outputs)
        if self.joint.loss:
            outputs[self.joint.loss] = self.joint.values[self.joint.loss]
        expanded = expand(self.joint.replace(gradients={}, updates={}, outputs=outputs), share=False)
        return eliminate_dead_code(expanded.replace(outputs=dict(expanded.values)))

    @cached_property
    def _training(self) -> Graph:
        """The graph of the primitive operations of a training step; its outputs are the new values."""
        from graphc.passes.dce import eliminate_dead_code
        from graphc.passes.expand import expand

        training = self.joint.replace(outputs=self.joint.updates, gradients={}, updates={}, cotangents={})
        return eliminate_dead_code(expand(training, share=False))


def standing(graph: Graph, values: Mapping[int, Any]) -> dict[int, Any]:
    """What gradients do not flow through, at these values: it stands still while a variable moves."""
    return {node.id: values[node.id] for node in graph if node.op == "stop_gradient"}
