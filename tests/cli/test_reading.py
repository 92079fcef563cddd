"""Programs as they come: bytes that are no text, files that are none, standard input."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphc.cli.reading import MAX_BYTES, read_program
from graphc.language.diagnostics import Diagnostic, GraphcError
from graphc.language.source import Span

Run = Callable[..., Any]


def failing(name: str) -> GraphcError:
    with pytest.raises(GraphcError) as caught:
        read_program(name)
    return caught.value


def test_a_program_is_called_by_its_name_and_found_by_its_path(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.g").write_text("Y = x\n")
    source = read_program("sub/a.g").source
    assert (source.text, source.name, source.path) == ("Y = x\n", "a.g", "sub/a.g")


def test_diagnostics_name_the_path_as_it_was_given(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.g").write_text("Y = x\n")
    program = read_program("sub/a.g")
    span = Span(program.source, 4, 5)
    (moved,) = program.located([Diagnostic("E0201", "error", "m", span, None, (("n", span), ("loose", None)))])
    assert moved.span is not None and moved.span.source.name == "sub/a.g"
    assert moved.notes[0][1] is not None and moved.notes[0][1].source.name == "sub/a.g"
    assert (moved.span.line, moved.span.column, moved.notes[1]) == (1, 5, ("loose", None))


def test_imported_files_are_named_as_the_shell_finds_them(
    folder: Path, graphc: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the import calls them, which is relative to the importing file."""
    (folder / "nets" / "parts").mkdir(parents=True)
    (folder / "nets" / "a.g").write_text('import "parts/b.g"\nL = sum(f(x))\n')
    (folder / "nets" / "parts" / "b.g").write_text('import "../c.g"\ndef f(x) = g(x)\n')
    (folder / "nets" / "c.g").write_text("def g(x) = 2 * y\n")
    shown = graphc("compile", "nets/a.g").err
    places = [os.path.join("nets", "c.g"), os.path.join("nets", "parts", "b.g")]
    assert f" --> {places[0]}:1:16\n" in shown and f" ::: {places[1]}:2:12\n" in shown
    assert f" --> {(folder / places[0]).resolve()}:1:16\n" in graphc("check", str(folder / "nets" / "a.g")).err
    monkeypatch.chdir(folder / "nets" / "parts")
    assert f" --> {os.path.join('..', 'c.g')}:1:16\n" in graphc("compile", "../a.g").err


@pytest.mark.parametrize("data", [b"Y = x\n", b"\xef\xbb\xbfY = x\n"])
def test_a_byte_order_mark_is_no_part_of_the_text(folder: Path, data: bytes) -> None:
    (folder / "a.g").write_bytes(data)
    assert read_program("a.g").source.text == "Y = x\n"


def test_ends_of_lines_are_kept(folder: Path) -> None:
    (folder / "a.g").write_bytes(b"Y = x\r\nZ = Y\r\n")
    assert read_program("a.g").source.text == "Y = x\r\nZ = Y\r\n"


@pytest.mark.parametrize(
    ("data", "place", "label"),
    [
        (b"Y = x\nZ = \xff\n", (2, 5), "byte 0xff"),
        (b"\xef\xbb\xbfY = \xc3(", (1, 5), "byte 0xc3"),
        ("Y = α\nλ".encode() + b"\x80", (2, 2), "byte 0x80"),
        (b"Y = x\nZ = \x00\n", (2, 5), "a byte 0"),
    ],
)
def test_what_is_no_text_is_shown_in_its_place(folder: Path, data: bytes, place: tuple[int, int], label: str) -> None:
    (folder / "a.g").write_bytes(data)
    error = failing("a.g")
    assert (error.file, error.line, error.column) == ("a.g", *place)
    assert error.errors[0].code == "E0503"
    assert error.errors[0].label == label


def test_utf_16_is_named(folder: Path) -> None:
    (folder / "a.g").write_text("Y = x\n", encoding="utf-16")
    error = failing("a.g")
    assert (error.file, error.line, error.column) == ("a.g", 1, 1)
    assert "UTF-16" in error.errors[0].message


def test_no_file_and_one_that_was_meant(folder: Path) -> None:
    error = failing("nett.g")
    assert error.message == "there is no file `nett.g`"
    assert error.errors[0].help == "did you mean `net.g`?"
    assert failing("net").errors[0].help == "did you mean `net.g`?"
    assert failing("nowhere/x.g").errors[0].help == "there is no folder `nowhere` either"


def test_folders_and_names_that_cannot_be(folder: Path) -> None:
    assert failing(".").message == "`.` is a folder, not a program"
    assert "cannot be the name of a file" in failing("a\0b").message
    assert "too long" in failing("x" * 300).message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions, which root does not have")
def test_an_unreadable_file(folder: Path) -> None:
    (folder / "net.g").chmod(0)
    assert failing("net.g").message == "cannot read `net.g`: permission denied"


def test_a_very_large_file_is_not_read(folder: Path) -> None:
    with open(folder / "big.g", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert failing("big.g").message == "`big.g` is larger than 16 MiB"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero")
def test_a_device_without_end(folder: Path) -> None:
    assert "larger than" in failing("/dev/zero").message
