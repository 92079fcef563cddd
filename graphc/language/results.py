"""What a lowered program gives back: its outputs, and the loss that is differentiated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.ir.types import Type, Unknown
from graphc.language import tree
from graphc.language.diagnostics import suggest
from graphc.language.open_loss import declared, opening
from graphc.language.source import Span
from graphc.language.unwanted import UNWANTED
from graphc.language.values import Fault, Silent, Value
from graphc.ops.base import CallError

if TYPE_CHECKING:
    from graphc.language.lowering import Lowering

__all__ = ["loss_of", "outputs_of"]

MOST_OUTPUTS = 100_000
"""A tuple of more results is of no use to anybody, and its module takes minutes."""


def outputs_of(lowering: Lowering) -> dict[str, int]:
    """The values that a program gives back: those it names, else all that nothing else uses."""
    outputs: dict[str, int] = {}
    if lowering.outputs:
        for name in lowering.outputs:
            key = _known(lowering, name)
            if key is not None:
                if key in outputs:
                    lowering.report(Fault("E0202", f"`{key}` is an output twice", name.span))
                outputs[key] = lowering.values[key]
        return outputs
    unwanted = UNWANTED if UNWANTED in lowering.values and lowering.scope.has_unwanted else None
    for value, id in lowering.values.items():
        if value != unwanted and value not in lowering.used and value not in lowering.arguments:
            outputs[value] = id
    if lowering.loss is not None:
        key = _known(lowering, lowering.loss)
        if key is not None:
            outputs.setdefault(key, lowering.values[key])
    if len(outputs) > MOST_OUTPUTS:
        message = f"the program has more than {MOST_OUTPUTS:,} outputs: all the values that nothing else uses"
        place = Span(lowering.module.source, 0, 0)
        lowering.report(Fault("E0213", message, place, help="name the ones you want: `output L`"))
    if not outputs and not lowering.diagnostics.has_errors and not lowering.partial:
        lowering.report(_no_output(lowering))
    return outputs


def _no_output(lowering: Lowering) -> Fault:
    loop = next((each for each in lowering.module.statements if isinstance(each, tree.For)), None)
    if loop is not None and all(name in lowering.arguments for name in lowering.values):
        help = "the end of a range is left out, and backwards a step follows: `3:0:-1`"
        return Fault("E0217", "the program has no statement", loop.span, "this loop assigns nothing", help=help)
    return Fault("E0217", "the program has no output", Span(lowering.module.source, 0, 0), help="name one: `output L`")


def _what(name: str, type: Type) -> str:
    """What a value is that should be a scalar."""
    return f"the shape of `{name}` is not known" if isinstance(type.shape, Unknown) else f"`{name}` is {type}"


def loss_of(lowering: Lowering, outputs: dict[str, int]) -> str | None:
    """The scalar that is differentiated: the one that the program names, else its only scalar output."""
    if lowering.loss is not None:
        key = _known(lowering, lowering.loss)
        if key is None:
            return None
        type = lowering.builder.type(lowering.values[key])
        if type.rank != 0:
            fault = Fault("E0401", f"the loss is a scalar, and {_what(key, type)}", lowering.loss.span)
            opened = opening(lowering, lowering.values[key])
            summed = f"for example `{'total' if key == 'L' else 'L'} = sum({key})`"
            fault.help = declared(lowering, opened) if opened else summed
            lowering.report(fault)
        elif not type.is_float:
            kind = {"int": "an integer", "bool": "a truth value"}[type.dtype]
            lowering.report(Fault("E0401", f"the loss is differentiated, and `{key}` is {kind}", lowering.loss.span))
        return key
    constants = lowering.environment.constants
    types = {name: lowering.builder.type(id) for name, id in outputs.items() if name not in constants}
    scalars = [name for name, type in types.items() if type.rank == 0 and type.is_float]
    return scalars[0] if len(scalars) == 1 else None


def _known(lowering: Lowering, name: tree.Name) -> str | None:
    """The plain name of a value that is to be a result; reports one that is none."""
    try:
        key = lowering.name(name, lowering.scope)
    except Silent:  # a value in the subscript is in error already
        return None
    except Fault as fault:
        lowering.report(fault)
        return None
    if key in lowering.values:
        return key
    if key in lowering.environment.constants:
        try:
            lowering.values[key] = _constant(lowering, lowering.environment.constants[key])
        except CallError as error:
            lowering.report(Fault(error.code, f"`{key}` cannot be a result: {error.message}", name.span))
            return None
        return key
    if key not in lowering.scope.values and key not in lowering.environment.damaged:
        close = suggest(key, list(lowering.values))
        lowering.report(
            Fault(
                "E0201",
                f"no value has the name `{key}`",
                name.span,
                help=f"did you mean `{close}`?" if close else None,
            )
        )
    return None


def _constant(lowering: Lowering, value: Value) -> int:
    """The node of a constant as a result: of the program's floating type."""
    return lowering.tensor(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)
