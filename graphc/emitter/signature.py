"""The last line of what graphc writes: a digest of everything above it.

    # graphc: sha256 3f2b…

By it graphc knows its own files again, and whether a person has edited one since. It is no secret and proves nothing
to anybody else.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

__all__ = ["Ownership", "is_ours", "sign"]

Ownership = Literal["ours", "edited", "foreign"]

_MARK = b"# graphc: sha256 "
_LINE = re.compile(rb"^# graphc: sha256 ([0-9a-f]{64})[ \t]*$", re.MULTILINE)


def sign(text: str) -> str:
    """The text with the digest's line at its end; a signed one is returned as it is."""
    if is_ours(text.encode("utf-8")) == "ours":
        return text
    if not text.endswith("\n"):
        text += "\n"
    return f"{text}# graphc: sha256 {_digest(text.encode('utf-8'))}\n"


def is_ours(data: bytes) -> Ownership:
    """Whether a file's content is what graphc wrote, what a person has made of it since, or something else.

    Ends of lines do not count: version control may change all of them at once.
    """
    if _MARK not in data:
        return "foreign"
    data = data.replace(b"\r\n", b"\n")
    lines = list(_LINE.finditer(data))
    if not lines:
        return "foreign"
    found = lines[-1]
    if found.group(1).decode() == _digest(data[: found.start()]) and not data[found.end() :].strip():
        return "ours"
    return "edited"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
