"""Programs that some tests look at their results with, and which of them are not there."""

from __future__ import annotations

import os
import shutil

__all__ = ["CHROMIUM", "DOT", "LATEX", "left_out"]

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
DOT = shutil.which("dot")
LATEX = shutil.which("pdflatex")

_USES = {
    "chromium": (CHROMIUM, "pages seen in a browser"),
    "dot (Graphviz)": (DOT, "pictures laid out by Graphviz"),
    "pdflatex": (LATEX, "LaTeX made into pages"),
}


def left_out() -> list[str]:
    """A line for each kind of test that this machine cannot run."""
    return [f"left out, for want of {tool}: {what}" for tool, (path, what) in _USES.items() if path is None]
