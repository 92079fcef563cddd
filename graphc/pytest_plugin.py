"""What pytest has when graphc is installed. A test that asks for none of it pays nothing: NumPy and the compiler are
imported when a fixture is used.

    def test_forward(graphc_load):
        net = graphc_load("net.g")                  # beside the test's file

    def test_nothing_has_changed(graphc_golden):
        graphc_golden("net.g", seed=0)              # compares with net.seed0.npz; writes it the first time

`pytest --graphc-update` writes golden values anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

__all__ = ["graphc_golden", "graphc_load"]

OPTION = "--graphc-update"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("graphc").addoption(
        OPTION, action="store_true", help="write the golden values of `graphc_golden` anew"
    )


@pytest.fixture(scope="session")
def _graphc_modules() -> dict[tuple[Any, ...], ModuleType]:
    """The programs compiled in this session."""
    return {}


def _located(name: str | Path, request: pytest.FixtureRequest) -> Path:
    """Beside the test's file, else under pytest's root."""
    path = Path(name)
    for folder in (request.path.parent, request.config.rootpath):
        if (folder / path).is_file():
            return folder / path
    pytest.fail(f"there is no file {name} beside {request.path.name} or in {request.config.rootpath}", pytrace=False)


@pytest.fixture
def graphc_load(
    request: pytest.FixtureRequest, _graphc_modules: dict[tuple[Any, ...], ModuleType]
) -> Callable[..., ModuleType]:
    """Compile a program, once a session: `graphc_load("net.g", level=2)`; options as those of `graphc.load`."""

    def load(name: str | Path, **options: Any) -> ModuleType:
        import graphc

        path = _located(name, request)
        key = (path, path.stat().st_mtime_ns, repr(sorted(options.items())))
        if key not in _graphc_modules:
            _graphc_modules[key] = graphc.load(path, **options)
        return _graphc_modules[key]

    return load


@pytest.fixture
def graphc_golden(
    request: pytest.FixtureRequest, graphc_load: Callable[..., ModuleType]
) -> Callable[..., dict[str, Any]]:
    """Compare a program's values and gradients, on data drawn with a seed, with those that were kept.

    The file `net.seed0.npz` stands beside the test's file, or where `file=` says; it has the data, so that it stays the
    same when the drawing changes. A test whose file is not there writes it and fails, once.
    """

    def golden(
        name: str | Path, seed: int = 0, *, file: str | Path | None = None, rtol: float = 1e-9, atol: float = 0.0,
        **options: Any,
    ) -> dict[str, Any]:  # fmt: skip
        __tracebackhide__ = True
        from graphc.grade.golden import compute, draw_inputs, read, write
        from graphc.testing import assert_same

        path = _located(name, request)
        target = request.path.parent / (file or f"{path.stem}.seed{seed}.npz")
        module = graphc_load(name, **options)
        if request.config.getoption(OPTION) or not target.is_file():
            inputs = draw_inputs(path, seed)
            results = compute(module, inputs)
            write(target, inputs, results)
            if not request.config.getoption(OPTION):
                pytest.fail(f"{target.name} was not there; it is written, look at it and keep it", pytrace=False)
            return results
        inputs, expected = read(target)
        results = compute(module, inputs)
        assert_same(results, expected, rtol=rtol, atol=atol)
        return results

    return golden
