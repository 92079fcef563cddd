"""Sets of words as numbers."""

from __future__ import annotations

from graphc.emitter.members import Members


def test_sets_are_united_compared_and_asked() -> None:
    words = Members()
    first, second = words.of(["a", "b"]), words.of(["b", "c"])
    both = first | second
    assert all(words.has(both, word) for word in "abc")
    assert words.has(first, "a") and not words.has(first, "c") and not words.has(first, "unknown")
    assert first & both == first and first & second != first
    assert words.of(["b", "a"]) == first and words.of([]) == 0


def test_a_set_of_many_words_is_small() -> None:
    words = Members()
    every = words.of(str(k) for k in range(10_000))
    assert every.__sizeof__() < 2_000
