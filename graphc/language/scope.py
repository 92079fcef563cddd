"""Names while a program is lowered: values, functions, dimension names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from graphc.language import tree
from graphc.language.source import Span
from graphc.language.unwanted import is_wanted
from graphc.language.values import Fault, Silent, Value
from graphc.ops.base import Op

__all__ = ["Environment", "Scope"]


@dataclass
class Environment:
    """What the bodies of one file's functions see: its functions, operations, constants; all dimension names."""

    functions: dict[str, Function] = field(default_factory=dict)
    ops: dict[str, Op] = field(default_factory=dict)
    constants: dict[str, Value] = field(default_factory=dict)
    dims: set[str] = field(default_factory=set)
    damaged: frozenset[str] = frozenset()
    """Words of statements that did not parse: they may be names of anything."""
    incomplete: bool = False
    """Whether an import failed: then functions that are not known are its."""
    of_program: bool = False
    """Whether it is that of a program's file, and not of graphc's own rules."""


@dataclass(frozen=True)
class Function:
    """A `def` and the file it belongs to."""

    definition: tree.Def
    environment: Environment


class Scope:
    """The names that an expression sees. `missing` is asked for a name that is nowhere; it answers or faults."""

    def __init__(
        self, environment: Environment, missing: Callable[[str, Span], Value] | None = None, inside: str | None = None
    ) -> None:
        self.environment = environment
        self.values: dict[str, Value] = {}
        self.places: dict[str, Span] = {}
        self.running: list[tree.For] = []  # the loops that run
        self.missing = missing
        self.body: Sequence[tree.Statement] | None = None
        """The statements that are run in it, once they are."""
        self.inside = inside

    @cached_property
    def has_unwanted(self) -> bool:
        """Whether `_` stands for results that nobody wants."""
        return self.body is not None and not is_wanted(self.body)

    def lookup(self, name: str, span: Span) -> Value:
        """The value of a name. Raises Fault where there is none."""
        from graphc.ir.dims import dim

        if name in self.values:
            return self.values[name]
        if name in self.environment.constants:
            return self.environment.constants[name]
        if name in self.environment.damaged:
            raise Silent
        if self.missing is not None:
            return self.missing(name, span)
        if name in self.environment.dims:
            return dim(name)
        raise self._unknown(name, span)

    def _unknown(self, name: str, span: Span) -> Fault:
        from graphc.language.diagnostics import suggest

        known: Iterable[str] = [*self.values, *self.environment.constants, *self.environment.dims]
        close = suggest(name, list(known))
        sees = f"a body sees its arguments, constants and dimension names only: make `{name}` an argument"
        if self.inside and self.inside.startswith("the rule"):
            sees = "a rule sees its operands, its result and the gradient of that: `dy` of `y`"
        return Fault(
            "E0201",
            f"no value has the name `{name}`" + (f" in {self.inside}" if self.inside else ""),
            span,
            label="not known here",
            help=f"did you mean `{close}`?"
            if close
            else sees
            if self.inside
            else None,
        )

    def define(self, name: str, value: Value, span: Span) -> None:
        """Give a name its value. Raises Fault where it has one already."""
        if name in self.values:
            first = self.places.get(name)
            if first == span and self.running:
                help = f"each step of a loop needs a name of its own: `{span.text}_{{{self.running[-1].variable.id}}}`"
                if "{" in span.text:
                    help = "its subscripts must differ from step to step, of all the loops around it"
                raise Fault("E0202", f"`{name}` is assigned at every step", span, "a name is assigned once", help=help)
            help = "give this value another name"
            before = first is not None and len(self.running) == 1 and first.start < self.running[0].span.start
            if before and "{" not in span.text:
                plain, step = span.text, self.running[0].variable.id
                own = f"`{plain}_0` before it, then `{plain}_{{{step}+1}} = …`"
                help = f"in a loop each step has a name of its own: {own}"
            raise Fault(
                "E0202",
                f"`{name}` is assigned twice",
                span,
                label="a name is assigned once",
                notes=[(f"`{name}` is first assigned here", first)] if first else [],
                help=help,
            )
        self.values[name] = value
        self.places[name] = span
