"""Of the statements that name sizes, what the code below them needs.

    N, D = X.shape                                    D = X.shape[1]
    H = W.shape[1]                    becomes
    if W.shape[0] != D:                               if W.shape[0] != D:
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set

__all__ = ["between_words", "needed_sizes", "words"]

_SILENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*')
"""A string or a comment."""


def between_words(within: str) -> dict[int, str]:
    """For `str.translate`: a blank for each character that parts words; those in `within` do not.

    Regular expressions know no combining marks, which names may hold.
    """
    return {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) in within)}


_APART = between_words("_.")
"""What parts words with their attributes from others."""
_SHAPE = re.compile(r"^( *)(\(?)([^=()]+?),?\)? = (.*\.shape)$")


def words(code: Iterable[str]) -> set[str]:
    """The names that code speaks of, outside its comments and strings."""
    apart = set(_SILENT.sub("", "\n".join(code)).translate(_APART).split())
    return {each.partition(".")[0] for each in apart} - {""}


def needed_sizes(sizes: Sequence[str], spoken: Set[str]) -> list[str]:
    """Those of the statements `sizes` that define one of the names `spoken`, or what one of them that is needed speaks
    of."""
    used = set(spoken)
    kept: list[str] = []
    for line in reversed(sizes):
        match = _SHAPE.match(line)
        if match is None:
            needed = [line] if line.split(" = ")[0].strip() in used else []
        else:
            needed = _of_shape(match, used)
        if needed:
            used |= words(needed)
            kept += reversed(needed)
    return kept[::-1]


def _of_shape(match: re.Match[str], used: set[str]) -> list[str]:
    """`N, D = X.shape` as far as it is used: one size by its place, several with `_` for the others."""
    indent, _, targets, shape = match.groups()
    names = [name.strip() for name in targets.split(",")]
    wanted = [(k, name) for k, name in enumerate(names) if name in used]
    if len(wanted) == len(names):
        return [match.string]
    if len(wanted) < 3:
        return [f"{indent}{name} = {shape}[{k}]" for k, name in wanted]
    return [f"{indent}{', '.join(name if name in used else '_' for name in names)} = {shape}"]
