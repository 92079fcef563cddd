"""Shell completion: made from the commands' own options, and tried in a bash."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from command import graphc_command
from graphc.cli import COMMANDS


def complete(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    script = graphc_command("completion", "bash", cwd=folder).stdout
    line = " ".join(f"'{word}'" for word in words)
    script += f'\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _graphc; printf "%s\\n" "${{COMPREPLY[@]}}"\n'
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, "-c", script], cwd=folder, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_commands(tmp_path: Path) -> None:
    assert set(complete(tmp_path, "graphc", "")) == {*COMMANDS, "--help", "--version"}
    assert complete(tmp_path, "graphc", "comp") == ["compile", "completion"]


def test_options_choices_words_and_files(tmp_path: Path) -> None:
    (tmp_path / "net.g").touch()
    assert "--no-verify" in complete(tmp_path, "graphc", "compile", "--")
    assert complete(tmp_path, "graphc", "grade", "x.py", "--format", "") == ["text", "json"]
    assert "softmax" in complete(tmp_path, "graphc", "ops", "softm")
    assert complete(tmp_path, "graphc", "compile", "n") == ["net.g"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_and_option_is_there(tmp_path: Path, shell: str) -> None:
    done = graphc_command("completion", shell, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert name in done.stdout
    assert ("-l against" if shell == "fish" else "--against") in done.stdout
    if shutil.which(shell):
        assert shell != "zsh" or "compdef" in done.stdout
        checked = subprocess.run([shell, "-n"], input=done.stdout, capture_output=True, encoding="utf-8", timeout=60)
        assert checked.returncode == 0, checked.stderr


def test_another_shell(tmp_path: Path) -> None:
    assert graphc_command("completion", "csh", cwd=tmp_path).returncode == 2
