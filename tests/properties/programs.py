"""Random programs: statements that fit each other's shapes, with values that stay of the order of 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

__all__ = ["Program", "programs"]

Shape = tuple[str, ...]  # names of sizes, or numbers

SIZES = {"N": 3, "D": 4, "H": 2}
ARGUMENTS: dict[str, Shape] = {
    "X": ("N", "D"), "Y": ("N", "D"), "W": ("D", "H"), "V": ("D", "D"), "b": ("D",), "c": ("N", "1"), "s": (),
    "T": ("H", "N", "D"), "u": ("N",),
}  # fmt: skip


@dataclass
class Program:
    """A program's text in parts, with its arguments."""

    declarations: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    ending: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join([*self.declarations, *self.statements, self.ending, ""])

    def without(self, names: Sequence[str]) -> str:
        """The text without the declarations of these arguments."""
        kept = [line for line in self.declarations if not line.startswith(tuple(f"input {n}[" for n in names))]
        return "\n".join([*kept, *self.statements, self.ending, ""])

    def __repr__(self) -> str:
        return f"\n{self.text}"


@st.composite
def programs(draw: st.DrawFn, longest: int = 7) -> Program:
    """A program of a few statements over some of the arguments."""
    maker = _Maker(draw)
    for _ in range(draw(st.integers(1, longest))):
        maker.statement()
    return maker.finish()


