"""A long function's body, checked word by word: a tree of it takes twenty times as long, and says no more of most.

    np.tanh(X_rows, A)  # (N, D)      the word `np`, the attribute `tanh`, the words `X_rows` and `A`

What is read so is what a tree would show as well: names, of which Python itself says which are the function's own,
attributes, and a few words of the language. Whatever else there is, from an f-string to a definition, is left to the
tree, and so is whatever would be refused: this check only ever accepts.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Callable, Set
from types import CodeType

from graphc.emitter.sizes import between_words

__all__ = ["in_plain_words", "own_names"]

_SILENT = re.compile(r'#[^\n\r]*|"[^"\\\n\r]*"')
"""A comment, or a string without escapes. A quote is left of either: beside a word it is a prefixed string."""
_ODD = ("'", "\\", ":=")
"""Other strings than those, and assignments in expressions."""
_PREFIXED = re.compile(r'"(?:(?<=\w")|[\w"])')
"""A string with a prefix, or one of several lines."""
_ELSEWHERE = re.compile(r"\n(?:\S|\s*@)")
"""What is no longer in the function; and a decorator, or a product that looks like one."""
_UNUSUAL = re.compile(r"[^\w\x00-\x7f]")
"""Characters of which Python's names may consist, and words of regular expressions may not."""
_WORD = re.compile(r"(?:\.\s*|(?<!\w))[^\W\d]\w*(?:=(?!=))?")
"""An attribute with its point, an argument's keyword with its `=`, or another word."""
_APART = between_words("_.=")
"""What parts words, with their points and `=`, from others."""
_SPOKEN = {"for", "in", "if", "else", "elif", "is", "not", "and", "or", "return", "raise", "None", "True", "False"}
_KEYWORDS = set(keyword.kwlist) - _SPOKEN


def in_plain_words(body: str, own: Set[str], known: Set[str], attribute: Callable[[str], bool]) -> bool:
    """Whether a body uses no names but its `own` and `known` ones, no attributes but allowed ones, and plain words."""
    code = "\n" + _SILENT.sub('"', body)
    if any(odd in code for odd in _ODD) or _PREFIXED.search(code) or _ELSEWHERE.search(code):
        return False
    if not code.isascii() and _UNUSUAL.search(code):
        return False
    # Nine in ten are plain names, and there are many of each: to look at what is left takes a third of the time.
    apart = set(code.translate(_APART).split()) - _SPOKEN - own - known - {"..."}
    if any(each[-1] == "." for each in apart):  # the attribute stands elsewhere
        return False
    for word in set(_WORD.findall(";".join(apart))):
        if not word.isascii():
            word = unicodedata.normalize("NFKC", word)
        if word[0] == ".":
            if not attribute(word[1:].strip().rstrip("=")):
                return False
        elif word in _KEYWORDS or not (word[-1] == "=" or word in own or word in known or word in _SPOKEN):
            return False
    return True


def own_names(code: CodeType) -> set[str]:
    """What a function binds: its arguments and what it assigns, and what the functions and comprehensions in it do."""
    names = {*code.co_varnames, *code.co_cellvars}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            names |= own_names(each)
    return names
