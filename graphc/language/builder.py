"""The syntax tree, built as the parser goes: one method a rule of the grammar, named after it.

A method gets the children of its rule and returns a node; no tree of Lark's is ever made, which is half of the parser's
speed. What the grammar does not say is checked here: the spelling of names and literals, the order of arguments, which
statement may stand in which body, how deep expressions nest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from graphc.language import spelling
from graphc.language.bodies import Bodies
from graphc.language.complaints import (
    BAD_ARGUMENTS,
    BAD_CHARACTER,
    RESERVED_NAME,
    TOO_DEEP,
    UNKNOWN_ATTRIBUTE,
    Flaw,
)
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source, Span
from graphc.language.tree import (
    Assign,
    Binary,
    Call,
    Const,
    Constant,
    Declaration,
    Declared,
    Def,
    Expr,
    For,
    Import,
    Index,
    Keyword,
    Loss,
    Module,
    Name,
    Number,
    OpDef,
    Output,
    Parameter,
    Return,
    Rewrite,
    RuleDef,
    Sequence,
    Signature,
    Slice,
    Statement,
    String,
    Transpose,
    Unary,
    Update,
)

if TYPE_CHECKING:
    from lark import Token

__all__ = ["DEEPEST", "Builder"]

DEEPEST: Final = 100
"""So many levels of brackets, of signs, or of powers may be nested: later stages walk expressions recursively."""

_STATEMENTS = (
    Assign, Update, Declaration, Const, Output, Loss, Import, Return, Def, OpDef, RuleDef, For, Rewrite
)  # fmt: skip
_LEAVES = (Name, Number, String, Constant)

Children: TypeAlias = "list[Any]"


class Builder:
    """Makes nodes for one program at a time: `begin` says for which."""

    def __init__(self) -> None:
        self.begin(Source(""), Diagnostics())

    def begin(self, source: Source, diagnostics: Diagnostics, only_rules: bool = False) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.broken = False
        """Whether something was wrong in the present statement, which the parser could read all the same."""
        self.misread = False
        """Whether that was a character which the user surely meant for something else."""
        self.bodies = Bodies(diagnostics, only_rules)
        self._brackets: dict[int, tuple[Expr, int, int]] = {}
        """Expressions in brackets and where the brackets are: `(a+b)*c` begins at the bracket, `a+b` does not."""

    # ------------------------------------------------------------------------------------------------ places

    def forget(self) -> None:
        """The present statement is done with."""
        self.broken = self.misread = False
        self._brackets.clear()

    def error(self, code: str, message: str, span: Span, label: str | None = None, help: str | None = None) -> None:
        self.broken = True
        self.misread |= code == BAD_CHARACTER
        self.diagnostics.error(code, message, span, label, help=help)

    def _span(self, first: Token, last: Token) -> Span:
        return Span(self.source, first.start_pos, last.end_pos)  # type: ignore[arg-type]

    def _start(self, node: Expr) -> int:
        if self._brackets and id(node) in self._brackets:
            return self._brackets[id(node)][1]
        return node.span.start

    def _stop(self, node: Expr) -> int:
        if self._brackets and id(node) in self._brackets:
            return self._brackets[id(node)][2]
        return node.span.stop

    def _outer(self, node: Expr) -> Span:
        return Span(self.source, self._start(node), self._stop(node))

    def _read(self, reader: Callable[[str], Any], token: Token, instead: Any, text: str | None = None) -> Any:
        """What `reader` makes of the token; if it finds a flaw, that is reported and `instead` used."""
        try:
            return reader(token.value if text is None else text)
        except Flaw as flaw:
            complaint = flaw.complaint
            at: int = token.start_pos  # type: ignore[assignment]
            span = Span(self.source, at + complaint.start, at + complaint.stop)
            self.error(complaint.code, complaint.message, span, complaint.label, complaint.help)
            return instead

    # ------------------------------------------------------------------------------------------------ files

    def nothing(self, children: Children) -> list[Statement]:
        return []

    def unchanged(self, children: Children) -> list[Statement]:
        statements: list[Statement] = children[0]
        return statements

    def one_more(self, children: Children) -> list[Statement]:
        statements: list[Statement]
        statements, statement = children
        new: tuple[Statement, ...] = statement if type(statement) is tuple else (statement,)
        for each in new:
            if each.span.stop - each.span.start > DEEPEST:  # a level takes a character at least
                self._check_depth(each)
        if not self.broken:
            statements.extend(new)
        if self.broken or self._brackets:
            self.forget()
        return statements

    def module(self, children: Children) -> Module:
        statements: list[Statement] = children[0]
        self.bodies.check_file(statements)
        return Module(tuple(statements), self.source)

    rules = module

    def _check_depth(self, statement: Statement) -> None:
        """Complain about an expression too deep to walk. A chain `a + b + c` is flat, however long."""
        todo: list[tuple[Any, int]] = [(statement, 0)]
        while todo:
            node, depth = todo.pop()
            if depth > 2 * DEEPEST:
                self.error(TOO_DEEP, "this expression is nested too deeply", node.span, help=_NAME_THE_PARTS)
                return
            for child, weight in _children(node):
                if type(child) not in _LEAVES and (type(child) not in _STATEMENTS):
                    todo.append((child, depth + weight))

    # ------------------------------------------------------------------------------------------------ statements

    def assign(self, children: Children) -> Assign:
        targets, value = children
        return Assign(tuple(targets), value, Span(self.source, targets[0].span.start, self._stop(value)))

    def update(self, children: Children) -> Update:
        target, value = children
        self._not_constant([target])
        return Update(target, value, Span(self.source, target.span.start, self._stop(value)))

    def declaration(self, children: Children) -> Declaration:
        word, *declared = children
        span = Span(self.source, word.start_pos, declared[-1].span.stop)
        return Declaration(word.value, tuple(declared), span)

    def declared(self, children: Children) -> Declared:
        named, dims, type_token = children
        range_: Slice | None = None
        if type(named) is tuple:
            named, range_ = named
        self._not_constant([named])
        stop = named.span.stop
        if dims is not None:
            dims, stop = dims
        type_name, type_span = None, None
        if type_token is not None:
            type_name, type_span = self._read(spelling.name, type_token, ""), self._span(type_token, type_token)
            stop = type_span.stop
        span = Span(self.source, named.span.start, stop)
        return Declared(named, range_, dims, type_name, type_span, span)

    def dims(self, children: Children) -> tuple[tuple[Expr, ...], int]:
        *dims, closer = children
        if dims == [None]:
            dims = []
        return tuple(dims), closer.end_pos

    def ranged(self, children: Children) -> tuple[Name, Slice]:
        opener, range_, closer = children
        return Name(self._stem(opener), (), self._span(opener, closer)), range_

    def constant_value(self, children: Children) -> tuple[Name, Expr]:
        self._not_constant(children[:1])
        return children[0], children[1]

    def const(self, children: Children) -> tuple[Const, ...]:
        """`const a = 1, b = 2` is two statements."""
        start = children[0].start_pos
        made = []
        for target, value in children[1:]:
            stop = self._stop(value)
            made.append(Const(target, value, Span(self.source, start, stop)))
            start = stop
        return tuple(made)

    def output(self, children: Children) -> Output:
        word, *names = children
        self._not_constant(names)
        return Output(tuple(names), Span(self.source, word.start_pos, names[-1].span.stop))

    def loss(self, children: Children) -> Loss:
        word, name = children
        self._not_constant([name])
        return Loss(name, Span(self.source, word.start_pos, name.span.stop))

    def import_file(self, children: Children) -> Import:
        word, path = children
        return Import(self._read(spelling.string, path, ""), self._span(path, path), self._span(word, path))

    def return_values(self, children: Children) -> Return:
        word, *values = children
        return Return(tuple(values), Span(self.source, word.start_pos, self._stop(values[-1])))

    def rewrite(self, children: Children) -> Rewrite:
        word, pattern, replacement = children
        span = Span(self.source, word.start_pos, self._stop(replacement))
        return Rewrite(pattern, replacement, span)

    # ------------------------------------------------------------------------------------------------ bodies

    def block(self, children: Children) -> tuple[list[Statement], int]:
        _, statements, closer = children
        return statements, closer.end_pos

    def _short(self, kind: type[Def] | type[OpDef], children: Children) -> Def | OpDef:
        word, signature, value = children
        stop = self._stop(value)
        body = Return((value,), self._outer(value))
        if stop - body.span.start > DEEPEST:
            self._check_depth(body)
        return kind(signature, (body,), Span(self.source, word.start_pos, stop))

    def _long(self, kind: type[Def] | type[OpDef], children: Children) -> Def | OpDef:
        word, signature, (statements, stop) = children
        span = Span(self.source, word.start_pos, stop)
        self.bodies.check_function(word.value, signature, statements, span)
        return kind(signature, tuple(statements), span)

    def def_short(self, children: Children) -> Def | OpDef:
        return self._short(Def, children)

    def def_long(self, children: Children) -> Def | OpDef:
        return self._long(Def, children)

    def op_short(self, children: Children) -> Def | OpDef:
        return self._short(OpDef, children)

    def op_long(self, children: Children) -> Def | OpDef:
        return self._long(OpDef, children)

    def rule(self, children: Children) -> RuleDef:
        word, signature, *results, (statements, stop) = children
        self._not_constant(results)
        self.bodies.check_rule(statements)
        return RuleDef(signature, tuple(results), tuple(statements), Span(self.source, word.start_pos, stop))

    def for_loop(self, children: Children) -> For:
        word, variable, _, range_, (statements, stop) = children
        self._not_constant([variable])
        self.bodies.check_loop(statements)
        return For(variable, range_, tuple(statements), Span(self.source, word.start_pos, stop))

    def range(self, children: Children) -> Slice:
        start, stop, step = children
        last = stop if step is None else step
        return Slice(start, stop, step, Span(self.source, self._start(start), self._stop(last)))

    def signature(self, children: Children) -> Signature:
        name, _, *parameters, closer = children
        operands: list[Parameter] = []
        attributes: list[Parameter] = []
        part, seen = operands, set()
        star: Token | None = None
        for parameter in parameters:
            if parameter is None:
                continue
            if not isinstance(parameter, Parameter):
                if star is not None:
                    self.error(BAD_ARGUMENTS, "a second `*` in a list of arguments", self._span(parameter, parameter))
                star, part = parameter, attributes
                continue
            if parameter.name in seen:
                message = f"two arguments are called `{parameter.name}`"
                self.error(BAD_ARGUMENTS, message, parameter.span)
            elif part is operands and parameter.default is None and operands and operands[-1].default is not None:
                message = f"`{parameter.name}` needs a default, as the argument before it has one"
                self.error(BAD_ARGUMENTS, message, parameter.span)
            seen.add(parameter.name)
            part.append(parameter)
        if star is not None and not attributes:
            help = "compile-time arguments follow the `*`: `f(x, *, axis)`"
            self.error(BAD_ARGUMENTS, "no argument follows the `*`", self._span(star, star), help=help)
        read = self._read(spelling.target, name, "_")
        return Signature(
            read, tuple(operands), tuple(attributes), self._span(name, name), self._span(name, closer)
        )

    def parameter(self, children: Children) -> Parameter:
        name, default = children
        span = self._span(name, name)
        if default is not None:
            span = Span(self.source, span.start, self._stop(default))
        return Parameter(self._read(spelling.target, name, "_"), default, span)

    def star(self, children: Children) -> Token:
        token: Token = children[0]
        return token

    # ------------------------------------------------------------------------------------------------ names

    def targets(self, children: Children) -> list[Name]:
        self._not_constant(children)
        return children

    def plain(self, children: Children) -> Name:
        """A name that is not (yet) read as a value: it may be `true`, which its user complains about."""
        token = children[0]
        text = token.value
        if not text.isascii():
            text = self._read(spelling.name, token, "_")
        return Name(text, (), Span(self.source, token.start_pos, token.end_pos))

    def subscripted(self, children: Children) -> Name:
        opener, *subscripts, closer = children
        return Name(self._stem(opener), tuple(subscripts), self._span(opener, closer))

    def _stem(self, opener: Token) -> str:
        text = opener.value[:-2]
        if not text:
            self.error(BAD_CHARACTER, "a name is missing before `_{`", self._span(opener, opener))
        return str(self._read(spelling.name, opener, "_", text))

    def _not_constant(self, names: list[Name]) -> None:
        for name in names:
            if name.id in spelling.CONSTANTS and not name.subscripts:
                try:
                    spelling.target(name.id)
                except Flaw as flaw:
                    complaint = flaw.complaint
                    self.error(complaint.code, complaint.message, name.span, complaint.label, complaint.help)

    # ------------------------------------------------------------------------------------------------ expressions

    def binary(self, children: Children) -> Binary:
        left, sign, right = children
        source = self.source
        start, stop = left.span.start, right.span.stop
        if self._brackets:
            start, stop = self._start(left), self._stop(right)
        return Binary(
            sign.value, left, right, Span(source, sign.start_pos, sign.end_pos), Span(source, start, stop)
        )

    def unary(self, children: Children) -> Unary:
        sign, operand = children
        return Unary(sign.value, operand, Span(self.source, sign.start_pos, self._stop(operand)))

    def number(self, children: Children) -> Number:
        token = children[0]
        return Number(self._read(spelling.number, token, 0), self._span(token, token))

    def string(self, children: Children) -> String:
        token = children[0]
        return String(self._read(spelling.string, token, ""), self._span(token, token))

    def name(self, children: Children) -> Name | Constant:
        token = children[0]
        text = token.value
        if not text.isascii():
            text = self._read(spelling.name, token, "_")
        span = Span(self.source, token.start_pos, token.end_pos)
        if text in spelling.CONSTANTS:
            return Constant(spelling.CONSTANTS[text], span)
        return Name(text, (), span)

    def ellipsis(self, children: Children) -> Constant:
        return Constant(..., self._span(children[0], children[0]))

    def parenthesised(self, children: Children) -> Expr:
        opener, inner, closer = children
        self._brackets[id(inner)] = (inner, opener.start_pos, closer.end_pos)
        return inner  # type: ignore[no-any-return]

    def sequence(self, children: Children) -> Sequence:
        opener, *items, closer = children
        if items == [None]:
            items = []
        return Sequence(tuple(items), opener.type == "LSQB", self._span(opener, closer))

    def transpose(self, children: Children) -> Transpose:
        operand, token = children
        self._no_postfix(operand, "`.T`")
        return Transpose(operand, Span(self.source, self._start(operand), token.end_pos))

    def index(self, children: Children) -> Index:
        operand, _, *items, closer = children
        self._no_postfix(operand, "index")
        return Index(operand, tuple(items), Span(self.source, self._start(operand), closer.end_pos))

    def _no_postfix(self, operand: Expr, what: str) -> None:
        if type(operand) is Constant:
            self.error(UNKNOWN_ATTRIBUTE, f"`{operand.span.text}` has no {what}", operand.span)

    def slice(self, children: Children) -> Slice:
        start, colon, stop, second, step = children
        first = colon.start_pos if start is None else self._start(start)
        last = colon.end_pos
        if second is not None:
            last = second.end_pos
        for part in (stop, step):
            if part is not None:
                last = max(last, self._stop(part))
        return Slice(start, stop, step, Span(self.source, first, last))

    def call(self, children: Children) -> Call:
        name, _, *items, closer = children
        arguments: list[Expr] = []
        keywords: list[Keyword] = []
        for item in items:
            if type(item) is Keyword:
                if any(item.name == other.name for other in keywords):
                    message = f"the argument `{item.name}` is given twice"
                    self.error(BAD_ARGUMENTS, message, item.span)
                keywords.append(item)
            elif item is not None:
                if keywords:
                    message = "a positional argument follows a keyword argument"
                    self.error(BAD_ARGUMENTS, message, self._outer(item), f"`{keywords[-1].name}=` stands before it")
                arguments.append(item)
        function = name.value
        if function in spelling.CONSTANTS:
            message = f"`{function}` is reserved"
            self.error(RESERVED_NAME, message, self._span(name, name), "this name always means the constant")
        elif not function.isascii():
            function = self._read(spelling.name, name, "_")
        return Call(
            function, tuple(arguments), tuple(keywords), self._span(name, name), self._span(name, closer)
        )

    def keyword(self, children: Children) -> Keyword:
        name, value = children
        span = Span(self.source, name.start_pos, self._stop(value))
        return Keyword(self._read(spelling.target, name, "_"), value, span)


_NAME_THE_PARTS = "give parts of it names in statements of their own"


def _children(node: Any) -> Iterator[tuple[Any, int]]:
    """The nodes below a node, each with the levels that the step down counts."""
    if type(node) is Binary:
        yield node.left, 0 if type(node.left) is Binary else 1  # a chain; or in brackets, which are counted
        yield node.right, 2 if node.op == "**" else 1
    elif type(node) is Unary:
        yield node.operand, 2
    else:
        for field in node.__slots__:
            value = getattr(node, field)
            if type(value) is tuple:
                yield from ((item, 1) for item in value if hasattr(item, "span"))
            elif hasattr(value, "span"):
                yield value, 1
