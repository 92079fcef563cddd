"""What all tests share: the option that rewrites golden files, and generated modules made to run."""

from __future__ import annotations

import itertools
import sys
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from modules import LoadSource, execute
from tools import left_out

_numbers = itertools.count(1)

# The same examples everywhere, and none refused because the machine is slow.
settings.register_profile("seeded", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("seeded")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite what golden files and the README expect to what the compiler says now",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-golden") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--update-golden rewrites files: run it without -n, or workers overwrite one another")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests this machine has no tools for."""
    for line in left_out():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether this run accepts what the compiler says now."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def load_source(monkeypatch: pytest.MonkeyPatch) -> LoadSource:
    """Make a fresh module of generated source text; it leaves `sys.modules` when the test ends."""

    def load(source: str) -> ModuleType:
        name = f"generated_{next(_numbers)}"
        module = execute(source, name)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return load
