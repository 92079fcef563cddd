"""Writing files: as a whole or not at all, and never over one that somebody else wrote."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Sequence

from graphc.cli.failure import NOT_OURS, WRITE, failure
from graphc.emitter.signature import Ownership, is_ours
from graphc.language.diagnostics import GraphcError

__all__ = ["write_file"]


def write_file(
    name: str,
    data: bytes,
    *,
    force: bool,
    inputs: Sequence[str | None] = (),
    whose: Callable[[bytes], Ownership] = is_ours,
) -> bool:
    """Make `data` the content of a file; whether anything had to be written. Raises GraphcError.

    A symbolic link stays, what it points to is replaced, with the permissions it had. The files in `inputs`, which the
    command reads, are never written to, and one that graphc did not write only with `force`; `whose` tells. A device
    or a pipe is written to as it is.
    """
    try:
        return _write(name, data, force, inputs, whose)
    except OSError as error:
        raise _failed(name, error) from None
    except ValueError:  # a NUL in the name
        raise failure(WRITE, f"`{name}` cannot be the name of a file") from None


def _write(
    name: str, data: bytes, force: bool, inputs: Sequence[str | None], whose: Callable[[bytes], Ownership]
) -> bool:
    target = os.path.realpath(name)
    try:
        there = os.stat(name)
    except FileNotFoundError:  # or a link to nowhere, where the file is then made
        if not os.path.basename(name):  # `out/`, which the real path would make `out`
            raise
        _replace(target, data, None)
        return True
    for read in inputs:
        if read is not None and _same(read, there):
            raise failure(WRITE, f"`{name}` is what this command reads", help="name another file after `-o`")
    if stat.S_ISDIR(there.st_mode):
        raise failure(WRITE, f"`{name}` is a folder", help="name a file in it")
    if not stat.S_ISREG(there.st_mode):
        with open(name, "wb") as stream:
            stream.write(data)
        return True
    with open(target, "rb") as file:
        present = file.read()
    if present == data:
        return False
    if not force:
        _refuse(name, whose(present), there)
    _replace(target, data, there)
    return True


def _same(name: str, there: os.stat_result) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return os.path.samestat(os.stat(name), there)
    return False


def _refuse(name: str, owner: Ownership, there: os.stat_result) -> None:
    help = "`--force` replaces it; `-o` writes another file"
    if owner == "edited":
        raise failure(NOT_OURS, f"`{name}` was edited after graphc wrote it", help=help)
    if owner == "foreign":
        raise failure(NOT_OURS, f"`{name}` is there already, and graphc did not write it", help=help)
    if not there.st_mode & stat.S_IWUSR:
        raise failure(NOT_OURS, f"`{name}` is write-protected", help=help)


def _replace(target: str, data: bytes, there: os.stat_result | None) -> None:
    """Write beside the target, and move that into its place: whoever reads sees the old content or the new."""
    folder = os.path.dirname(target)
    beside = os.path.join(folder, f".graphc-{secrets.token_hex(8)}.tmp")
    try:
        # os.open and not tempfile, so that a new file has the permissions that the user's umask gives.
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with open(handle, "wb") as file:
            if there is not None:
                _inherit(beside, there)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:  # an interrupt as well
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    _settle(folder)


def _inherit(name: str, there: os.stat_result) -> None:
    """Give a file the owner and permissions of the one it replaces, as far as the system lets us."""
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(name, there.st_uid, there.st_gid)
    with contextlib.suppress(OSError):
        os.chmod(name, stat.S_IMODE(there.st_mode))


def _settle(folder: str) -> None:
    """Make the move itself last through a loss of power, where the system can."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _failed(name: str, error: OSError) -> GraphcError:
    folder = os.path.dirname(name)
    if isinstance(error, FileNotFoundError) and folder and not os.path.isdir(folder):
        return failure(WRITE, f"cannot write `{name}`: there is no folder `{folder}`")
    return failure(WRITE, f"cannot write `{name}`: {(error.strerror or str(error)).lower()}")
