"""The emitted text, parsed back before anybody gets it: is it what was meant, and nothing else?

Names, strings and comments of a program are put into the module by `text.py` and `naming.py`, which escape them. Should
one ever slip through, the text means something else: it does not parse, or holds a statement, a name or an attribute
that the emitter never writes. Then nothing is written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from types import CodeType
from typing import Any, Final

from graphc.emitter.check_helpers import CHECK_HELPERS, FLOATS
from graphc.emitter.code import code_of, definitions
from graphc.emitter.naming import MODULE, USED_BUILTINS, argument_names
from graphc.emitter.prelude import HELPERS
from graphc.emitter.text import shown_lines
from graphc.emitter.words_back import in_plain_words, own_names
from graphc.ir.graph import Graph

__all__ = ["NotWhatWasMeant", "parse_back"]


class NotWhatWasMeant(Exception):
    """The emitted text says something that the emitter did not mean: a bug of the compiler, perhaps an attack."""


CHUNK: Final = 400_000
"""A function longer than this is parsed in parts: Python's trees take a hundred times the space of their text."""

LONG: Final = 20_000
"""A function longer than this is read word by word, if it can be."""

_FUNCTION = re.compile(r"def (\w+)\(")
_RUN = re.compile(r"\ndef (run_loop\w*)\(")
"""What a thread runs of a loop, where that is a function of the module."""
_OVER = re.compile(r"^    (?:for .*|\)) in (\w+):$", re.MULTILINE)
"""Where the head of a loop in a function ends, and what it runs over."""
_HEADING = re.compile(r'(?:def|class) .*?:\n(?:    """.*?"""\n)?', re.DOTALL)
_STATEMENT = re.compile(r"^    (?=[^\W\d])(?!el(?:se|if)\b)", re.MULTILINE)
IMPORTS = ("import numpy as np", "from typing import NamedTuple")
HELPER_CONSTANTS = ("FLOATS", "KINDS", "WORDS", "TILE", "THREADS", "POOL")
CONSTANTS = ("INPUTS", "PARAMETERS", "OUTPUTS", "SOURCE", *HELPER_CONSTANTS)
FUNCTIONS = frozenset(MODULE - {"np", "NamedTuple", *CONSTANTS}) | {"check"}

FORBIDDEN = (
    ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Lambda, ast.AsyncFunctionDef, ast.AsyncFor,
    ast.AsyncWith, ast.Await, ast.Yield, ast.YieldFrom, ast.Delete, ast.Try, ast.While, ast.NamedExpr, ast.Assert,
)  # fmt: skip
"""What the emitter never writes into a function."""

FORBIDDEN_ATTRIBUTES = frozenset([
    "load", "loads", "save", "savez", "savez_compressed", "loadtxt", "savetxt", "genfromtxt", "fromfile", "fromregex",
    "tofile", "memmap", "open_memmap", "DataSource", "dump", "dumps", "frombuffer", "ctypes", "ctypeslib", "f2py",
    "distutils", "testing", "show_config", "seterrcall", "f_globals", "gi_frame", "tb_frame", "cr_frame", "os", "sys",
    "subprocess", "builtins",
])  # fmt: skip
"""What of NumPy and of its arrays reaches beyond arrays; `_` begins what is hidden."""


def parse_back(text: str, graph: Graph) -> None:
    """Check the module's text against the graph it was made of. Raises NotWhatWasMeant."""
    try:
        _Check(text, graph).run()
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotWhatWasMeant(f"the emitted text does not parse: {error}") from None


