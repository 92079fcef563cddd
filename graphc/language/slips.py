"""What a program most likely does not mean: no statement at all, a misspelt name that is taken for an input, names of
letters that look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.language import tree
from graphc.language.depth import nodes_of
from graphc.language.diagnostics import slip
from graphc.language.lookalikes import lookalikes
from graphc.language.source import Span
from graphc.language.values import Fault

if TYPE_CHECKING:
    from graphc.language.lowering import Lowering

__all__ = ["check_free_names", "check_gradients", "check_lookalikes", "check_statements"]


def check_statements(lowering: Lowering) -> None:
    """A program does something."""
    actions = (tree.Assign, tree.For, tree.Update, tree.Output, tree.Loss)
    idle = not any(isinstance(statement, actions) for statement in lowering.module.statements)
    if idle and not lowering.diagnostics.has_errors and not lowering.partial:
        start = Span(lowering.module.source, 0, 0)
        lowering.report(Fault("E0217", "the program has no statement", start, help="for example `L = sum(x * x)`"))


def check_free_names(lowering: Lowering, loss: str | None) -> None:
    """A free name is an input; one that looks like a slip of the pen for another name is said to be."""
    environment = lowering.environment
    known = sorted({*lowering.declared, *lowering.assigned, *environment.constants, *environment.dims})
    unused = {name.casefold(): name for name in lowering.declared if name not in lowering.used}
    gradients = _gradients(lowering) if loss else {}
    for name, span in lowering.first_use.items():
        label = None
        help = _mathematics(span.text)
        if help is not None:
            label = f"`{span.text}` is one name" + (f", the same as `{name}`" if span.text != name else "")
        elif name in ("pi", "π"):
            help = f"the number is `const {name} = 3.141592653589793`; otherwise declare it: `input {name}`"
        elif name in gradients:
            help = f"the gradient is `grad({loss}, {gradients[name]})`; otherwise declare it: `input {name}`"
        elif lowering.budget.hint(len(known)):
            meant = unused.get(name.casefold()) or slip(name, known)
            help = meant and f"did you mean `{meant}`? otherwise declare it: `input {name}`"
        if help is not None:
            message = f"`{name}` is not declared or assigned, so it is taken for an input"
            lowering.diagnostics.warning("W0201", message, span, label=label, help=help)


def _gradients(lowering: Lowering) -> dict[str, str]:
    """The free names `dx` that stand in the update of a parameter `x` alone, each with that; elsewhere `dx` is a name
    as any other."""
    statements = lowering.module.statements
    updates = {each.target.id: each for each in statements if isinstance(each, tree.Update)}
    kinds = {name: argument.kind for name, argument in lowering.arguments.items()}
    found = {f"d{name}": name for name in updates if kinds.get(name, "input") != "input"}
    found = {name: of for name, of in found.items() if name in lowering.first_use}
    if found:
        for statement in statements:
            for node in nodes_of(statement):
                if isinstance(node, tree.Name) and node.id in found and statement is not updates[found[node.id]]:
                    del found[node.id]
    return found


def _mathematics(text: str) -> str | None:
    """The help for a free name that reads as a formula: signs of these are letters to Python."""
    if text.endswith("ᵀ") and len(text) > 1:
        return f"the transpose is written `{text[:-1]}.T`"
    left, dot, right = text.partition("·")
    return f"to multiply, write `{left} * {right}`" if dot and left and right else None


def check_gradients(lowering: Lowering) -> None:
    """A gradient that a program asks for is hardly meant to be zero."""
    for id, call in lowering.zero_gradients:
        loss, x = (argument.span for argument in call.arguments)
        node = lowering.builder[id]
        place = node.origin.span if node.op == "argument" and node.origin else x
        message = f"`{loss.text}` does not depend on `{x.text}` smoothly: its gradient is zero"
        lowering.diagnostics.warning("W0401", message, place)


def check_lookalikes(lowering: Lowering) -> None:
    """Two names that only look the same are hardly meant."""
    places = {name: declared.span for name, declared in lowering.declared.items()}
    places |= lowering.assigned | lowering.first_use
    for first, name in lookalikes(places):
        lowering.diagnostics.warning(
            "W0202",
            f"two different names look like `{name}`",
            places[name],
            label="of these letters " + " ".join(f"U+{ord(char):04X}" for char in name[:12]),
            notes=[("of these " + " ".join(f"U+{ord(char):04X}" for char in first[:12]), places[first])],
            help="letters of two alphabets are mixed; write both names alike, or choose another",
        )
