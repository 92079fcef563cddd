"""Writing: as a whole or not at all, with the permissions and links that are there, over nobody else's file."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from graphc.cli import files
from graphc.cli.files import write_file
from graphc.emitter.signature import is_ours, sign
from graphc.language.diagnostics import GraphcError

OURS, NEW = sign("x = 1\n").encode(), sign("x = 2\n").encode()
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions and links")


def failing(name: str, data: bytes = NEW, *, force: bool = False, inputs: tuple[str, ...] = ()) -> GraphcError:
    with pytest.raises(GraphcError) as caught:
        write_file(name, data, force=force, inputs=inputs)
    return caught.value


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".tmp"))


def test_a_signature_is_known_again() -> None:
    text = sign("import numpy as np\n")
    assert text.splitlines()[0] == "import numpy as np"
    assert is_ours(text.encode()) == "ours"
    assert sign(text) == text
    assert is_ours(text.replace("\n", "\r\n").encode()) == "ours"


@pytest.mark.parametrize("change", [("np", "npy"), ("sha256 ", "sha256 0"), ("import", " import")])
def test_an_edited_file_is_told_from_a_foreign_one(change: tuple[str, str]) -> None:
    text = sign("import numpy as np\nx = np.ones(3)\n")
    edited = text.replace(*change).encode()
    assert is_ours(edited) == ("foreign" if change[0].startswith("sha") else "edited")
    assert is_ours((text + "x = 3\n").encode()) == "edited"


@pytest.mark.parametrize("data", [b"", b"x = 1\n", b"\xff\x00", b"# graphc: sha256 12\n"])
def test_a_foreign_file(data: bytes) -> None:
    assert is_ours(data) == "foreign"


def test_a_new_file(folder: Path) -> None:
    umask = os.umask(0o027)
    try:
        assert write_file("a.py", NEW, force=False)
    finally:
        os.umask(umask)
    path = folder / "a.py"
    assert path.read_bytes() == NEW
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert left_behind(folder) == []


def test_our_own_file_is_replaced_and_the_same_content_not_written(folder: Path) -> None:
    (folder / "a.py").write_bytes(OURS)
    assert write_file("a.py", NEW, force=False)
    before = (folder / "a.py").stat()
    assert not write_file("a.py", NEW, force=False)
    after = (folder / "a.py").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


@pytest.mark.parametrize(
    ("content", "said"), [(b"precious\n", "did not write it"), (b"", "did not write it"), (OURS + b"#\n", "edited")]
)
def test_what_is_not_ours_needs_force(folder: Path, content: bytes, said: str) -> None:
    (folder / "a.py").write_bytes(content)
    error = failing("a.py")
    assert (error.errors[0].code, said in error.message) == ("E0501", True)
    assert "--force" in (error.errors[0].help or "") and "`a.py`" in error.message
    assert (folder / "a.py").read_bytes() == content
    assert write_file("a.py", NEW, force=True)
    assert (folder / "a.py").read_bytes() == NEW


def test_what_is_read_is_never_written(folder: Path) -> None:
    (folder / "a.py").write_bytes(OURS)
    os.link(folder / "a.py", folder / "b.py")
    assert "reads" in failing("a.py", force=True, inputs=("b.py",)).message
    assert (folder / "a.py").read_bytes() == OURS


@posix
def test_permissions_stay(folder: Path) -> None:
    (folder / "a.py").write_bytes(OURS)
    (folder / "a.py").chmod(0o751)
    write_file("a.py", NEW, force=False)
    assert stat.S_IMODE((folder / "a.py").stat().st_mode) == 0o751


@posix
def test_a_write_protected_file_needs_force(folder: Path) -> None:
    (folder / "a.py").write_bytes(OURS)
    (folder / "a.py").chmod(0o444)
    assert "write-protected" in failing("a.py").message
    assert write_file("a.py", NEW, force=True)


@posix
def test_a_link_stays_a_link(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "real" / "a.py").write_bytes(OURS)
    (folder / "a.py").symlink_to("real/a.py")
    (folder / "b.py").symlink_to("real/b.py")  # to nowhere
    for name in ("a.py", "b.py"):
        assert write_file(name, NEW, force=False)
        assert (folder / name).is_symlink()
        assert (folder / "real" / name).read_bytes() == NEW
    assert left_behind(folder) == left_behind(folder / "real") == []


@posix
def test_a_link_to_somebody_elses_file(folder: Path) -> None:
    (folder / "b.py").write_bytes(b"precious")
    (folder / "a.py").symlink_to("b.py")
    assert failing("a.py").errors[0].code == "E0501"
    (folder / "loop").symlink_to("loop")
    assert failing("loop").errors[0].code == "E0504"


@posix
def test_devices_and_pipes_are_written_to(folder: Path) -> None:
    assert write_file("/dev/null", NEW, force=False)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo(folder / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((folder / "pipe").read_bytes()))
    reader.start()
    write_file("pipe", NEW, force=False)
    reader.join(10)
    assert read == [NEW]


def test_places_that_cannot_be_written(folder: Path) -> None:
    assert failing(".").message == "`.` is a folder"
    assert failing("no/a.py").message == "cannot write `no/a.py`: there is no folder `no`"
    assert failing("no/").message == "cannot write `no/`: there is no folder `no`"
    assert not (folder / "no").exists()
    assert "cannot write" in failing("net.g/a.py").message
    assert "cannot be the name" in failing("a\0.py").message
    assert "too long" in failing("x" * 300).message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions, which root does not have")
def test_a_read_only_folder(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub").chmod(0o555)
    assert "permission denied" in failing("sub/a.py").message


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
@pytest.mark.parametrize("raised", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("present", [None, OURS])
def test_whatever_happens_the_file_is_old_or_new(
    folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str, raised: BaseException, present: bytes | None
) -> None:
    def fail(*_: object) -> None:
        raise raised

    if present is not None:
        (folder / "a.py").write_bytes(present)
    if moment == "write":
        opened = open

        def refusing(name: object, mode: str = "r") -> object:
            file = opened(name, mode)  # type: ignore[call-overload]
            if "w" in mode:
                file.close()
                raise raised
            return file

        monkeypatch.setattr(files, "open", refusing, raising=False)
    else:
        monkeypatch.setattr(files.os, moment, fail)
    with pytest.raises(KeyboardInterrupt if isinstance(raised, KeyboardInterrupt) else GraphcError) as caught:
        write_file("a.py", NEW, force=False)
    if isinstance(caught.value, GraphcError):
        assert caught.value.message == "cannot write `a.py`: no space left on device"
    monkeypatch.undo()
    assert (folder / "a.py").exists() == (present is not None)
    assert present is None or (folder / "a.py").read_bytes() == present
    assert left_behind(folder) == []


@posix
def test_a_file_system_that_is_full(folder: Path) -> None:
    """A real limit: this process may write no file larger than 1,000 bytes."""
    (folder / "a.py").write_bytes(OURS)
    script = """
import resource, signal, sys
from graphc.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
sys.exit(main(["compile", "net.g", "-o", "a.py"]))
"""
    done = subprocess.run([sys.executable, "-B", "-c", script], cwd=folder, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert done.stderr == "error[E0504]: cannot write `a.py`: file too large\n"
    assert (folder / "a.py").read_bytes() == OURS
    assert left_behind(folder) == []


def test_readers_never_see_a_part(folder: Path) -> None:
    """While two threads write, whoever reads finds one of the two whole."""
    contents = [sign(letter * 200_000).encode() for letter in "ab"]
    write_file("a.py", contents[0], force=False)

    def write(data: bytes) -> None:
        for _ in range(20):
            write_file(str(folder / "a.py"), data, force=False)

    writers = [threading.Thread(target=write, args=(data,)) for data in contents]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        seen.add((folder / "a.py").read_bytes())
    assert seen <= set(contents)
    assert left_behind(folder) == []
