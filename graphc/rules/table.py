"""The derivation rules and composite operations of `graphc/rules/*.g`.

The files are scanned for `op NAME(` and `rule NAME(` at the start of a line; a statement is parsed when something asks
for it, so that a small program pays only for the rules it uses.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from graphc.language import tree
from graphc.language.source import Source
from graphc.ops.base import REQUIRED, Op

__all__ = ["builtin_rule", "composite", "composite_names", "rule_names", "signature_parts"]

_START = re.compile(r"^(op|rule)[ \t]+(\w+)[ \t]*\(", re.MULTILINE)


class Entry(NamedTuple):
    """Where a statement stands: the text of its file from `start` to `stop`."""

    file: str
    text: str
    start: int
    stop: int

    @property
    def comment(self) -> tuple[str, ...]:
        """The lines of the comment above it."""
        lines: list[str] = []
        for line in reversed(self.text[: self.start].split("\n")[:-1]):
            if not line.startswith("#"):
                break
            lines.append(line.lstrip("#").strip())
        return tuple(reversed(lines))


@cache
def _entries() -> dict[tuple[str, str], Entry]:
    entries: dict[tuple[str, str], Entry] = {}
    for path in sorted(Path(__file__).parent.glob("*.g")):
        text = path.read_text(encoding="utf-8")
        matches = list(_START.finditer(text))
        for match, following in zip(matches, [*matches[1:], None], strict=True):
            stop = following.start() if following else len(text)
            key = (match.group(1), match.group(2))
            assert key not in entries, f"{path.name}: a second {match.group(1)} {match.group(2)}"
            entries[key] = Entry(path.name, text, match.start(), stop)
    return entries


def _parse(entry: Entry) -> tree.Statement:
    from graphc.language.diagnostics import Diagnostics
    from graphc.language.syntax import parse

    # Leading newlines keep the line numbers of the file.
    head = "\n" * entry.text.count("\n", 0, entry.start)
    source = Source(head + entry.text[entry.start : entry.stop], f"graphc/rules/{entry.file}")
    diagnostics = Diagnostics()
    module = parse(source, diagnostics)
    diagnostics.raise_if_errors()
    assert len(module.statements) == 1, f"{entry.file}: one statement expected at {entry.start}"
    return module.statements[0]


@cache
def builtin_rule(name: str) -> tree.RuleDef | None:
    """The rule of an operation as written in the rule files, or None."""
    entry = _entries().get(("rule", name))
    if entry is None:
        return None
    statement = _parse(entry)
    assert isinstance(statement, tree.RuleDef)
    return statement


def rule_names() -> list[str]:
    """Names of the operations that have a rule in a file."""
    return sorted(name for kind, name in _entries() if kind == "rule")


def composite_names() -> list[str]:
    """Names of the operations that are defined in a file."""
    return sorted(name for kind, name in _entries() if kind == "op")


def signature_parts(signature: tree.Signature) -> tuple[tuple[str, ...], dict[str, object], tuple[str, ...]]:
    """Operands, attributes with defaults, and optional operands of a signature.

    An operand with the default `none` may be left out; an operand with another default is an attribute that a call
    may also give by position.
    """
    from graphc.language.literals import literal

    operands: list[str] = []
    optional: list[str] = []
    attributes: dict[str, object] = {}
    for parameter in signature.operands:
        operands.append(parameter.name)
        if parameter.default is not None:
            optional.append(parameter.name)
    for parameter in signature.attributes:
        attributes[parameter.name] = REQUIRED if parameter.default is None else literal(parameter.default)
    return tuple(operands), attributes, tuple(optional)


@cache
def composite(name: str) -> Op | None:
    """The operation that a rule file defines by an `op` statement, or None."""
    entry = _entries().get(("op", name))
    if entry is None:
        return None
    statement = _parse(entry)
    assert isinstance(statement, tree.OpDef)
    from graphc.language.expand import composite_op

    doc, facts = [], {}
    for line in entry.comment:
        key, colon, value = line.partition(":")
        if colon and key in ("math", "source", "domain", "hidden", "indices", "shape", "aliases"):
            facts[key] = value.strip()
        else:
            doc.append(line)
    domain, aliases = (
        dict(part.strip().split("=") for part in facts.get(key, "").split(",") if part.strip())
        for key in ("domain", "aliases")
    )
    return composite_op(
        statement,
        builtin_rule(name),
        family=entry.file.removesuffix(".g"),
        doc=" ".join(doc),
        math=facts.get("math", ""),
        source=facts.get("source", ""),
        domain=domain,
        hidden="hidden" in facts,
        indices=tuple(facts.get("indices", "").replace(",", " ").split()),
        shape=facts.get("shape", ""),
        aliases=aliases,
    )
