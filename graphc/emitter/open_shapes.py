"""Checks of what only run time tells: whether values of unknown rank have the axes and sizes that are asked for.

    y = a[0:2] + b      of undeclared a and b becomes, in the check of the arguments,
    if a.ndim < 1:
        raise too_few_axes("argument a", a.ndim, 1)
    fit_together(("a[0:2]", "argument b"), (a[0:2].shape, b.shape))

It follows the shapes through the program as it was written, so that every level of optimisation refuses the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from graphc.emitter.describe import describe
from graphc.emitter.members import Members
from graphc.emitter.naming import Names
from graphc.emitter.sizes import words
from graphc.emitter.text import bracketed, quoted
from graphc.ir.bounds import maximum
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Shape, Unknown
from graphc.language.nested import counted, leaves
from graphc.language.quoting import MOST_NAMED, quotation
from graphc.ops.axes import least_rank
from graphc.passes.dce import needed
from graphc.passes.expand import expand

__all__ = ["Form", "OpenShapes", "Sizes"]

LEFT_OPEN = {"reshape", "broadcast_to"}
"""Operations on values of known rank, too, of which some sizes are compared when the module runs."""

_PLAIN = re.compile(r"[^ ()]*(\[[^()]*\])?\.shape(\[[^()]*\])?")
"""A shape that reads well where it is used: `a.shape`, `a[0:2].shape`, `a.shape[1:]`."""


class Form(NamedTuple):
    """How the check writes a shape. `within` are the texts of shapes that certainly broadcast to this one; `leaves` the
    arguments whose common shape it is, with the axes that are gone from it, where it is as simple as that: sets of the
    `texts` and `names` of `OpenShapes`."""

    text: str
    within: int = 0
    leaves: int = 0
    gone: int | None = 0
    broadcast: bool = True  # and nothing but their common shape

    @property
    def rank(self) -> str:
        return self.text.removesuffix(".shape") + ".ndim" if self.text.endswith(".shape") else f"len({self.text})"

    def size(self, axis: int) -> str:
        return f"{self.text}[{axis}]"


@dataclass
class Sizes:
    """What the check of the arguments knows: names of arguments and sizes, how a shape is shown."""

    called: dict[str, str]
    text: Callable[[str], str]
    known: Callable[[Dim], bool]
    shown: Callable[[tuple[Dim, ...]], str]
    names: Names


@dataclass
class OpenShapes:
    """Walks through a program, operands first. `lines` are the checks of shapes, `ranges` those of indices."""

    program: Graph
    sizes: Sizes
    lines: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.texts, self.names = Members(), Members()
        self.forms: dict[Shape, Form] = {}
        self.of: dict[int, tuple[str, ...]] = {}  # the arguments that a value is made of
        self.least: dict[Shape, int] = {}
        self.bound: dict[str, str] = {}
        self.longest: dict[str, tuple[int, int]] = {}  # what a size must reach at least, and in which line it says so
        self.asking = True
        self.settled: set[Dim] = set()  # differences of sizes that have been asked to be 0
        self.graph = _as_written(self.program)
        self.covered = [self.names.of(names) for names in self.graph.together]
        self.bounds = frozenset(self.graph.bounds)
        self.ranks = [(self.names.of(names), rank) for names, rank in self.graph.ranks]
        if any(map(_leaves_open, self.graph)):
            for node in self.graph:
                self._visit(node)
            self._settle()

    # ------------------------------------------------------------ the walk

    def _visit(self, node: Node) -> None:
        if node.op == "argument":
            self._argument(node)
            return
        self.of[node.id] = tuple(dict.fromkeys(n for u in node.operands for n in self.of[u]))[: MOST_NAMED + 1]
        types = [self.graph[u].type for u in node.operands]
        if node.op not in LEFT_OPEN and not any(isinstance(t.shape, Unknown) or t.dtype == "shape" for t in types):
            return
        self.asking = not node.of_rule  # what a rule makes of shapes fits
        self._operation(node)

    def _argument(self, node: Node) -> None:
        name = node.attr("name")
        self.of[node.id] = (name,)
        if isinstance(node.type.shape, Unknown):
            self.forms[node.type.shape] = Form(f"{self.sizes.called[name]}.shape", leaves=self.names.of([name]))

    def _operation(self, node: Node) -> None:
        from graphc.emitter.shape_rules import RULES

        op = self.graph.op(node)
        rule = RULES.get(node.op)
        if rule is not None:
            rule(self, node)
        elif node.attr("keepdims") is not None:
            RULES["sum"](self, node)
        elif op.elementwise or op.family == "elementwise":
            self.together(node, node.operands)
        elif node.attr("axis") is not None:
            axis = node.attr("axis")
            self.has_axes(node.operands[0], axis if isinstance(axis, tuple) else (axis,))

    def form(self, id: int) -> Form | None:
        """How the shape of a value is written, if the check can say it."""
        shape = self.graph[id].type.shape
        if isinstance(shape, Unknown):
            return self.forms.get(shape)
        return Form(self.display(shape), gone=None, broadcast=False) if all(map(self.sizes.known, shape)) else None

    def display(self, shape: Sequence[Dim]) -> str:
        """A known shape as a tuple."""
        return "(" + ", ".join(d.text(self.sizes.text) for d in shape) + ("," if len(shape) == 1 else "") + ")"

    def result(self, node: Node, text: str, **more: object) -> None:
        """Enter the shape of what the node computes. What is longer than a name gets one."""
        shape = node.type.shape
        if not isinstance(shape, Unknown) or shape in self.forms:
            return
        if not _PLAIN.fullmatch(text):
            text = self.named(text, f"{node.name or describe(self.graph, node.id)}_shape")
        self.forms[shape] = Form(text, **more)  # type: ignore[arg-type]  # the fields of Form

    # ------------------------------------------------------------ what is asked for

    def label(self, id: int) -> str:
        """What an error calls a value."""
        return quotation(self.graph[id], self.of[id], describe(self.graph, id))

    def refuse(self, condition: str, error: str, *parts: str) -> None:
        """A check that raises what the helper of the module `error` makes of these parts."""
        if self.asking:
            self.lines += [f"if {condition}:", f"    raise {error}({', '.join(parts)})"]

    def has_axes(self, id: int, axes: Sequence[int]) -> Form | None:
        """Require that a value has these axes; its shape, if the check can write it."""
        form = self.form(id)
        self.has_rank(id, least_rank(axes))
        return form

    def has_rank(self, id: int, least: int) -> None:
        """Require so many axes, unless that has been asked before."""
        form, shape = self.form(id), self.graph[id].type.shape
        if form is None or not isinstance(shape, Unknown) or self.least.get(shape, 0) >= least or not self.asking:
            return
        self.least[shape] = least
        gone = form.gone
        if gone is not None and any(names == form.leaves and rank >= least + gone for names, rank in self.ranks):
            return
        self.refuse(f"{form.rank} < {least}", "too_few_axes", quoted(self.label(id)), form.rank, str(least))

    def has_entry(self, id: int, axis: int, place: Dim | int) -> None:
        """Require that an axis is long enough for one entry, counted from the front or from the end."""
        form, place = self.form(id), dim(place)
        if form is None or not self.sizes.known(place):
            return
        self.is_long(id, axis, maximum(place + 1, -place), f"index {place}")

    def is_long(self, id: int, axis: int, least: Dim, what: str) -> None:
        """Require so many entries along an axis."""
        form = self.form(id)
        if form is not None and self.sizes.known(least):
            size, wanted = form.size(axis), least.text(self.sizes.text)
            name = quoted(f"{axis} of {self.label(id)}")
            before = len(self.lines)
            self.refuse(f"{size} < {wanted}", "too_small", name, size, wanted, quoted(what))
            if least.value is not None and len(self.lines) > before:
                self._greatest(size, least.value, before)

    def _greatest(self, size: str, least: int, at: int) -> None:
        """Of several numbers that a size must reach the greatest is asked for, where the first of them was."""
        known, first = self.longest.setdefault(size, (least, at))
        if first != at:
            lines = [self.lines.pop(), self.lines.pop()][::-1]
            if least > known:
                self.lines[first : first + 2] = lines
                self.longest[size] = least, first

    def in_range(self, id: int, of: int, axis: int) -> None:
        """Require that indices stay within an axis. Computed ones are checked where they are."""
        node, form = self.graph[id], self.form(of)
        if form is None or not self.asking:
            return
        if node.op == "argument":
            name, size = node.attr("name"), form.size(axis)
            what = quoted(f"argument {name}")
            given = f"{what}, {self.sizes.called[name]}, {size}, negative=True"
            self.ranges.append(f"check_range({given})")
        elif node.op == "const":
            places = list(leaves(node.attr("value")))
            for place in {int(min(places)), int(max(places))} if places else ():
                self.has_entry(of, axis, place)
        elif node.op == "arange":
            for least, last in counted(node):
                self.is_long(of, axis, least, f"index {last}")

    def named(self, text: str, name: str) -> str:
        """A name for a shape that is written more than once."""
        name = self.sizes.names.fresh(name)
        self.bound[name] = text
        self.lines.append(f"{name} = {text}")
        return name

    def shape_said(self, id: int) -> str:
        """What an error calls the shape that a node of a shape holds."""
        node = self.graph[id]
        return f"the shape of {self.label(node.operands[0])}" if node.op == "shape_of" else "the shape asked for"

    def together(self, node: Node, operands: Sequence[int]) -> None:
        """Require that operands broadcast with each other; those of unknown rank must not enlarge one of known rank."""
        open_: dict[str, int] = {}  # by how the check writes them, the first value of a shape
        for u in operands:
            if isinstance(self.graph[u].type.shape, Unknown):
                form = self.form(u)
                if form is None:
                    return
                open_.setdefault(form.text, u)
        result = node.type.shape
        if not isinstance(result, Unknown):
            for u in open_.values() if result else ():
                self.fits(u, result)
            return
        known = {text: self.form(u) or Form(text) for text, u in open_.items()}
        wide = {t: u for t, u in open_.items() if not any(self.texts.has(f.within, t) for f in known.values())}
        forms = [known[text] for text in wide]
        if len(wide) > 1:
            leaves, within = 0, self.texts.of(wide)
            for form in forms:
                leaves, within = leaves | form.leaves, within | form.within
            broadcast = all(form.broadcast for form in forms)
            if not (broadcast and any(leaves & names == leaves for names in self.covered)):
                labels = [quoted(self.label(u)) for u in wide.values()]
                self.fit_together(labels, [form.text for form in forms])
            alike = all(form.gone == forms[0].gone for form in forms)
            text = f"np.broadcast_shapes({', '.join(form.text for form in forms)})"
            gone = forms[0].gone if alike else None
            self.result(node, text, within=within, leaves=leaves, gone=gone, broadcast=broadcast)
        elif wide and result not in self.forms:
            self.forms[result] = forms[0]

    def fit_together(self, labels: Sequence[str], texts: Sequence[str]) -> None:
        """Require that shapes broadcast."""
        if not self.asking:
            return
        parts = [f"({', '.join(labels)})", f"({', '.join(texts)})"]
        self.lines += bracketed("fit_together(", parts, ")")

    def fits(self, id: int, outer: tuple[Dim, ...]) -> None:
        """Require that a value does not enlarge a partner of known rank."""
        shape = self.graph[id].type.shape
        if (shape, outer) in self.bounds and isinstance(shape, Unknown) and shape.leaf:
            return
        form = self.form(id)
        if form is not None and all(map(self.sizes.known, outer)):
            self.fits_into(id, form, self.display(outer), self.sizes.shown(outer))

    def fits_into(self, id: int, form: Form, outer: str, said: str) -> None:
        """Require that the shape of a value broadcasts to another one without enlarging it."""
        if self.asking:
            given = f"{quoted(self.label(id))}, {form.text}, {outer}, {quoted(said)}"
            self.lines.append(f"fits_into({given})")

    # ------------------------------------------------------------ the end

    def _settle(self) -> None:
        """Each check once; shapes that nothing asks for are not named."""
        self.lines = _once(self.lines)
        self.ranges = list(dict.fromkeys(self.ranges))

    def needed(self, code: Sequence[str]) -> list[str]:
        """The checks of shapes; of those that only name a shape, what `code` or a later one needs."""
        return self._kept(self.lines, code)

    def bindings(self, code: Sequence[str]) -> list[str]:
        """The names of shapes alone that `code` needs."""
        return self._kept([line for line in self.lines if line.split(" = ")[0] in self.bound], code)

    def _kept(self, lines: Sequence[str], code: Sequence[str]) -> list[str]:
        used, kept = words(code), list[str]()
        for line in reversed(lines):
            name = line.split(" = ")[0]
            if name not in self.bound or name in used:
                used |= words([line])
                kept.append(line)
        return kept[::-1]


def _once(lines: Sequence[str]) -> list[str]:
    """The statements without repetitions, each with the lines that belong to it."""
    statements: list[str] = []
    for line in lines:
        if statements and line[:1] in (" ", ")"):
            statements[-1] += "\n" + line
        else:
            statements.append(line)
    return [line for statement in dict.fromkeys(statements) for line in statement.split("\n")]


def _leaves_open(node: Node) -> bool:
    """Whether there may be something to check where a value is made, or used."""
    return node.op in LEFT_OPEN or isinstance(node.type.shape, Unknown) or node.type.dtype == "shape"


def _as_written(program: Graph) -> Graph:
    """What the program computes, without gradients, of primitive operations."""
    roots = {**program.outputs, **program.values}
    keep = needed(program, [*roots.values(), *program.updates.values()]) | {a.node for a in program.arguments}
    nodes = {id: node for id, node in program.nodes.items() if id in keep}
    kept = program.replace(nodes=nodes, gradients={}, cotangents={}, values=program.values)
    if any(isinstance(program[a.node].type.shape, Unknown) for a in program.arguments):
        return expand(kept, share=True)
    return kept  # the definitions of operations leave nothing open
