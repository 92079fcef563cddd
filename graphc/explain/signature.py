"""The signature of what is not Python: the digest's line as a comment of the format, else after the end of the file."""

from __future__ import annotations

import hashlib
import re

from graphc.emitter.signature import Ownership

__all__ = ["is_ours", "signed"]

_LINE = re.compile(rb"^(?:<!--|%%|%|//|#) graphc: sha256 ([0-9a-f]{64})(?: -->)?[ \t]*$", re.MULTILINE)
_COMMENTS = {"markdown": "<!-- {} -->", "html": "<!-- {} -->", "svg": "<!-- {} -->", "latex": "% {}", "mmd": "%% {}",
             "dot": "// {}"}  # fmt: skip


def signed(data: bytes, format: str) -> bytes:
    """The content with the digest's line at its end."""
    if not data.endswith(b"\n"):
        data += b"\n"
    line = _COMMENTS.get(format, "# {}").format(f"graphc: sha256 {hashlib.sha256(data).hexdigest()}")
    return data + line.encode() + b"\n"


def is_ours(data: bytes) -> Ownership:
    """Whether a file's content is what graphc wrote, what a person has made of it since, or something else."""
    lines = list(_LINE.finditer(data))
    if not lines:
        return "foreign"
    found = lines[-1]
    digest = hashlib.sha256(data[: found.start()].replace(b"\r\n", b"\n")).hexdigest()
    raw = hashlib.sha256(data[: found.start()]).hexdigest()
    unchanged = found.group(1).decode() in (digest, raw) and not data[found.end() :].strip()
    return "ours" if unchanged else "edited"