class _Maker:
    """Grows a program; `values` are the names that a statement may use, with their shapes."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.program = Program()
        self.rng = np.random.default_rng(draw(st.integers(0, 2**16)))
        self.values: dict[str, Shape] = {}
        self.count = 0
        self.functions: set[str] = set()
        for name in draw(st.lists(st.sampled_from(sorted(ARGUMENTS)), min_size=1, max_size=4, unique=True)):
            self.argument(name, ARGUMENTS[name])

    # ------------------------------------------------------------ parts

    def argument(self, name: str, shape: Shape, values: Any = None) -> str:
        """Declare an argument, once."""
        if name not in self.program.arguments:
            sizes = tuple(SIZES.get(n) or int(n) for n in shape)
            kind = "" if values is None else ": int"
            self.program.declarations.append(f"input {name}[{', '.join(shape)}]{kind}")
            self.program.arguments[name] = self.rng.uniform(-1.5, 1.5, sizes) if values is None else values
            if values is None:
                self.values[name] = shape
        return name

    def pick(self, wanted: Callable[[Shape], bool] = lambda shape: True) -> tuple[str, Shape] | None:
        fitting = sorted(name for name, shape in self.values.items() if wanted(shape))
        if not fitting:
            return None
        name = self.draw(st.sampled_from(fitting))
        return name, self.values[name]

    def assign(self, text: str, shape: Shape) -> None:
        self.count += 1
        name = f"z{self.count}"
        self.program.statements.append(f"{name} = {text}")
        self.values[name] = shape

    def choice(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    # ------------------------------------------------------------ statements

    def statement(self) -> None:
        kinds = (
            self.unary, self.unary, self.binary, self.binary, self.compare, self.product, self.product, self.reduce,
            self.reduce, self.shape, self.index, self.rows, self.function, self.loop, self.constant, self.join,
        )  # fmt: skip
        self.choice(*kinds)()

    def unary(self) -> None:
        found = self.pick()
        assert found is not None
        x, shape = found
        form = self.choice(
            "tanh({})", "relu({})", "exp(-{}**2)", "sigmoid({})", "sin({})", "log1p({}**2)", "sqrt(1 + {}**2)",
            "softplus({})", "gelu({})", "-{}", "abs({})", "1 / (1 + {}**2)", "2 * {} - 1", "leaky_relu({})",
            "{}**3 / 4", "clip({}, -1, 1)", "stop_gradient({}) * 2",
        )  # fmt: skip
        self.assign(form.format(x), shape)

    def partner(self, shape: Shape) -> tuple[str, Shape] | None:
        return self.pick(lambda other: _broadcast(shape, other) is not None)

    def binary(self) -> None:
        found = self.pick()
        assert found is not None
        x, shape = found
        other = self.partner(shape)
        assert other is not None  # itself at least
        form = self.choice(
            "{} + {}", "{} - {}", "{} * {}", "{} / (1 + {}**2)", "maximum({}, {})", "minimum({}, {})", "hypot({}, {})",
            "logaddexp({}, {})", "({} + 0.5) * {}",
        )  # fmt: skip
        result = _broadcast(shape, other[1])
        assert result is not None
        self.assign(form.format(x, other[0]), result)

    def compare(self) -> None:
        found = self.pick()
        assert found is not None
        x, shape = found
        other = self.partner(shape)
        assert other is not None
        y = other[0]
        form = self.choice("where({x} > {y}, {x}, 2 * {y})", "({x} < {y}) * {x}", "where({x} <= 0, {y}, {x} * {y})")
        result = _broadcast(shape, other[1])
        assert result is not None
        self.assign(form.format(x=x, y=y), result)

    def product(self) -> None:
        left = self.pick(lambda shape: len(shape) >= 1)
        if left is None:
            return
        x, a = left
        right = self.pick(lambda shape: len(shape) >= 1 and _product(a, shape) is not None)
        if right is None:
            if a[-1] == "D":
                y, b = self.argument("W", ARGUMENTS["W"]), ARGUMENTS["W"]
            else:
                return
        else:
            y, b = right
        result = _product(a, b)
        assert result is not None
        self.assign(f"{x} @ {y} / 2", result)

    def reduce(self) -> None:
        found = self.pick(lambda shape: len(shape) >= 1)
        if found is None:
            return
        x, shape = found
        form = self.choice("sum", "mean", "max", "min", "logsumexp", "var", "norm", "prod")
        axis = self.choice(None, *range(-len(shape), len(shape)))
        keep = self.draw(st.booleans())
        if axis is None:
            result: Shape = ("1",) * len(shape) if keep else ()
        else:
            at = axis % len(shape)
            result = (*shape[:at], *(("1",) if keep else ()), *shape[at + 1 :])
        keywords = ([] if axis is None else [f"axis={axis}"]) + (["keepdims=true"] if keep else [])
        scale = f" / {self.choice(4, 'N')}" if form == "sum" else ""
        inner = f"tanh({x})" if form == "prod" else x
        if scale.endswith("N") and "N" not in {n for s in self.values.values() for n in s}:
            scale = ""
        self.assign(f"{form}({', '.join([inner, *keywords])}){scale}", result)

    def shape(self) -> None:
        found = self.pick(lambda shape: len(shape) >= 1)
        if found is None:
            return
        x, shape = found
        kind = self.choice("T", "flatten", "reshape", "expand", "tile")
        if kind == "T" and len(shape) == 2:
            self.assign(f"{x}.T", shape[::-1])
        elif kind == "reshape" and len(shape) == 2:
            self.assign(f"reshape({x}, ({shape[1]}, {shape[0]}))", shape[::-1])
        elif kind == "expand":
            self.assign(f"expand_dims({x}, axis=0)", ("1", *shape))
        elif kind == "tile" and len(shape) == 1:
            self.assign(f"broadcast_to({x}, (2, {shape[0]}))", ("2", *shape))
        elif kind == "flatten" and len(shape) >= 2 and len(set(shape)) == len(shape):
            self.assign(f"sum(flatten({x})) / 4", ())

    def index(self) -> None:
        found = self.pick(lambda shape: len(shape) >= 1 and shape[0] != "1")
        if found is None:
            return
        x, shape = found
        rest = shape[1:]
        kind = self.choice("first", "reverse", "none", "last", "array", "tail")
        if kind == "first":
            self.assign(f"{x}[0]", rest)
        elif kind == "last":
            self.assign(f"{x}[..., -1]", shape[:-1])
        elif kind == "reverse":
            self.assign(f"{x}[::-1]", shape)
        elif kind == "none":
            self.assign(f"{x}[:, None]", (shape[0], "1", *rest))
        elif kind == "tail" and shape[0] in SIZES:
            self.assign(f"tanh({x}[1:]) + {x}[:-1]", (f"{shape[0]}-1", *rest))
        elif kind == "array" and f"i{shape[0]}".isidentifier():
            i = self.argument(f"i{shape[0]}", ("5",), self.rng.integers(-2, 2, 5))
            self.assign(f"{x}[{i}]", ("5", *rest))

    def rows(self) -> None:
        found = self.pick(lambda shape: len(shape) == 2)
        if found is None:
            return
        x, shape = found
        kind = self.choice("softmax", "log_softmax", "ce", "mse", "svm", "bce", "layer_norm")
        if kind in ("softmax", "log_softmax"):
            self.assign(f"{kind}({x}, axis={self.choice(0, -1)})", shape)
        elif kind in ("ce", "svm") and shape == ("N", "D"):
            y = self.argument("y", ("N",), self.rng.integers(0, SIZES["D"], SIZES["N"]))
            name = "softmax_ce" if kind == "ce" else "svm_loss"
            self.assign(f'{name}({x}, {y}, reduction="{self.choice("sum", "mean")}")', ())
        elif kind == "layer_norm":
            self.assign(f"layer_norm({x}, eps=0.1)", shape)
        else:
            other = self.pick(lambda s: s == shape)
            assert other is not None
            form = "mse({}, {})" if kind == "mse" else "bce_with_logits({}, sigmoid({}))"
            self.assign(form.format(x, other[0]), ())

    def function(self) -> None:
        if "mix" not in self.functions:
            self.functions.add("mix")
            self.program.declarations.insert(0, "def mix(a, b) { t = tanh(a * b); return t + a }")
            self.program.declarations.insert(1, "def halves(a) { h = a / 2; return h, a - h**2 }")
        found = self.pick()
        assert found is not None
        x, shape = found
        other = self.partner(shape)
        assert other is not None
        result = _broadcast(shape, other[1])
        assert result is not None
        if self.draw(st.booleans()):
            self.assign(f"mix({x}, {other[0]})", result)
        else:
            self.count += 2
            a, b = f"z{self.count - 1}", f"z{self.count}"
            self.program.statements.append(f"{a}, {b} = halves({x})")
            self.values |= {a: shape, b: shape}

    def loop(self) -> None:
        found = self.pick(lambda shape: len(shape) == 2 and shape[-1] == "D")
        if found is None or "h" in self.functions:
            return
        self.functions.add("h")
        x, shape = found
        V = self.argument("V", ARGUMENTS["V"])
        steps = self.draw(st.integers(1, 3))
        self.program.statements.append(f"h_0 = {x}")
        self.program.statements.append(f"for k in 0:{steps} {{ h_{{k+1}} = tanh(h_{{k}} @ {V} + h_{{k}}) }}")
        self.values[f"h_{steps}"] = shape

    def constant(self) -> None:
        found = self.pick()
        assert found is not None
        x, shape = found
        if "eta" not in self.functions:
            self.functions.add("eta")
            self.program.declarations.insert(0, "const eta = 0.3")
            self.program.declarations.insert(0, "const M = [[1, 0.5, 0], [0.25, -1, 2], [0, 1, 1]]")
        if shape[:1] == ("N",) and len(shape) == 2 and "N" in shape:
            self.assign(f"eta * {x}", shape)
        else:
            self.assign(f"sum(M) * eta - {x}", shape)

    def join(self) -> None:
        found = self.pick(lambda shape: len(shape) >= 1)
        if found is None:
            return
        x, shape = found
        other = self.pick(lambda s: s == shape)
        assert other is not None
        if self.draw(st.booleans()):
            self.assign(f"stack([{x}, {other[0]}])", ("2", *shape))
        elif shape[0].isdigit():
            self.assign(f"concatenate([{x}, {other[0]}])", (str(2 * int(shape[0])), *shape[1:]))

    # ------------------------------------------------------------ the end

    def finish(self) -> Program:
        """A loss made of the last values, or several outputs."""
        made = [name for name in self.values if name not in ARGUMENTS]
        last = made[-3:] or sorted(self.values)[:1]
        if self.draw(st.booleans()):
            terms = " + ".join(f"mean(tanh({name}))" for name in last)
            self.program.statements.append(f"L = {terms}")
            self.program.ending = "output L\nloss L"
        else:
            self.program.statements += [f"out_{name} = {name} * 1.5" for name in last]
            self.program.ending = "output " + ", ".join(f"out_{name}" for name in last)
        return self.program


def _broadcast(a: Shape, b: Shape) -> Shape | None:
    rank = max(len(a), len(b))
    result = []
    for p, q in zip(("1",) * (rank - len(a)) + a, ("1",) * (rank - len(b)) + b, strict=True):
        if p != q and "1" not in (p, q):
            return None
        result.append(q if p == "1" else p)
    return tuple(result)


def _product(a: Shape, b: Shape) -> Shape | None:
    inner = b[-2] if len(b) > 1 else b[-1]
    if not a or not b or a[-1] != inner:
        return None
    batch = _broadcast(a[:-2], b[:-2])
    if batch is None:
        return None
    return batch + (a[-2:-1] if len(a) > 1 else ()) + (b[-1:] if len(b) > 1 else ())