class _Check:
    def __init__(self, text: str, graph: Graph) -> None:
        self.text, self.graph = text, graph
        self.helpers = {**HELPERS, **CHECK_HELPERS}
        self.runs = frozenset(_RUN.findall(text))
        self.functions = FUNCTIONS | self.helpers.keys() | self.runs
        own = {"map", "id", "np", "NamedTuple", "INPUTS", "PARAMETERS", *HELPER_CONSTANTS}
        self.known = self.functions | USED_BUILTINS | own
        self.local: dict[str, set[str]] = {}
        """Of each function that was met: its arguments and what it assigns."""
        self.constants: dict[str, object] = {}
        self.codes: dict[str, CodeType] = {}
        """Of each definition at the top what Python compiled."""

    def run(self) -> None:
        # What a tree cannot tell: names bound twice, a star out of place.
        consts = [const for code in code_of(self.text, self.graph.file) for const in code.co_consts]
        self.codes = {code.co_name: code for code in consts if isinstance(code, CodeType)}
        pieces = definitions(self.text)
        self._head(ast.parse(pieces[0]).body)
        for whole in pieces[1:]:
            parted: set[str] = set()  # the definition of this piece, whose parts come one by one
            piece = self._after_helper(whole)
            for statement in _parts(self._without_plain(piece)):
                if isinstance(statement, ast.Assign):
                    self._constant(statement)
                else:
                    self._definition(statement, parted)
        self._expect("INPUTS", tuple(a.name for a in self.graph.arguments if a.kind != "param"))
        self._expect("PARAMETERS", tuple(a.name for a in self.graph.arguments if a.kind == "param"))
        self._expect("OUTPUTS", tuple(self.graph.outputs))
        self._expect("SOURCE", self.graph.source)
        missing = {"forward", "backward", "value_and_grad", "check"} - set(self.local)
        if missing:
            raise NotWhatWasMeant(f"there is no function `{min(missing)}`")

    # ------------------------------------------------------------ the module

    def _head(self, statements: list[ast.stmt]) -> None:
        """The docstring, the imports, the constants."""
        first = statements[0].value if statements and isinstance(statements[0], ast.Expr) else None
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
            raise NotWhatWasMeant("the module does not begin with its docstring")
        if "\n".join(shown_lines(self.graph.source)) not in first.value:
            raise NotWhatWasMeant("the docstring does not show the program")
        for statement in statements[1:]:
            if isinstance(statement, ast.Assign):
                self._constant(statement)
            elif ast.unparse(statement) not in IMPORTS:
                raise NotWhatWasMeant(f"`{_short(statement)}` at the top")

    def _constant(self, statement: ast.Assign) -> None:
        target = statement.targets[0]
        if len(statement.targets) != 1 or not isinstance(target, ast.Name) or target.id not in CONSTANTS:
            raise NotWhatWasMeant(f"`{_short(statement)}` at the top")
        if target.id in self.constants:
            raise NotWhatWasMeant(f"`{target.id}` is assigned twice")
        fixed = target.id == "FLOATS" and ast.unparse(statement) == FLOATS  # of the constants alone it is no literal
        self.constants[target.id] = FLOATS if fixed else ast.literal_eval(statement.value)

    def _expect(self, name: str, value: object) -> None:
        if name not in self.constants or self.constants[name] != value:
            raise NotWhatWasMeant(f"`{name}` is not what it should be")

    def _definition(self, statement: ast.stmt, parted: set[str]) -> None:
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)) or statement.name not in self.functions:
            raise NotWhatWasMeant(f"`{_short(statement)}` at the top")
        if statement.name in self.local and statement.name not in parted:
            raise NotWhatWasMeant(f"`{statement.name}` is defined twice")
        parted.add(statement.name)
        if statement.name in self.runs and not _is_run(statement):
            raise NotWhatWasMeant(f"`{statement.name}` is no loop that a thread runs")
        if statement.name == "forward":
            expected = argument_names(a.name for a in self.graph.arguments)
            if not isinstance(statement, ast.FunctionDef) or [a.arg for a in statement.args.args] != expected:
                raise NotWhatWasMeant("`forward` takes other arguments")
        self._body(statement)

    def _after_helper(self, piece: str) -> str:
        """A helper is the very text that the prelude has of it; what is left is what follows it."""
        heading = _FUNCTION.match(piece)
        source = self.helpers.get(heading[1]) if heading else None
        if heading is None or source is None or heading[1] in self.local:
            return piece
        if not piece.startswith(source):
            raise NotWhatWasMeant(f"`{heading[1]}` is not the helper of that name")
        self.local[heading[1]] = set()
        return piece[len(source) :]

    def _without_plain(self, piece: str) -> str:
        """A long function without its body, if that consists of plain words that it may use; else the function. Of what
        a thread runs the loop stays, without its own body."""
        top = _HEADING.match(piece) if len(piece) > LONG else None
        name = _FUNCTION.match(piece)
        if top is None or name is None or name[1] not in self.codes:
            return piece
        own = own_names(self.codes[name[1]])
        if "np" in own or not in_plain_words(piece[top.end() :], own, self.known, _is_allowed):
            return piece
        loops = _OVER.findall(piece, top.end()) if name[1] in self.runs else []
        return top[0] + ("".join(f"    for _ in {over}:\n        pass\n" for over in loops) or "    pass\n")

    # ------------------------------------------------------------ functions

    def _body(self, definition: ast.FunctionDef | ast.ClassDef) -> None:
        """Everything in a function, or in the functions of a class: names, attributes and kinds of statements."""
        local = self.local.setdefault(definition.name, set())
        loaded: set[str] = set()
        stack: list[ast.AST] = [definition]
        while stack:
            node = stack.pop()
            kind = type(node)
            below = _BELOW.get(kind)
            if below is not None:  # nodes that have nothing to be checked but what is below them
                for field in below:
                    stack.append(getattr(node, field))
            elif kind in _PARTS:
                stack += _PARTS[kind](node)
            elif isinstance(node, ast.Name):
                (loaded if type(node.ctx) is ast.Load else local).add(node.id)
            elif isinstance(node, ast.arg) and node.annotation is None:
                local.add(node.arg)
            elif isinstance(node, ast.Attribute):
                if not _is_allowed(node.attr):
                    raise NotWhatWasMeant(f"`{definition.name}` asks for `.{node.attr}`")
                stack.append(node.value)
            else:
                self._rare(node, definition, local)
                stack += ast.iter_child_nodes(node)
        unknown = loaded - local - self.known
        if unknown or "np" in local:
            raise NotWhatWasMeant(f"`{definition.name}` uses `{min(unknown or {'np'})}`, which is not its own")

    def _rare(self, node: ast.AST, definition: ast.FunctionDef | ast.ClassDef, local: set[str]) -> None:
        """A node of another kind: what it binds, and whether it is one that the emitter writes."""
        if isinstance(node, ast.arg):
            local.add(node.arg)
        elif isinstance(node, FORBIDDEN):
            raise NotWhatWasMeant(f"`{definition.name}` holds `{_short(node)}`")
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            inside = node is not definition
            allowed = isinstance(definition, ast.ClassDef) or _is_run(node, alone=True)
            if node.decorator_list or (inside and not allowed):
                raise NotWhatWasMeant(f"`{definition.name}` holds a definition of `{node.name}`")
            local.add(node.name)


