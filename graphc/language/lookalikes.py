"""Names that look the same and are not: `a` of the Latin alphabet and `а` of the Cyrillic one.

Normal form (NFKC) makes one of letters that differ in style alone; letters of other alphabets stay what they are. Greek
letters are welcome; what is pointed out is a program in which two different names look like one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["lookalikes"]

_LATIN: Final = str.maketrans(
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυχιϳϲ" "АВЕЅІЈКМНОРСТУХаеорсухіјѕҮԛԝһ" "օոսցհ" "\u0131\u0251\u0261",
    "ABEZHIKMNOPTYXavopuxijc" "ABESIJKMHOPCTYXaeopcyxijsYqwh" "onugh" "iag",
)  # fmt: skip


def lookalikes(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of different names that look alike, the later one second."""
    seen: dict[str, str] = {}
    firsts = ((seen.setdefault(name.translate(_LATIN), name), name) for name in names)
    return [(first, name) for first, name in firsts if first != name]
