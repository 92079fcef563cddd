"""The Python API: what `import graphc` offers."""

from __future__ import annotations

import types
from collections.abc import Sequence
from pathlib import Path

from graphc.collector import collector_paused
from graphc.ir.graph import Graph
from graphc.language.decoding import source_of_file
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.pipeline import MEMORY, Options, compile_graph, compile_source, joint_graph, lower_source

__all__ = ["compile", "differentiate", "emit", "load", "parse"]


def compile(
    text: str,
    *,
    wrt: Sequence[str] | None = None,
    loss: str | None = None,
    level: int = 1,
    verify: bool = True,
    memory: str = "balanced",
    threads: int = 1,
) -> str:
    """The source of the NumPy module that a program's text compiles to.

    `wrt` names the variables that get a gradient, `loss` the scalar to differentiate, `level` is 0, 1 or 2. `memory`
    says what `forward` keeps for `backward`: "lean", as little as possible, "fast", whatever saves time, or "balanced".
    At level 2 loops over rows run on so many `threads`.
    With `verify` the gradients are checked numerically before anything is returned. Raises GraphcError; what is to be
    said of a program that is accepted (a gradient that is zero everywhere, or could not be checked) is a GraphcWarning.
    """
    module, warnings = _compiled(Source(text), _options(wrt, loss, level, verify, memory, threads))
    warnings.warn(stacklevel=2)
    return module


def load(
    source: str | Path,
    *,
    wrt: Sequence[str] | None = None,
    loss: str | None = None,
    level: int = 1,
    verify: bool = True,
    memory: str = "balanced",
    threads: int = 1,
) -> types.ModuleType:
    """The compiled program as a module: `net.forward`, `net.backward`, `net.value_and_grad`, …

    `source` is a `Path`, a one-line string that ends in `.g` (a file's name), or the program's text.
    Raises GraphcError, and OSError for a file that cannot be read; warns as `compile` does.
    """
    if isinstance(source, Path) or (isinstance(source, str) and source.endswith(".g") and "\n" not in source):
        program = source_of_file(Path(source))
    else:
        program = Source(source)
    options = _options(wrt, loss, level, verify, memory, threads)
    module, warnings = _compiled(program, options)
    warnings.warn(stacklevel=2)
    return module_from(module, program.name, options)


@collector_paused()
def _compiled(source: Source, options: Options) -> tuple[str, Diagnostics]:
    """The module's source, and what is to be said of the program. The graphs that it was made of are gone before the
    collector is on again: it would go through all of them at once."""
    compiled = compile_source(source, options)
    return compiled.module, compiled.warnings


class LoadedModule(types.ModuleType):
    """A generated module that was loaded, with what a notebook asks of it: the picture and the derivation."""

    _options: Options

    def _repr_svg_(self) -> str:
        from graphc.notebook import graph_svg

        return graph_svg(parse(self.SOURCE))

    def _repr_html_(self) -> str:
        from graphc.notebook import derivation_html

        return derivation_html(self.SOURCE, self.__name__, self._options)


def module_from(text: str, name: str, options: Options = Options()) -> types.ModuleType:  # noqa: B008 (it is frozen)
    """A module executed from its source; tracebacks show the generated lines."""
    import linecache

    from graphc.emitter.code import code_of, file_of

    file = file_of(text, name)
    module = LoadedModule(Path(name).stem if name != "<string>" else "graphc_module")
    module.__file__ = file
    module._options = options
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    for code in code_of(text, name):
        exec(code, module.__dict__)
    return module


def parse(text: str) -> Graph:
    """The graph of a program. Raises GraphcError."""
    return lower_source(Source(text), Diagnostics())


def differentiate(graph: Graph, wrt: Sequence[str] | None = None, loss: str | None = None) -> Graph:
    """The joint graph of a program and its gradients. Raises GraphcError, and warns of gradients that are zero."""
    return _joint(_graph(graph), _options(wrt, loss, 1, False))


def emit(graph: Graph) -> str:
    """The source of the module for a graph; gradients are those of `differentiate`, by default made here."""
    joint = graph if _graph(graph).gradients else _joint(graph, Options())
    return compile_graph(joint, Options())[0]


def _graph(graph: object) -> Graph:
    """What `parse` makes. Raises TypeError for anything else, such as the text of a program."""
    if not isinstance(graph, Graph):
        raise TypeError(f"a Graph is expected, as parse(text) makes one, not {type(graph).__name__}")
    return graph


def _joint(graph: Graph, options: Options) -> Graph:
    diagnostics = Diagnostics()
    joint = joint_graph(graph, options, diagnostics)
    diagnostics.warn(stacklevel=3)
    return joint


def _options(
    wrt: Sequence[str] | None, loss: str | None, level: int, verify: bool, memory: str = "balanced", threads: int = 1
) -> Options:
    if level not in (0, 1, 2):
        raise ValueError(f"level must be 0, 1 or 2, not {level!r}")
    if memory not in MEMORY:
        raise ValueError(f"memory must be one of {', '.join(MEMORY)}, not {memory!r}")
    if not 1 <= threads <= 256 or (threads > 1 and level < 2):
        raise ValueError(f"threads must be a number from 1 to 256, and 1 below level 2, not {threads!r}")
    if isinstance(wrt, str):
        wrt = [name.strip() for name in wrt.split(",")]
    for name in (*(wrt or ()), *((loss,) if loss is not None else ())):
        if not isinstance(name, str):
            raise TypeError(f"wrt and loss are names of values, not {type(name).__name__}")
    return Options(tuple(wrt) if wrt is not None else None, loss, level, verify, threads=threads, memory=memory)
