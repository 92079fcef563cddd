"""One line of a listing, how far it has been read, and what it holds: names, compile-time values, shapes, sizes.

A size is what `Dim.text` writes; `(b if a == 1 else a)`, `max(a, b)` and `min(a, b)` are its opaque forms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from graphc.ir.dims import Atom, Dim, applied, dim, of_symbol, open_axis
from graphc.ir.types import Unknown

__all__ = ["ListingLine"]

WORDS = {"none": None, "true": True, "false": False}
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n"}
_NUMBER = re.compile(r"[+-](?:inf|nan)|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.ASCII)


class ListingLine:
    """A line and how far it has been read."""

    def __init__(self, text: str, ranks: dict[str, int]) -> None:
        self.text, self.at, self.ranks = text, 0, ranks

    def at_literal(self) -> bool:
        """Whether a number or a word such as `none` stands here, and no name."""
        return bool(_NUMBER.match(self.text, self.at)) or self.word() in WORDS

    def take(self, words: str) -> bool:
        found = self.text.startswith(words, self.at)
        self.at += len(words) if found else 0
        return found

    def expect(self, words: str) -> None:
        if not self.take(words):
            raise ValueError(f"`{words.strip() or ' '}` is expected at column {self.at + 1}")

    def spaces(self) -> None:
        while self.take(" "):
            pass

    def rest(self) -> str:
        rest, self.at = self.text[self.at :], len(self.text)
        return rest

    def end(self) -> None:
        if self.at != len(self.text):
            raise ValueError(f"there is more at column {self.at + 1} than belongs there")

    def word(self) -> str:
        """What could be a name here: a longest identifier, parts of it joined by dots."""
        stop = self.at + self.text.startswith("%", self.at)
        while stop < len(self.text) and (self.text[stop] == "." or ("a" + self.text[stop]).isidentifier()):
            stop += 1
        return self.text[self.at : stop]

    def name(self) -> str:
        word = self.word()
        if not word or not (word[0] == "%" or word[0].isidentifier()):
            raise ValueError(f"a name is expected at column {self.at + 1}")
        self.at += len(word)
        return word

    def keyword(self) -> str | None:
        """The name of an attribute, if one is given here."""
        word = self.word()
        if word.isidentifier() and self.text.startswith("=", self.at + len(word)):
            self.at += len(word) + 1
            return word
        return None

    # ------------------------------------------------------------ compile-time values

    def value(self, sizes: bool) -> Any:
        """A value of an attribute; with `sizes` its numbers are sizes."""
        char = self.text[self.at]
        if self.text.startswith("(shape of ", self.at):
            return self.shape()
        if char == '"':
            return self._string()
        if self.take("..."):
            return Ellipsis
        if char == "(" and not self._is_size():
            return self._tuple(lambda: self._item(sizes))
        word = self.word()
        if word in WORDS:
            self.at += len(word)
            return WORDS[word]
        number = _NUMBER.match(self.text, self.at)
        if number and not sizes and not self._goes_on(number.end()):
            self.at = number.end()
            return int(number[0]) if number[0].lstrip("-").isdecimal() else float(number[0])
        return self.size()

    def _goes_on(self, stop: int) -> bool:
        """Whether what follows a number makes a size of it, as in `2*H` and `1 + H`."""
        return self.text.startswith(("*", "//", "%", " + ", " - "), stop)

    def _is_size(self) -> bool:
        """Whether the bracket here begins a size such as `(H//2)*2`, not a tuple: that has a comma or is empty."""
        before = self.at
        try:
            self.size()
        except (ValueError, IndexError):
            return False
        finally:
            self.at = before
        return True

    def _item(self, sizes: bool) -> Any:
        """An entry of a tuple; three parts with colons are a slice."""
        parts: list[Any] = []
        while True:
            here = self.text[self.at]
            parts.append(None if here in ":,)" else self.value(sizes))
            if not self.take(":"):
                break
        if len(parts) == 1:
            return parts[0]
        return tuple(parts + [None] * (3 - len(parts)))

    def _tuple(self, item: Callable[[], Any]) -> tuple[Any, ...]:
        self.expect("(")
        items: list[Any] = []
        while not self.take(")"):
            items.append(item())
            if not self.take(", ") and not self.take(","):
                self.expect(")")
                break
        return tuple(items)

    def _string(self) -> str:
        self.expect('"')
        found = ""
        while not self.take('"'):
            if self.take("\\"):
                found += _ESCAPES[self.text[self.at]]
            else:
                found += self.text[self.at]
            self.at += 1
        return found

    def shape(self) -> tuple[Dim, ...] | Unknown:
        if self.text.startswith("(shape of ", self.at):
            stop = _closing(self.text, self.at)
            key, self.at = self.text[self.at + len("(shape of ") : stop], stop + 1
            return Unknown(f"@{key}" if all(("a" + char).isidentifier() for char in key) else key)
        return self._tuple(self.size)

    # ------------------------------------------------------------ sizes

    def size(self) -> Dim:
        """A size as `Dim.text` writes it."""
        total = -self._product() if self.take("-") else self._product()
        while True:
            if self.take(" + "):
                total = total + self._product()
            elif self.take(" - "):
                total = total - self._product()
            else:
                return total

    def _product(self) -> Dim:
        total = self._power()
        while True:
            if self.text.startswith("**", self.at):
                raise ValueError(f"a power of a power at column {self.at + 1}")
            if self.take("*"):
                total = total * self._power()
            elif self.take("//"):
                total = total // self._power()
            elif self.take("%"):
                total = total % self._power()
            else:
                return total

    def _power(self) -> Dim:
        base = self._atom()
        if self.take("**"):
            number = _NUMBER.match(self.text, self.at)
            if number is None:
                raise ValueError(f"a number is expected at column {self.at + 1}")
            self.at = number.end()
            return base ** int(number[0])
        return base

    def _atom(self) -> Dim:
        if self.take("("):
            size = self.size()
            sizes = [size]
            while self.take(" if "):
                test = self.size()
                if self.take(" == 1 else "):  # of two the last one stands in front
                    sizes.insert(0, self.size())
                else:
                    self.expect(" != 1 else ")
                    sizes.append(self.size())
                if test != sizes[-2]:
                    raise ValueError("a size of this form names the same size twice")
            if len(sizes) > 1:
                size = of_symbol(Atom("bcast", tuple(sizes)))
            self.expect(")")
            return size
        for kind in ("max", "min"):
            if self.take(f"{kind}("):
                sizes = [self.size()]
                while self.take(", "):
                    sizes.append(self.size())
                self.expect(")")
                return applied(kind, *sizes)
        number = re.compile(r"\d+").match(self.text, self.at)
        if number:
            self.at = number.end()
            return dim(int(number[0]))
        owner, dot, axis = self.name().partition(".")
        if not dot:
            return dim(owner)
        if owner not in self.ranks or not axis.isdecimal():
            raise ValueError(f"`{owner}.{axis}` is no size of an argument")
        return open_axis(owner, int(axis), self.ranks[owner])


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return at
    raise ValueError(f"the bracket at column {start + 1} is not closed")
