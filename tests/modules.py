"""Running generated modules: in this process, and in one where nothing of the compiler can be imported."""

from __future__ import annotations

import linecache
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

LoadSource: TypeAlias = Callable[[str], ModuleType]  # what the fixture `load_source` is

COMPILER = ("graphc", "lark", "networkx")

# Comes before the script; `sys.path[0]` is where the generated modules lie.
_PRELUDE = f"""\
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {COMPILER!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked: a generated module must not need it", name=name)
        return None

sys.meta_path.insert(0, Blocked())
sys.path.insert(0, {{folder}})
"""


def execute(source: str, name: str) -> ModuleType:
    """A fresh module made of this source text. The caller enters it into `sys.modules`, if at all."""
    module = ModuleType(name)
    filename = f"<generated {name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)  # for tracebacks
    exec(compile(source, filename, "exec"), module.__dict__)
    return module


def run_without_compiler(
    script: str, folder: Path, *arguments: str, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run Python text in `folder` where graphc, lark and networkx cannot be imported and a warning is an error."""
    program = _PRELUDE.replace("{folder}", repr(str(folder))) + script
    return subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "-W", "error", "-c", program, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )
