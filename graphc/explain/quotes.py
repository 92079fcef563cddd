"""What a derivation says of a step in the program's own words: its statement, and what names stand for.

    L = sum(X@W * M)      of the product, a part that has the name P here:     P = X@W   (net.g:3)
                                                                               P stands for X@W.
"""

from __future__ import annotations

from graphc.explain.forms import entries_of
from graphc.explain.units import Plan, Unit

__all__ = ["remarks_on", "statement_of"]


def statement_of(plan: Plan, unit: Unit) -> tuple[str, str]:
    """The statement that makes a value, and its place; of a part of one the part, by the name that it has here."""
    node, name = plan.graph[unit.id], unit.tensor.name
    origin = node.origin
    if origin is None or not 0 <= origin.statement < len(plan.graph.statements):
        return "", ""
    statement = plan.graph.statements[origin.statement]
    if origin.rule is not None:  # a gradient that the program has given a name: what assigns it is of interest
        starts = f"{name} =", f"{name},"
        own = [each for each in plan.graph.statements if each.text.startswith(starts)]
        statement = own[0] if own else statement
    text = statement.text
    if unit.id in plan.invented:
        part = _part_text(plan, unit.id)
        text = f"{name} = {part}" if part else f"{name}, in {text}"
    return text, f"{statement.file}:{statement.line}"


def remarks_on(plan: Plan, unit: Unit) -> list[str]:
    """What the names that are given here stand for: of the value itself, of parts that it is made of."""
    invented, remarks = plan.invented, []
    if unit.id in invented:
        statement = plan.graph.statements[plan.graph[unit.id].origin.statement]  # type: ignore[union-attr]
        remarks.append(f"This is a part of {statement.text}.")
    entries = entries_of(unit.expression) if unit.expression is not None else []
    for u in sorted({e.tensor.id for e in entries if isinstance(e.tensor.id, int)} | set(unit.operands)):
        node = plan.graph[u]
        if u in invented and node.op == "const":
            remarks.append(f"{invented[u]} stands for {_numbers(node.attr('value'))}.")
        elif u in invented:
            part = _part_text(plan, u) or "a part of the statement, which is a step of its own"
            remarks.append(f"{invented[u]} stands for {part}.")
        if u in plan.constant and unit.id in plan.active:
            remarks.append(f"{plan.tensors[u].name} cancels in what follows: nothing is differentiated through it.")
    return remarks


def _part_text(plan: Plan, id: int) -> str:
    """The part of a statement that makes a value, where the program itself has it."""
    origin = plan.graph[id].origin
    if origin is None or origin.span is None or origin.span.source.text != plan.graph.source:
        return ""
    part, whole = " ".join(origin.span.text.split()), plan.graph.statements[origin.statement].text
    place = whole.rfind("   [")  # the step of a loop stands behind its statement
    statement, step = (whole[:place], whole[place:]) if place >= 0 else (whole, "")
    return part + step if part in statement and part != statement else ""


def _numbers(value: object) -> str:
    """An array of numbers as a program writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_numbers, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
