"""Files that are imported: what is not there, is no file, or has no end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import graphc


def refused(folder: Path, written: str) -> tuple[str, str | None]:
    program = folder / "net.g"
    program.write_text(f'import "{written}"\ny = twice(x)\n')
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.load(program, verify=False)
    (error,) = caught.value.errors
    assert (error.code, error.line, error.column) == ("E0218", 1, 8)
    return error.message, error.help


def test_a_file_of_a_similar_name(tmp_path: Path) -> None:
    (tmp_path / "layers.g").write_text("def twice(x) = 2 * x\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "layers.g").write_text("def twice(x) = 2 * x\n")
    assert refused(tmp_path, "layer.g") == ("there is no file `layer.g`", "did you mean `layers.g`?")
    assert refused(tmp_path, "layers") == ("there is no file `layers`", "did you mean `layers.g`?")
    assert refused(tmp_path, "sub/layer.g")[1] == "did you mean `sub/layers.g`?"
    assert refused(tmp_path, "nothing/like/it.g")[1] == "paths are relative to the importing file"


def test_folders_devices_and_pipes(tmp_path: Path) -> None:
    assert refused(tmp_path, ".")[0] == "`.` is a folder"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert refused(tmp_path, "pipe")[0] == "`pipe` is no file"
    if Path("/dev/zero").exists():
        assert refused(tmp_path, "/dev/zero")[0] == "`/dev/zero` is no file"


def test_a_circle_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.g").symlink_to(tmp_path / "b.g")
    (tmp_path / "b.g").symlink_to(tmp_path / "a.g")
    refused(tmp_path, "a.g")


def test_a_rule_for_an_operation_of_a_similar_name() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile("op swish(x) = x * sigmoid(x)\nrule swsh(x) -> y { dx = dy }\nL = sum(swish(x))")
    assert (caught.value.errors[0].code, caught.value.errors[0].help) == ("E0301", "did you mean `swish`?")
