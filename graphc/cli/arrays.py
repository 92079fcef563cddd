"""Arrays in `.npz` files: read without pickle, written the same on every run, described in a line."""

from __future__ import annotations

import io
import sys
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, BinaryIO
from unicodedata import normalize

import numpy as np

from graphc.cli.failure import DATA, READ, failure
from graphc.cli.reading import STDIN
from graphc.emitter.signature import Ownership
from graphc.language.diagnostics import Diagnostic, GraphcError, suggest

__all__ = ["ArrayFile", "npz_bytes", "summary", "whose_npz"]

MARK = b"written by graphc"
"""The comment of the zip archive: NumPy reads over it, and whoever changes the file with NumPy removes it."""
HOW = "write it with np.savez(file, X=X, …)"
EPOCH = (1980, 1, 1, 0, 0, 0)


class ArrayFile:
    """A `.npz` file that is read array by array, on standard input for `-`; its names are compared as those of programs
    are."""

    def __init__(self, path: str) -> None:
        # Opened here, as np.load would leave a file open that it cannot read.
        self._stream = _standard_input() if path == "-" else _opened(path)
        self.path = path = STDIN if path == "-" else path
        try:
            loaded = np.load(self._stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                raise failure(DATA, f"`{path}` holds one array without a name", help=HOW)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, OverflowError):
            self._stream.close()
            raise failure(DATA, f"`{path}` is not a .npz file", help=HOW) from None
        except BaseException:
            self._stream.close()
            raise
        self._file = loaded
        self.names = {normalize("NFKC", name): name for name in loaded.files}

    def __enter__(self) -> ArrayFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._stream.close()

    def read(self, name: str) -> Any:
        """The array of that name, which must be there. Raises GraphcError."""
        try:
            array = self._file[self.names[name]]
        except MemoryError:
            raise failure(DATA, f"array `{name}` in `{self.path}` does not fit into memory") from None
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, KeyError) as error:
            why = "it holds Python objects" if "allow_pickle" in str(error) else str(error)
            raise failure(DATA, f"cannot read array `{name}` in `{self.path}`: {why}") from None
        if not isinstance(array, np.ndarray):  # a member of the archive that is no array comes as bytes
            raise failure(DATA, f"`{name}` in `{self.path}` is not an array")
        return array

    def take(self, names: Sequence[str]) -> dict[str, Any]:
        """The arrays of these names. Raises GraphcError with an error for each that is missing."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise GraphcError([self._missing(name, names) for name in missing])
        return {name: self.read(name) for name in names}

    def _missing(self, name: str, wanted: Sequence[str]) -> Diagnostic:
        others = [other for other in self.names if other not in wanted]
        close = suggest(name, others)
        have = ", ".join(f"`{other}`" for other in sorted(self.names)) or "nothing"
        help = f"did you mean `{close}`? It holds {have}" if close else f"it holds {have}"
        return Diagnostic(DATA, "error", f"`{self.path}` has no array `{name}`", help=help)


def _standard_input() -> BinaryIO:
    """What comes on standard input: an archive ends with what it holds, so all of it is read first."""
    try:
        return io.BytesIO(sys.stdin.buffer.read())
    except AttributeError:  # it is closed, or of text alone
        raise failure(READ, "cannot read standard input: it is closed") from None
    except OSError as error:
        raise failure(READ, f"cannot read standard input: {(error.strerror or str(error)).lower()}") from None


def _opened(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise failure(READ, f"there is no file `{path}`") from None
    except IsADirectoryError:
        raise failure(READ, f"`{path}` is a folder, not a .npz file") from None
    except OSError as error:
        raise failure(READ, f"cannot read `{path}`: {(error.strerror or str(error)).lower()}") from None
    except ValueError:  # a NUL in the name
        raise failure(READ, f"`{path}` cannot be the name of a file") from None


def npz_bytes(arrays: Mapping[str, Any]) -> bytes:
    """A `.npz` file of these arrays; np.savez would put the time into it, and no mark."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = MARK
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def whose_npz(data: bytes) -> Ownership:
    """Whether graphc wrote a `.npz` file."""
    return "ours" if data.endswith(MARK) else "foreign"


def summary(value: Any, norm: bool) -> list[str]:
    """An array in a few words: the value of a scalar, else shape, type, norm or range, and what is not finite."""
    array = np.asarray(value)
    cells = [str(array.shape), str(array.dtype)]
    if array.ndim == 0:
        cells.append(_number(array[()]))
    elif array.size == 0:
        cells.append("empty")
    elif array.dtype.kind == "f":
        wide = array.astype(np.float64)
        finite = wide[np.isfinite(wide)]
        if norm:
            with np.errstate(over="ignore"):
                cells.append(f"norm {_number(np.linalg.norm(wide))}")
        elif finite.size:
            cells.append(f"from {_number(finite.min())} to {_number(finite.max())}, mean {_number(finite.mean())}")
        if finite.size < wide.size:
            cells.append(f"{wide.size - finite.size} of {wide.size} not finite")
    else:
        cells.append(f"from {_number(array.min())} to {_number(array.max())}")
    return cells


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, np.floating) else str(value)
