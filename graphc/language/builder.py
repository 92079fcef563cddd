"""The syntax tree, built as the parser goes: no tree of Lark's is ever made, which is half of the parser's speed.

The methods for statements are here, those for expressions in `expressions.py`. Which statement may stand in which body
is checked by `bodies.py`, how deep expressions nest by `depth.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

from graphc.language import spelling
from graphc.language.bodies import Bodies
from graphc.language.complaints import BAD_ARGUMENTS, TOO_DEEP
from graphc.language.depth import DEEPEST, too_deep
from graphc.language.diagnostics import Diagnostics
from graphc.language.expressions import Children, ExpressionBuilder
from graphc.language.source import Source, Span
from graphc.language.tree import (
    Assign,
    Const,
    Declaration,
    Declared,
    Def,
    Expr,
    For,
    Import,
    Loss,
    Module,
    Name,
    OpDef,
    Output,
    Parameter,
    Return,
    Rewrite,
    RuleDef,
    Signature,
    Slice,
    Statement,
    Update,
)

if TYPE_CHECKING:
    from lark import Token

__all__ = ["Builder"]

_WORD: Final = re.compile(r"\w+")
_NAME_THE_PARTS: Final = "give parts of it names in statements of their own"


class Builder(ExpressionBuilder):
    """Makes nodes for one program at a time: `begin` says for which.

    `damaged` are the places of statements that are left out because something is wrong with them.
    """

    def __init__(self) -> None:
        self.begin(Source(""), Diagnostics())

    def begin(self, source: Source, diagnostics: Diagnostics, only_rules: bool = False) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.broken = self.misread = False
        self.damaged: list[tuple[int, int]] = []
        self.bodies = Bodies(diagnostics, only_rules)
        self._brackets = {}

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
        if self.broken:
            self.damaged += [(each.span.start, each.span.stop) for each in new]
        else:
            statements.extend(new)
        if self.broken or self._brackets:
            self.forget()
        return statements

    def module(self, children: Children) -> Module:
        statements: list[Statement] = children[0]
        self.bodies.check_file(statements)
        return Module(tuple(statements), self.source, self._mentioned())

    rules = module

    def _mentioned(self) -> frozenset[str]:
        """The words in the statements that are in error: of what they would have defined nothing can be said."""
        text = self.source.text
        words = (word for start, stop in self.damaged for word in _WORD.findall(text, start, stop))
        return frozenset(word if word.isascii() else normalize("NFKC", word) for word in words)

    def _check_depth(self, node: Statement) -> None:
        place = too_deep(node)
        if place is not None:
            self.error(TOO_DEEP, "this expression is nested too deeply", place, help=_NAME_THE_PARTS)

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
        self._leave_out_unless(signature.name)
        self.bodies.check_function(word.value, signature, statements, span)
        return kind(signature, tuple(statements), span)

    def _leave_out_unless(self, name: str) -> None:
        """An empty name is the parser's own: the heading did not parse, and the body was read for its errors alone.

        Nor is a body that is never closed what it was meant to be.
        """
        self.broken |= not name or self.bodies.unclosed

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
        self._leave_out_unless(signature.name)
        self.bodies.check_rule(statements)
        return RuleDef(signature, tuple(results), tuple(statements), Span(self.source, word.start_pos, stop))

    def for_loop(self, children: Children) -> For:
        word, variable, _, range_, (statements, stop) = children
        self._not_constant([variable])
        self._leave_out_unless(variable.id)
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
        return Signature(read, tuple(operands), tuple(attributes), self._span(name, name), self._span(name, closer))

    def parameter(self, children: Children) -> Parameter:
        name, default = children
        span = self._span(name, name)
        if default is not None:
            span = Span(self.source, span.start, self._stop(default))
        return Parameter(self._read(spelling.target, name, "_"), default, span)

    def star(self, children: Children) -> Token:
        token: Token = children[0]
        return token
