"""`import graphc.hook`, and from then on `import net` finds `net.g` and compiles it.

    import graphc.hook          # once: in conftest.py, at the top of a script, in a notebook
    from examples import net    # examples/net.g

    net.__source__              # the generated module
    net.SOURCE                  # the program

The module is compiled on import, verified, and kept in `__pycache__` until the program, a file it imports, the
compiler or the options change. Tracebacks show the generated lines and `importlib.reload` compiles what has changed.
What Python finds under a name by itself, such as a `net.py` beside `net.g`, comes first. `install(level=2)` says with
which options; a program that is wrong raises `graphc.GraphcError`.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import re
import secrets
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from graphc.version import __version__

__all__ = ["install", "uninstall"]

MARK = "# graphc.hook: "
_IMPORT = re.compile(r"""(?:^|[;\r\n])[ \t]*import[ \t]*(?:"([^"\r\n]*)"|'([^'\r\n]*)')""")


@dataclass(frozen=True)
class _Options:
    level: int = 1
    verify: bool = True
    wrt: tuple[str, ...] | None = None
    loss: str | None = None
    memory: str = "balanced"
    threads: int = 1


class _Finder(importlib.abc.MetaPathFinder):
    """Finds `name.g` in the folders of the import path."""

    def __init__(self, options: _Options) -> None:
        self.options = options

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        name = fullname.rpartition(".")[2] + ".g"
        for folder in sys.path if path is None else path:
            file = os.path.join(folder or os.getcwd(), name)
            if os.path.isfile(file):
                loader = _Loader(Path(file), self.options)
                return importlib.util.spec_from_file_location(fullname, file, loader=loader)
        return None


class _Loader(importlib.abc.InspectLoader):
    """Compiles one program, or takes it from the cache."""

    def __init__(self, path: Path, options: _Options) -> None:
        self.path = path
        self.options = options

    def get_source(self, fullname: str) -> str:
        """The generated module. Raises GraphcError."""
        return self._source()[0]

    def is_package(self, fullname: str) -> bool:
        return False

    def exec_module(self, module: types.ModuleType) -> None:
        text, file = self._source()
        if file is None:  # nowhere to keep it: the lines for tracebacks stay in memory
            name = f"<graphc {self.path}>"
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        else:
            name = str(file)
            linecache.checkcache(name)
        module.__dict__["__source__"] = text
        exec(builtins.compile(text, name, "exec"), module.__dict__)

    def _source(self) -> tuple[str, Path | None]:
        """The generated text, and the file of the cache that has it."""
        key = self._key()
        file = self._cached()
        text = _read(file, key)
        if text is not None:
            return text, file
        text = self._compile()
        return text, file if not sys.dont_write_bytecode and _write(file, text, key) else None

    def _cached(self) -> Path:
        """Beside the bytecode of ordinary modules, so that what clears or moves that does the same to this."""
        folder = Path(importlib.util.cache_from_source(str(self.path))).parent
        options = hashlib.sha256(repr(astuple(self.options)).encode()).hexdigest()[:8]
        return folder / f"{self.path.stem}.graphc-{options}.py"

    def _key(self) -> str:
        """A digest of everything that the module depends on."""
        digest = hashlib.sha256(repr((_compiler(), astuple(self.options), self.path.name)).encode())
        for name, content in _files(self.path):
            digest.update(repr((name, hashlib.sha256(content).hexdigest())).encode())
        return digest.hexdigest()

    def _compile(self) -> str:
        from graphc.language.decoding import source_of_file
        from graphc.pipeline import Options, compile_source

        options = self.options
        source = source_of_file(self.path)
        chosen = Options(
            options.wrt, options.loss, options.level, options.verify, threads=options.threads, memory=options.memory
        )
        compiled = compile_source(source, chosen)
        compiled.warnings.warn(stacklevel=1)
        return compiled.module


def install(
    *,
    level: int = 1,
    verify: bool = True,
    wrt: Sequence[str] | None = None,
    loss: str | None = None,
    memory: str = "balanced",
    threads: int = 1,
) -> None:
    """Import programs with these options from now on; those that are imported already stay as they are."""
    if level not in (0, 1, 2):
        raise ValueError(f"level must be 0, 1 or 2, not {level!r}")
    from graphc.pipeline import MEMORY

    if memory not in MEMORY:
        raise ValueError(f"memory must be one of {', '.join(MEMORY)}, not {memory!r}")
    if not 1 <= threads <= 256 or (threads > 1 and level < 2):
        raise ValueError(f"threads must be a number from 1 to 256, and 1 below level 2, not {threads!r}")
    options = _Options(level, verify, tuple(wrt) if wrt is not None else None, loss, memory, threads)
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            finder.options = options
            return
    sys.meta_path.append(_Finder(options))


def uninstall() -> None:
    """Import no further programs."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]


def _compiler() -> tuple[str, str]:
    """Which compiler this is: its version, and for those who work on it the state of its files."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted([*folder.rglob("*.py"), *folder.rglob("*.g"), *folder.parent.glob("grammar/*.lark")]):
        with contextlib.suppress(OSError):
            state = file.stat()
            digest.update(f"{file.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return __version__, digest.hexdigest()


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """The program's file and those it imports, however deep, each once; a missing one is empty.

    The statement is looked for by its form alone: a file too many in the digest does no harm.
    """
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        content = b""
        if file == path:
            content = file.read_bytes()
        else:
            with contextlib.suppress(OSError):
                content = file.read_bytes()
        yield os.path.relpath(file, path.parent), content
        for double, single in _IMPORT.findall(content.decode("utf-8", "replace")):
            waiting.append(Path(os.path.normpath(file.parent / (double or single))))


def _read(file: Path, key: str) -> str | None:
    """The module in the cache, if it is of this key and whole."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    body, mark, last = text.rpartition(MARK)
    return body if mark and last == f"{key} {_digest(body)}\n" else None


def _write(file: Path, text: str, key: str) -> bool:
    """Whether the module could be kept; readers see the old file or the new one, never a part."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(beside, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(f"{text}{MARK}{key} {_digest(text)}\n")
            os.replace(beside, file)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except OSError:
        return False
    return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


install()
