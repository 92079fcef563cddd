"""What is emitted passes `ruff check` as it stands: nothing is imported, computed or unpacked that nothing uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import graphc

TOP = Path(__file__).parent.parent.parent
PROGRAMS = sorted([*TOP.glob("examples/**/*.g"), *TOP.glob("tests/benchmarks/programs/*.g")])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_modules_of_all_examples(level: int, tmp_path: Path) -> None:
    for program in PROGRAMS:
        name = "_".join(program.relative_to(TOP).with_suffix("").parts)
        text = graphc.compile(program.read_text(encoding="utf-8"), level=level, verify=False)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    assert len(list(tmp_path.glob("*.py"))) == len(PROGRAMS) > 60
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--output-format=concise", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