def _is_allowed(attribute: str) -> bool:
    return attribute not in FORBIDDEN_ATTRIBUTES and (attribute[0] != "_" or attribute == "__version__")


def _is_run(node: ast.AST, alone: bool = False) -> bool:
    """Whether this is a loop's function for a thread: it has plain arguments, and runs over the first of them, which
    is `alone` in a function that stands in another one."""
    if not isinstance(node, ast.FunctionDef) or not node.name.startswith("run_loop"):
        return False
    loops = [statement for statement in node.body if isinstance(statement, ast.For)]
    names = [argument.arg for argument in node.args.args]
    plain = ast.unparse(node.args) == ", ".join(names)
    many = len(names) != 1 if alone else not names
    return len(loops) == 1 and plain and not many and ast.unparse(loops[0].iter) == names[0]


_BELOW: dict[type, tuple[str, ...]] = {
    ast.Constant: (), ast.Subscript: ("value", "slice"), ast.BinOp: ("left", "right"), ast.UnaryOp: ("operand",),
    ast.keyword: ("value",), ast.Expr: ("value",),
}  # fmt: skip
_PARTS: dict[type, Callable[[Any], Iterable[ast.AST]]] = {
    ast.Tuple: lambda node: node.elts,
    ast.List: lambda node: node.elts,
    ast.Call: lambda node: [node.func, *node.args, *node.keywords],
    ast.Assign: lambda node: [*node.targets, node.value],
    ast.Compare: lambda node: [node.left, *node.comparators],
}
"""What is below the nodes that there are most of: their fields, and lists of nodes. Marks of contexts and operators,
every second node of a tree, are none of them."""


def _parts(piece: str) -> Iterator[ast.stmt]:
    """The statements of a definition and of what follows it.

    A long function is parsed in parts, each with its heading: a tree takes a hundred times the space of its text.
    """
    top = _HEADING.match(piece) if len(piece) > CHUNK else None
    if top is None:
        yield from ast.parse(piece).body
        return
    heading, start = top[0], top.end()
    for end in [*(match.start() for match in _STATEMENT.finditer(piece, start)), len(piece)]:
        if end - start >= CHUNK or end == len(piece):
            yield from ast.parse(heading + piece[start:end]).body
            start = end


def _short(node: ast.AST) -> str:
    return ast.unparse(node)[:80]
