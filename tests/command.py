"""The command line as its users meet it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def graphc_command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `graphc …` in a folder, with this environment's Python and UTF-8 for its output."""
    return subprocess.run(
        [sys.executable, "-m", "graphc", *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
        timeout=120,
    )
