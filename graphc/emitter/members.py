"""Sets of words as the bits of numbers: a long program has as many sets as words, each of most of the words before it.

    words.of(["a", "b"])        0b11; then words.of(["b", "c"]) is 0b110, and the two have 0b010 in common
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Members"]


class Members:
    """The words that there are sets of, numbered as they come."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def of(self, words: Iterable[str]) -> int:
        """The set of these words."""
        found = 0
        for word in words:
            found |= 1 << self._places.setdefault(word, len(self._places))
        return found

    def has(self, members: int, word: str) -> bool:
        """Whether a word is in a set."""
        place = self._places.get(word)
        return place is not None and members >> place & 1 == 1
