"""Random programs of all operations, each with its meaning in Python beside it.

A statement is kept if its Python gives numbers of the order of 1, so that shapes need no rules of their own here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from fuzz.forms import CALCULUS, FORMS, FUNCTIONS, SEVERAL
from fuzz.program import SIZES, Argument, Statement, Wide
from fuzz.translation import meanings
from ops.running import quietly

__all__ = ["wide"]

PALETTE: dict[str, tuple[str, ...]] = {
    "X": ("N", "D"), "Y": ("N", "D"), "W": ("D", "H"), "V": ("D", "D"), "b": ("D",), "c": ("N", "1"), "s": (),
    "T": ("H", "N", "D"), "u": ("N",), "r": ("1", "D"), "q": ("N", "2", "D", "C"), "p": ("1",), "z": ("2*N", "D"),
    "B": ("C", "N", "D"), "λ": ("H",), "m": ("2", "3"), "o": ("1", "1"),
}  # fmt: skip
SPREAD = ("b", "c", "s", "u", "r", "p", "o", "T")
"""Of these, those that broadcasting may enlarge, or that enlarge others."""
LARGEST, MOST_ENTRIES = 40.0, 700
TRIES = 12
PLACES = re.compile(r"\{(\w+)\}")
RANKS = {"x": (0, 9), "r": (1, 9), "v": (1, 1), "m": (2, 2), "t": (3, 9), "t3": (3, 3), "q": (4, 4), "s": (0, 0)}
WRAPPED = ("tanh({})", "(-{})", "({} * 0.5)", "({} + 1)", "{}[...]", "sin({})", "({} - {})", "abs({})", "({} / 2)")


def wide(number: int) -> Wide:
    """The program of this number."""
    with quietly():
        return _Maker(number).made()


class _Maker:
    def __init__(self, number: int) -> None:
        self.rng = random.Random(number)
        self.program = Wide(number)
        self.drawn = np.random.default_rng(number)
        self.values: dict[str, Any] = {}
        self.known: dict[str, Any] = {**meanings(), **SIZES}
        self.count = 0
        self.functions: set[int] = set()
        self.loops = 0
        self.aliases: set[str] = set()
        """Second names of values: what depends on the value depends on them, too, and Python sees it otherwise."""
        self.mixed = self.rng.random() < 0.15
        """Whether integers and truth values take part in everything."""
        self.open = self.rng.random() < 0.15
        """Whether many arguments are undeclared and meet in what broadcasts: shapes are found at run time."""
        self.calculus = 0

    # ------------------------------------------------------------ the whole

    def made(self) -> Wide:
        program, rng = self.program, self.rng
        others = SPREAD if self.open else sorted(set(PALETTE) - {"X"})
        for name in ("X", *rng.sample(others, rng.randint(1, 4))):  # `N` and `D` are of something
            self.argument(name, PALETTE[name])
        program.params = rng.random() < 0.3
        program.mixed = self.mixed
        if self.mixed:
            self.argument("g", ("N", "D"), "int", "3")
            self.argument("h", ("D",), "bool")
            self.argument(
                "e",
                self.choice(("D",), ("N", "1"), (), ("N", "2", "D", "C"), ("D", "D")),
                self.choice("int", "bool"),
                "3",
            )
        families = ["arithmetic", "elementwise", "reductions"] if self.open else list(FORMS)
        for _ in range(rng.choice((3, 6, 10, 16, 30, 45))):
            kind = rng.random()
            if kind < 0.06:
                self.loop()
            elif kind < 0.10:
                self.function()
            elif kind < 0.13:
                self.several()
            elif kind < 0.16 and self.calculus < 3:
                self.derivative()
            elif kind < 0.17:
                self.constant()
            else:
                self.form(rng.choice(FORMS[rng.choice(families)]))
        self.ending()
        return program

    def ending(self) -> None:
        program, rng = self.program, self.rng
        made = [name for s in program.statements for name in s.makes]
        if made and rng.random() < 0.12:
            program.outputs = made
            return
        floats = [name for name in made if self.kind(name) == "f" and not name.startswith("const_")]
        if not floats:
            self.form("tanh({x})")
            floats = [program.statements[-1].makes[0]] if program.statements else []
        last = floats[-3:] if rng.random() < 0.6 else rng.sample(floats, min(3, len(floats)))
        if rng.random() < 0.6 and last:
            terms = [
                f"{self.choice('sum', 'mean')}({self.choice('tanh({})', '{}', '{} * {}', 'sin({})')})" for _ in last
            ]
            text = " + ".join(t.replace("{}", name) for t, name in zip(terms, last, strict=True))
            program.statements.append(Statement(f"L = {text}", f"L = {text}", ("L",), frozenset(last)))
            program.loss = "L"
            program.outputs = ["L", *rng.sample(last, rng.randint(0, 1))]
            if rng.random() < 0.25:
                self.updates()
        else:
            ints = [name for name in made if self.kind(name) in "ib"]
            program.outputs = list(dict.fromkeys([*last, *ints[-1:]]))
        arguments = [a.name for a in program.arguments if a.kind == "float"]
        if rng.random() < 0.2 and last and arguments:
            inner = [] if self.calculus else [name for name in floats if name not in self.aliases]
            names = list(dict.fromkeys([rng.choice(arguments), rng.choice([*inner, *arguments])]))
            program.wrt = tuple(names)
        if (self.open or rng.random() < 0.15) and arguments:
            program.undeclared = frozenset(rng.sample(arguments, rng.randint(1, len(arguments)))) - {"X"}

    def updates(self) -> None:
        names = [a.name for a in self.program.arguments if a.kind == "float"]
        for name in self.rng.sample(names, min(2, len(names))):
            new = self.choice(
                "{x} - 0.1 * grad(L, {x})", "{x} * 0.9 - grad(L, {x}) / 2", "tanh({x} - grad(sum(sin({x})), {x}))"
            )
            text = new.replace("{x}", name)
            python = _python_of(new.replace("{x}", "{u}")).replace("{u}", name)
            self.program.updates.append(
                Statement(f"{name} <- {text}", f"step_{name} = {python}", (), frozenset([name, "L"]))
            )

    # ------------------------------------------------------------ parts

    def choice(self, *options: Any) -> Any:
        return self.rng.choice(options)

    def kind(self, name: str) -> str:
        return np.asarray(self.values[name]).dtype.kind

    def argument(self, name: str, dims: tuple[str, ...], kind: str = "float", below: str = "1") -> str:
        """Declare an argument, once."""
        if name not in self.values:
            argument = Argument(name, dims, kind, below)
            self.program.arguments.append(argument)
            self.values[name] = self.known[name] = argument.draw(self.drawn, SIZES)
        return name

    def names_of(self, sizes: tuple[int, ...]) -> tuple[str, ...] | None:
        """What the program calls these sizes."""
        called = {size: name for name, size in SIZES.items()} | {1: "1", 2: "2", 3: "3", 10: "2*N"}
        names = tuple(called.get(size, "") for size in sizes)
        return names if all(names) else None

    def pick(self, low: int, high: int, kinds: str = "f", without: Collection[str] = ()) -> str | None:
        """A value of a rank; the last ones sooner."""
        fitting = [n for n, v in self.values.items() if low <= np.ndim(v) <= high and self.kind(n) in kinds]
        fitting = [name for name in fitting if name not in without]
        if not fitting:
            return None
        return self.rng.choice(fitting[-6:] if self.rng.random() < 0.6 else fitting)

    def like(self, wanted: Any, kinds: str = "f") -> str | None:
        fitting = [n for n, v in self.values.items() if self.kind(n) in kinds and wanted(np.shape(v))]
        return self.rng.choice(fitting) if fitting else None

    def shape(self, name: str) -> tuple[int, ...]:
        return np.shape(self.values[name])

    def number(self) -> str:
        return self.choice("0.5", "2", "1.5", "0.25", "3", "1e-1", "0.7", "1")

    # ------------------------------------------------------------ filling in

    def filled(self, form: str) -> tuple[dict[str, str], frozenset[str]] | None:
        """What stands in the places of a form, and the names in it; None if there is nothing for one."""
        found: dict[str, str] = {}
        reads: set[str] = set()
        first: str | None = None
        for place in sorted(dict.fromkeys(PLACES.findall(form)), key=lambda place: place not in RANKS):
            if place in RANKS:
                name = self.pick(*RANKS[place], "f" if self.rng.random() < (0.3 if self.mixed else 0.93) else "fib")
            elif place in ("S", "u"):
                name = self.pick(*((0, 0) if place == "S" else (0, 2)), without=self.aliases if place == "u" else ())
            elif place in ("n", "k"):
                found[place] = self.number() if place == "n" else self.choice("0", "1", "2")
                continue
            elif place == "K":
                found[place] = self.choice("", ", keepdims=true", ", keepdims=false")
                continue
            elif place == "R":
                found[place] = self.choice("", *(f', reduction="{r}"' for r in ("mean", "none", "sum")))
                continue
            else:
                if first is None:
                    first = self.pick(0, 3)
                    if first is None:
                        return None
                if place in ("a", "A"):
                    found[place] = self.axis(len(self.shape(first)), place == "A")
                    continue
                name = self.partner(place, first)
            if name is None:
                return None
            reads.add(name)
            if first is None:
                first = name
            found[place] = name
            if place not in "uSyij" and place not in ("i2", "y2", "c") and self.rng.random() < 0.12:
                found[place] = self.rng.choice(WRAPPED).replace("{}", name)
        return found, frozenset(reads)

    def axis(self, rank: int, several: bool) -> str:
        if rank == 0:
            return "none" if several else "0"
        one = self.rng.randrange(-rank, rank)
        if several and rank > 1 and self.rng.random() < 0.3:
            axes = self.rng.sample(range(rank), 2)
            return f"({axes[0]}, {axes[1] - rank})"
        return str(one)

    def partner(self, place: str, first: str) -> str | None:
        """A value that goes with the first one."""
        shape = self.shape(first)
        kinds = "fib" if self.mixed and self.rng.random() < 0.6 else "f"
        if place == "e":
            return self.like(lambda s: s == shape, kinds)
        if place == "b":
            if self.rng.random() < 0.5:
                return self.like(lambda s: s == shape, kinds)
            return self.like(lambda s: _fits(s, shape), kinds)
        if place == "c":
            found = self.like(lambda s: _fits(s, shape), "b")
            dims = self.names_of(shape)
            if found is None and dims is not None:
                found = self.argument(f"f{len(self.program.arguments)}", dims, "bool")
            return found
        if place in ("w", "W", "d"):
            return self.factor(place, shape)
        if place in ("i", "j", "i2", "y", "y2") and shape:
            dims = self.names_of(shape)
            if dims is None:
                return None
            if place == "i2":
                return self.argument("k_2", ("3",), "int", "1")
            if place in ("i", "j"):
                size = dims[0 if place == "i" else -1]
                return self.argument(f"i_{size.replace('*', '')}", ("3",), "int", size)
            below = dims[-1] if place == "y" else "2"
            return self.argument(f"y_{'_'.join(dims[:-1])}_{below}".replace("*", ""), dims[:-1], "label", below)
        return None

    def factor(self, place: str, shape: tuple[int, ...]) -> str | None:
        if not shape:
            return None
        if place == "d":
            wanted = (shape[-1],)
            found = self.like(lambda s: s == wanted)
        elif place == "w":
            wanted = (shape[-1], self.rng.choice((5, 4, 7, 3)))
            found = self.like(lambda s: len(s) == 2 and s[0] == shape[-1])
        else:
            if len(shape) < 2:
                return None
            wanted = (self.rng.choice((5, 4, 7, 3)), shape[-2])
            found = self.like(lambda s: len(s) == 2 and s[1] == shape[-2])
        if found is None or self.rng.random() < 0.3:
            dims = self.names_of(wanted)
            if dims is not None:
                return self.argument(f"w_{'_'.join(dims)}".replace("*", ""), dims)
        return found

    # ------------------------------------------------------------ statements

    def value(self, python: str) -> Any:
        """What a line's right side gives, or None if it is nothing to go on with."""
        try:
            value = eval(python, self.known)
        except (ValueError, TypeError, IndexError, ZeroDivisionError, np.linalg.LinAlgError, AssertionError, KeyError):
            return None
        parts = value if isinstance(value, (tuple, list)) else (value,)
        for part in parts:
            array = np.asarray(part)
            if array.dtype == np.float16:  # what NumPy makes of squares of truth values
                return None
            if array.dtype.kind not in "fib" or array.size > MOST_ENTRIES or array.size == 0 or array.ndim > 5:
                return None
            if not np.isfinite(array).all() or np.abs(array * 1.0).max() > LARGEST:
                return None
        return value

    def keep(self, text: str, python: str, value: Any, reads: frozenset[str]) -> None:
        parts = list(value) if isinstance(value, (tuple, list)) else [value]
        names = []
        for part in parts:
            self.count += 1
            names.append(f"z{self.count}")
            if len(parts) > 1:  # one result may be made of another, as by `halves`
                self.aliases.add(names[-1])
            self.values[names[-1]] = self.known[names[-1]] = np.asarray(part)
        left = ", ".join(names)
        self.program.statements.append(Statement(f"{left} = {text}", f"{left} = {python}", tuple(names), reads))

    def form(self, form: str) -> bool:
        for _ in range(TRIES):
            found = self.filled(form)
            if found is None:
                return False
            places, reads = found
            text = _in_places(form, places)
            value = self.value(text)
            if value is not None:
                self.keep(text, text, value, reads)
                return True
        return False

    def several(self) -> None:
        self.form(self.choice(*SEVERAL))

    def function(self) -> None:
        number = self.rng.randrange(len(FUNCTIONS))
        text, python, forms = FUNCTIONS[number]
        if number not in self.functions:
            self.functions.add(number)
            self.program.functions.append((text, python))
            exec(python, self.known)
        self.form(self.choice(*forms))

    def constant(self) -> None:
        text = self.choice("0.3", "[[1, 0.5, -1, 2], [0.25, -1, 2, 1]]", "[0.5, 1, 2, 0]", "2.5")
        self.count += 1
        name = f"z{self.count}"
        self.values[name] = self.known[name] = np.asarray(eval(text)) * 1.0
        self.program.statements.append(
            Statement(f"const {name} = {text}", f"{name} = np.array({text}) * 1.0", (name,), frozenset())
        )

    def derivative(self) -> None:
        form = self.choice(*CALCULUS)
        found = self.filled(form)
        if found is None:
            return
        places, reads = found
        if form.startswith(("jac", "sum(j", "hess", "sum(h")):
            inner = np.prod([np.size(self.values[n]) for n in reads if n in self.values])
            if inner > 200:
                return
        text = _in_places(form, places)
        python = _in_places(_python_of(form), places)
        program = self.program
        translation = program.translation(SIZES)
        try:
            arguments = {a.name: self.values[a.name] for a in program.arguments}
            translation.lines.append(compile(f"result = {python}", python, "exec"))
            value = translation.run(arguments)["result"]
        except (ValueError, TypeError, IndexError, NotImplementedError):
            return
        array = np.asarray(value)
        if (
            array.size > MOST_ENTRIES
            or array.size == 0
            or not np.isfinite(array).all()
            or np.abs(array).max() > LARGEST
        ):
            return
        self.calculus += 1
        self.keep(text, python, array, reads)

    def loop(self) -> None:
        """`for`, unrolled by hand beside it."""
        self.loops += 1
        self.choice(self.recurrence, self.recurrence, self.backwards, self.layers, self.grid)(f"h{self.loops}")

    def recurrence(self, h: str) -> None:
        found = self.filled(self.choice("{x}{b}", "{m}{d}"))
        if found is None:
            return
        places, reads = found
        x, o = places.values() if len(places) == 2 else (*places.values(), *places.values())
        first, last = self.choice((0, 3), (0, 1), (1, 4), (0, 5), (2, 2))
        body, more = self.choice(
            (f"tanh({h}_@ + {o})", ""), (f"{h}_@ * {o} / (k + 2) + {x}", ""), (f"sin({h}_@) - {o} * {h}_@", ""),
            (f"({h}_@ + {x}) / 2", f"{h}b_@ = {h}_+ * {o}"),
        )  # fmt: skip
        inside = f"{h}_+ = {body}" + (f"; {more}" if more else "")
        text = inside.replace("_@", "_{k}").replace("_+", "_{k+1}")
        lines = [f"{h}_{first} = {x}"]
        for k in range(first, last):
            line = inside.replace("_@", f"_{k}").replace("_+", f"_{k + 1}").replace("(k + 2)", f"({k} + 2)")
            lines += line.split("; ")
        self.unrolled(f"{lines[0]}\nfor k in {first}:{last} {{ {text} }}", lines, reads)

    def backwards(self, h: str) -> None:
        found = self.filled("{x}{b}")
        if found is None:
            return
        x, o = (list(found[0].values()) * 2)[:2]
        lines = [f"{h}_3 = {x}", *(f"{h}_{k - 1} = {h}_{k} * 0.5 - sin({o}) * {k}" for k in (3, 2, 1))]
        loop = f"for k in 3:0:-1 {{\n    {h}_{{k-1}} = {h}_{{k}} * 0.5 - sin({o}) * k\n}}"
        self.unrolled(f"{lines[0]}\n{loop}", lines, found[1])

    def layers(self, h: str) -> None:
        """Layers with parameters of their own, which are declared with subscripts."""
        x = self.like(lambda shape: len(shape) == 2 and shape[1] == SIZES["D"])
        if x is None:
            return
        layers = [((f"M_{k}", ("D", "D")), (f"c_{k}", ("D",))) for k in (0, 1)]
        names = [self.argument(name, dims) for layer in layers for name, dims in layer]
        lines = [f"{h}_0 = {x}", *(f"{h}_{k + 1} = tanh({h}_{k} @ M_{k} + c_{k}) + {h}_{k}" for k in (0, 1))]
        loop = f"for k in 0:2 {{ {h}_{{k+1}} = tanh({h}_{{k}} @ M_{{k}} + c_{{k}}) + {h}_{{k}} }}"
        self.unrolled(f"{lines[0]}\n{loop}", lines, frozenset([x, *names]))

    def grid(self, h: str) -> None:
        """A loop in a loop, and rows of an array by the loop's variable."""
        x = self.like(lambda shape: len(shape) >= 1 and shape[0] in (SIZES["N"], 2))
        if x is None:
            return
        lines = [f"{h}_{i}_{j} = {x}[{i}] * ({i} + 2*{j} + 1)" for i in (0, 1) for j in (0, 1, 2)]
        loop = f"for i in 0:2 {{ for j in 0:3 {{ {h}_{{i,j}} = {x}[i] * (i + 2*j + 1) }} }}"
        self.unrolled(loop, lines, frozenset([x]))

    def unrolled(self, text: str, lines: list[str], reads: frozenset[str]) -> None:
        """Keep a loop, if what its lines give is something to go on with."""
        python = "\n".join(lines)
        makes = [line.split(" = ")[0] for line in lines]
        known = dict(self.known)
        try:
            exec(python, known)
        except (ValueError, TypeError):
            return
        if any(np.size(known[n]) > MOST_ENTRIES or not np.abs(np.asarray(known[n])).max() <= LARGEST for n in makes):
            return
        for name in makes:
            self.values[name] = self.known[name] = np.asarray(known[name])
        self.aliases.add(makes[0])
        self.program.statements.append(Statement(text, python, tuple(makes), reads))


def _in_places(form: str, places: Mapping[str, str]) -> str:
    return PLACES.sub(lambda place: places[place.group(1)], form)


def _python_of(form: str) -> str:
    """A form with derivatives as the translation has them: of an expression's text with respect to a name."""
    return re.sub(r"\b(grad|jacobian|hessian|jvp|vjp|hvp)\((.*?), (\{u\})", r'calculus.\1("\2", "\3"', form)


def _fits(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(shape, other)
    except ValueError:
        return False
    return True
