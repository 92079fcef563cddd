"""Values as mathematics: `Hᵀ dS`, `1ᵀ dS`, `dH ⊙ 1{H > 0}`.

What stands in it are the user's names, gradients, and the words of definitions (`P` of a softmax).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

from graphc.emitter.expressions import Text
from graphc.emitter.recognised import recognised
from graphc.emitter.step_names import without_numbers
from graphc.ir.dim_text import in_brackets
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Graph, Node, title
from graphc.ops.cuts import backwards, written_end

__all__ = ["DEEPEST", "UNSEEN", "Mathematics", "Words", "math_of", "said"]

Words: TypeAlias = "Callable[[int], str | None]"

DEEPEST = 6

# How tightly mathematics binds, loosest first: unlike in code, a product of matrices binds tighter than one by entries.
LOOSE, COMPARE, SUM, ENTRYWISE, PRODUCT, FACTOR, ATOM = range(7)

COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
OPPOSITE = {"less": ">=", "less_equal": ">", "greater": "<=", "greater_equal": "<", "equal": "!=", "not_equal": "=="}
UNSEEN = {"broadcast_to", "stop_gradient", "expand_dims", "squeeze", "as_float", "as_int", "number", "in_range"}
TURNED = {"transpose", "mT"}
_SIGNED = re.compile(r"\(-(\w+)\)( .*)")  # a product of which the first factor has a sign
_INDICATOR = re.compile(r"1\{([^{}]*)\}")
BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def said(node: Node, named: Mapping[int, str]) -> str | None:
    """What a value with a name is called: as the program does; as the code does if an argument bears that name, or the
    gradients of all steps share one.

    Beside an argument `dout` the gradient of `out` is `dout_2`; in each step of a loop that of `a_{t}` may be `da`.
    """
    name = node.name
    if name is None:
        return None
    called = named.get(node.id, "")
    numbered = len(called) > len(name) and called.startswith(f"{name}_") and called[len(name) + 1 :].isdecimal()
    return called if numbered or (node.of_rule and called == without_numbers(name)) else name


class Mathematics:
    """Writes values of a graph; `named` are the names in the code, `words` says those that the code had to find itself.

    `own` is the name of what is written: a value that it overwrites bears it in the code, but not in mathematics. A
    value that is `stale` has given its name to another one.
    """

    def __init__(
        self,
        graph: Graph,
        named: Mapping[int, str],
        words: Words,
        own: str | None = None,
        stale: Callable[[int], bool] = lambda id: False,
    ) -> None:
        self.graph, self.named, self.words, self.own, self.stale = graph, named, words, own, stale
        self.outdated = False  # whether one was written of which the name in the code is another step's now
        self.uniform: dict[int, bool] = {}

    def text(self, id: int, depth: int = DEEPEST) -> Text:
        """A value: its word, or what it is made of."""
        word = self.word(id)
        if word is not None:
            return Text(word)
        return self.made_of(id, depth) if depth else Text("…")

    def word(self, id: int) -> str | None:
        node = self.graph.nodes[id]
        word = said(node, self.named) or self.words(id)
        if node.name and word != node.name and self.stale(id):
            self.outdated = True
            return node.name
        if word is not None:
            return word
        name = self.named.get(id) if node.hint else None
        if name is not None and name == self.own:  # of a sum what it is made of: dxA = … may stand in total_dxA
            return None if node.of_rule and node.hint and node.hint[0] == "d" else node.hint
        return None if name is not None and self.stale(id) else name

    def made_of(self, id: int, depth: int = DEEPEST) -> Text:
        """What a value is made of, whether it has a word or not."""
        node = self.graph[id]
        known = recognised(self.graph, node)
        if known is not None:
            template, x = known
            argument = self.text(x, depth - 1)
            shown = argument.within(ENTRYWISE) if "-{x}" in template else argument
            return Text(template.format(x=shown), PRODUCT if " " in template[:5] else ATOM)
        operands = [self.text(u, depth - 1) for u in node.operands]
        if node.op in ("add", "subtract") and operands[0] == operands[1] and node.operands[0] != node.operands[1]:
            operands = [self._along(u, text) for u, text in zip(node.operands, operands, strict=True)]
        if node.op == "const":
            return self._constant(node)
        if node.op == "size":
            size = node.attr("dim")
            return Text(str(size), ATOM if size.symbol or in_brackets(size) else SUM)
        if node.op == "arange" and node.attr("start") == 0 and node.attr("step") == 1:
            return Text(f"0 … {dim(node.attr('stop')) - 1}", LOOSE)
        if node.op in TURNED:
            return self._transposed(node.operands[0], operands[0])
        if node.op in UNSEEN:
            return operands[0]
        if node.op == "reshape" and (depth < DEEPEST or operands[0].precedence < ATOM):
            return operands[0]
        if node.op == "logical_not":
            return self._not(node, operands[0], depth)
        if node.op in COMPARISONS:
            inner = self._cut(node)
            if inner is not None:
                operands[0] = self.text(inner, depth - 1)
            return Text(f"1{{{self._by_template(node, operands)}}}")
        if node.op == "where":
            condition, one, other = operands
            if self._is_masked(node):
                return _product_text(one, condition, scaled=False)
            compared = _INDICATOR.fullmatch(condition.text)
            said = compared[1] if compared else str(condition)
            return Text(f"{one.within(SUM)} if {said} else {other.within(SUM)}", LOOSE)
        if node.op in ("slice", "gather", "gather_entry"):
            return Text(f"{operands[0].within(ATOM)}[{self._index(node, operands[1:])}]")
        if node.op in ("unslice", "scatter"):
            return Text(f"0[{self._index(node, operands[1:])} ← {operands[0]}]")
        if node.op == "add_part":
            sign = "-" if node.attr("minus") else "+"
            return Text(f"{operands[0].within(SUM)} {sign} 0[{self._index(node, operands[2:])} ← {operands[1]}]", SUM)
        if node.op in ("sum", "sum_to"):
            return self._sum(node, operands[0])
        if node.op == "matmul":
            return self._matmul(node, operands, depth)
        if node.op in ("tril", "triu") and node.attr("k"):
            return Text(f"{node.op}({operands[0]}, {node.attr('k')})")
        if node.op == "negative" and operands[0].precedence in (ENTRYWISE, PRODUCT):
            turned = _SIGNED.fullmatch(operands[0].text)
            if turned is not None:
                return Text(turned.group(1) + turned.group(2), operands[0].precedence)
        if node.op == "multiply":
            return self._of_column(node, operands) or self._product(node, operands)
        if node.op == "divide":
            return Text(f"{operands[0].within(ENTRYWISE)} / {operands[1].within(FACTOR)}", ENTRYWISE)
        return self._by_template(node, operands)

    def _along(self, id: int, text: Text) -> Text:
        """A value with its axes said, where it meets another one of the same words: `Σ₁ dd - Σ₀ dd`, `Y[:, None]`."""
        node = self.graph[id]
        axes = node.attr("axis")
        if self.word(id) is not None or not isinstance(axes, tuple):
            return text
        if node.op == "sum" and text.text.startswith("Σ "):
            return Text(f"Σ{','.join(str(axis).translate(BELOW) for axis in axes)}{text.text[1:]}", text.precedence)
        if node.op == "expand_dims" and text.precedence == ATOM:
            places = ["None" if axis in axes else ":" for axis in range(max(axes) + 1)]
            return Text(f"{text}[{', '.join(places)}]")
        return text

    def _cut(self, node: Node) -> int | None:
        """The value that is cut off at 0 and then compared with it: `1{max(m, 0) > 0}` is `1{m > 0}`."""
        cut, zero = (self.graph[u] for u in node.operands)
        if node.op != "greater" or zero.attr("value") != 0 or cut.op != "maximum" or self.word(cut.id) is not None:
            return None
        left, right = cut.operands
        return left if self.graph[right].attr("value") == 0 else None

    def _not(self, node: Node, operand: Text, depth: int) -> Text:
        """The opposite comparison, where that is what is written."""
        inner = self.graph[node.operands[0]]
        opposite = OPPOSITE.get(inner.op)
        if opposite is None or self.word(inner.id) is not None:
            return Text(f"¬{operand.within(ATOM)}")
        left, right = (self.text(u, depth - 1).within(SUM) for u in inner.operands)
        return Text(f"1{{{left} {opposite} {right}}}")

    def _transposed(self, id: int, operand: Text) -> Text:
        """`Wᵀ`; of an inverse `K⁻ᵀ`, and of that the inverse."""
        if operand.precedence == ATOM and operand.text.endswith("⁻ᵀ"):
            return Text(operand.text[:-1] + "¹")
        matrix = self._turned(id, operand)
        return Text(matrix[:-1] + "ᵀ" if matrix.endswith("⁻¹") else matrix + "ᵀ")

    def _turned(self, id: int, operand: Text) -> str:
        """What a matrix is transposed from: where other axes have been exchanged in it, its name in the code."""
        if operand.precedence == ATOM and operand.text.endswith("ᵀ"):
            while self.graph[id].op == "reshape" and id not in self.named:
                id = self.graph[id].operands[0]
            return self.named.get(id) or f"({operand})"
        return operand.within(ATOM)

    def _constant(self, node: Node) -> Text:
        value = node.attr("value")
        if isinstance(value, tuple):
            listed = str(value).replace("(", "[").replace(",)", "]").replace(")", "]")
            return Text(listed if len(listed) <= 24 else "const")
        return Text(f"{value:g}", SUM if value < 0 else ATOM)

    def _sum(self, node: Node, operand: Text) -> Text:
        axis = node.attr("axis")
        rank = self.graph[node.operands[0]].type.rank
        if rank == 2 and axis == (0,):
            return Text(f"1ᵀ {operand.within(FACTOR)}", PRODUCT)
        if rank == 2 and axis == (1,):
            return Text(f"{operand.within(PRODUCT)} 1", PRODUCT)
        return Text(f"Σ {operand.within(ENTRYWISE)}", PRODUCT if operand.precedence >= PRODUCT else ENTRYWISE)

    def _matmul(self, node: Node, operands: list[Text], depth: int) -> Text:
        """A product of matrices; vectors are columns in mathematics, so that `dy @ A` is `Aᵀ dy`; rows are `cᵀ`."""
        left, right = (self._as_row(u, text) for u, text in zip(node.operands, operands, strict=True))
        first, second = (self.graph[u].type.rank for u in node.operands)
        if first == 1 and second == 1:
            return Text(f"{left.within(ATOM)}ᵀ {right.within(FACTOR)}", PRODUCT)
        if first == 1:
            turned = self.graph[node.operands[1]]
            is_plain = turned.op in TURNED and not self.word(turned.id)
            plain = self.text(turned.operands[0], depth - 1) if is_plain else None
            matrix = self._transposed(turned.id, right).text if plain is None else plain.within(PRODUCT)
            return Text(f"{matrix} {left.within(FACTOR)}", PRODUCT)
        return Text(f"{left.within(PRODUCT)} {right.within(FACTOR)}", PRODUCT)

    def _as_row(self, id: int, text: Text) -> Text:
        """A vector that is opened to a row is the transpose of its column; a sum over rows is written as one."""
        if not self._is_opened(self.graph[id], (0,)) or self._is_uniform(id) or text.text.startswith("1ᵀ "):
            return text
        return Text(f"{text.within(ATOM)}ᵀ")

    def _of_column(self, node: Node, operands: list[Text]) -> Text | None:
        """A vector that scales the rows of a matrix, `diag(v) M`, or meets another one as its row, `v wᵀ`."""
        if node.type.rank != 2 or node.type.dims[1] == 1:
            return None
        for k in range(2):
            vector, other = (self.graph[u] for u in (node.operands[k], node.operands[1 - k]))
            if not self._is_opened(vector, (1,)) or self._is_uniform(vector.id):
                continue
            if operands[k].text.startswith("1ᵀ "):
                continue  # what is summed over the rows is written as a row
            column = operands[k] if not operands[k].text.startswith("Σ ") else Text(f"({operands[k]})")
            if other.type.rank == 1 or self._is_opened(other, (0,)):
                return Text(f"{column.within(PRODUCT)} {operands[1 - k].within(ATOM)}ᵀ", PRODUCT)
            if other.type.shape == node.type.shape:
                return Text(f"diag({operands[k]}) {operands[1 - k].within(FACTOR)}", PRODUCT)
        return None

    def _is_uniform(self, id: int, depth: int = DEEPEST) -> bool:
        """Whether a value is one number, if in many places, where it is written out."""
        node = self.graph[id]
        if node.type.rank == 0:
            return True
        known = self.uniform.get(id)
        if known is None:
            entrywise = node.op in UNSEEN or self.graph.op(node).elementwise
            written = said(node, self.named) is None and entrywise and bool(node.operands) and depth > 0
            known = self.uniform[id] = written and all(self._is_uniform(u, depth - 1) for u in node.operands)
        return known

    def _is_opened(self, node: Node, axis: tuple[int, ...]) -> bool:
        """Whether a value is a vector with a new axis there."""
        opened = node.op == "expand_dims" and node.type.rank == 2 and node.attr("axis") == axis
        return opened and self.word(node.id) is None

    def _product(self, node: Node, operands: list[Text]) -> Text:
        """By entries; plain numbers in front, and multiples by a number without a sign."""
        first, second = (self.graph[u] for u in node.operands)
        left, right = operands
        if second.op in ("const", "size", "number") and second.type.rank == 0:
            left, right = right, left
        scaled = self._is_number(first) or self._is_number(second)
        return _product_text(left, right, scaled)

    def _is_masked(self, node: Node) -> bool:
        """Whether a choice is one between a gradient and 0: its mathematics is a product with the mask, which makes 0
        of anything."""
        chosen, other = (self.graph[u] for u in node.operands[1:])
        return node.of_rule and other.attr("value") == 0 and chosen.op != "const" and node.type.is_float

    def _is_number(self, node: Node) -> bool:
        """Whether a value is a number, if only with new axes."""
        while node.op == "expand_dims" and self.word(node.id) is None:
            node = self.graph[node.operands[0]]
        return node.type.rank == 0

    def _index(self, node: Node, arrays: list[Text]) -> str:
        """An index as the program writes it, the axes at its end left out; rows that are all taken are `i`."""
        shaped = node.op in ("unslice", "scatter") and node.attr("shape") is None
        ids = node.operands[2 if shaped or node.op == "add_part" else 1 :]
        texts = arrays[1:] if shaped else arrays
        rows = [self.graph[u].op == "arange" for u in ids]
        own = "ᵢ" if any(rows) else ""
        rest = iter(["i" if row else f"{text}{own}" for row, text in zip(rows, texts, strict=True)])
        pattern = node.attr("index") or node.attr("pattern")
        shape = node.attr("shape") if "scatter" in node.op or node.op == "unslice" else None
        sizes = shape or self.graph[node.operands[0]].type.shape
        items, axis = [], 0
        for item in pattern:
            size = sizes[axis] if isinstance(sizes, tuple) and axis < len(sizes) else None
            axis += item is not None and item is not Ellipsis
            items.append(next(rest) if isinstance(item, str) else _index_item(item, size))
        while len(items) > 1 and items[-1] == ":":
            items.pop()
        return ", ".join(items)

    def _by_template(self, node: Node, operands: list[Text]) -> Text:
        op = self.graph.op(node)
        if not op.math or node.op == "shape_of":
            return Text(f"{title(node.op)}({', '.join(map(str, operands))})")
        if op.variadic:
            fixed = len(op.operands) - 1
            operands = [*operands[:fixed], Text(", ".join(map(str, operands[fixed:])))]
        named = {name.lstrip("*"): text for name, text in zip(op.operands, operands, strict=False)}
        attributes = {name: Text(str(value)) for name, value in node.attrs}
        pieces, precedence = _template(op.math)
        parts = []
        for before, name, place in pieces:
            text = named.get(name) or attributes.get(name)
            parts += [before, text.within(place) if text is not None else ""]
        whole = "".join(parts).replace("ᵀ⁻¹", "⁻ᵀ")
        only = named.get(pieces[0][1]) if len(pieces) == 2 and not pieces[0][0] and not pieces[1][0] else None
        return Text(whole, only.precedence if only is not None else precedence)


def _product_text(left: Text, right: Text, scaled: bool) -> Text:
    unsigned = _without_sign(left)
    if unsigned is not None:  # -2 dL x is no product of a sum
        return Text(f"-{_factors(unsigned, right, scaled)}", SUM)
    return _factors(left, right, scaled)


def _factors(left: Text, right: Text, scaled: bool) -> Text:
    if left.text.startswith("Σ "):  # whose end would not be seen
        left = Text(f"({left})")
    if scaled:
        return Text(f"{left.within(PRODUCT)} {right.within(FACTOR)}", PRODUCT)
    return Text(f"{left.within(ENTRYWISE)} ⊙ {right.within(PRODUCT)}", ENTRYWISE)


def _without_sign(text: Text) -> Text | None:
    """What a sign stands before, if that is a multiple and no sum."""
    if text.precedence != SUM or text.text[:1] != "-" or not text.text[1:2].isdigit():
        return None
    level = _level(text.text[1:])
    return Text(text.text[1:], level) if level > SUM else None


def _index_item(item: object, size: Dim | None) -> str:
    if item is None or item is Ellipsis:
        return "None" if item is None else "..."
    if not isinstance(item, tuple):
        return str(item)
    *ends, step = item
    known = size is not None and not backwards(item)
    shown = (end if end is None or not known else written_end(dim(end), size) or end for end in ends)
    text = ":".join("" if end is None else str(end) for end in shown)
    return text if step is None else f"{text}:{step}"


# ---------------------------------------------------------------- templates of mathematics

RAISED = "ᵀ²³⁻⁺^[ᵢ"
OPENING, CLOSING = "([{|‖,←#¬", ")]}|‖,"


@cache
def _template(math: str) -> tuple[tuple[tuple[str, str, int], ...], int]:
    """A template as (text before, name, how tightly its place binds), the last nameless; and how tightly it binds."""
    math = math.replace("−", "-")  # as the code beside it has it
    pieces: list[tuple[str, str, int]] = []
    position = 0
    for match in re.finditer(r"\{(\w+)\}", math):
        before, after = math[: match.start()].rstrip(), math[match.end() :].lstrip()
        pieces.append((math[position : match.start()], match.group(1), _place(before, after)))
        position = match.end()
    return (*pieces, (math[position:], "", LOOSE)), _level(re.sub(r"\{\w+\}", "x", math))


def _place(before: str, after: str) -> int:
    if after[:1] and after[0] in RAISED:
        return ATOM
    if before[-1:] in OPENING and after[:1] in CLOSING:  # an empty text is in every other one
        return LOOSE
    if before and before[-1] in "-−":
        return ENTRYWISE
    if (not before or before[-1] in "+([,<>=") and (not after or after[0] in "+-−)],<>=!"):
        return SUM
    if after[:1] in ("⊙", "/") or (before and before[-1] in "+"):
        return ENTRYWISE
    if before.endswith("⊙"):
        return PRODUCT
    return FACTOR if before else PRODUCT


def _level(template: str) -> int:
    """How tightly a template binds: by what stands outside its brackets."""
    depth, outside, bars = 0, "", 0
    for char in template:
        if char in "|‖":
            bars ^= 1
        depth += (char in "([{") - (char in ")]}")
        outside += char if not (depth or bars) else "x"
    words = outside.replace("xx", "x").split()
    if any(word.endswith(",") or word in ("if", "else", "∧", "∨") for word in words):
        return LOOSE
    if any(word in ("<", "<=", ">", ">=", "==", "!=", "≤") for word in words):
        return COMPARE
    if any(word in ("+", "-", "−") for word in words) or outside[:1] in "-−":
        return SUM
    if any(word in ("⊙", "/") for word in words):
        return ENTRYWISE
    if len(words) > 1:
        return PRODUCT
    return FACTOR if "^" in outside or outside[-1:] in "²³" else ATOM  # no power is raised without brackets


def math_of(
    graph: Graph, id: int, named: Mapping[int, str], words: Mapping[int, str] | None = None, depth: int = DEEPEST
) -> Text:
    """What a value is made of, over the values that have names in the code; `words` are names that may stand, too.

    Below `depth` stands `…`.
    """
    return Mathematics(graph, named, (words or {}).get).made_of(id, depth)
