"""The cell magic and the displays, in a shell of IPython as a notebook runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

import graphc

PROGRAM = "input X[N, D]\nparam W[D, H], b[H]\nZ = X@W + b\nL = sum(relu(Z))\n"


@pytest.fixture
def shell() -> Iterator[Any]:
    made = InteractiveShell()
    made.run_line_magic("load_ext", "graphc.notebook")
    yield made
    made.history_manager.end_session()
    InteractiveShell.clear_instance()


def run(shell: Any, cell: str) -> Any:
    outcome = shell.run_cell(cell, store_history=False)
    outcome.raise_error()
    return outcome.result


def test_a_cell_becomes_a_module_and_shows_its_derivation(shell: Any) -> None:
    shown = run(shell, f"%%graphc net --wrt W\n{PROGRAM}")
    assert shell.user_ns["net"] is shown
    data, _ = shell.display_formatter.format(shown)
    assert "<math" in data["text/html"] and "<svg" in data["image/svg+xml"]
    run(shell, "import numpy as np\nL, grads = net.value_and_grad(np.ones((2, 3)), np.ones((3, 4)), np.zeros(4))")
    assert shell.user_ns["L"] == 24 and set(shell.user_ns["grads"]) == {"W"}
    np.testing.assert_array_equal(shell.user_ns["grads"]["W"], np.full((3, 4), 2.0))


def test_an_error_is_told_and_no_traceback_shown(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shell, "%%graphc net\nY = X@\n") is None
    said = capsys.readouterr()
    assert "E01" in said.out and "Traceback" not in said.out + said.err
    assert "net" not in shell.user_ns


def test_a_graph_shows_picture_and_derivation(shell: Any) -> None:
    data, _ = shell.display_formatter.format(graphc.parse(PROGRAM))
    assert "<math" in data["text/html"] and data["image/svg+xml"].startswith("<svg")
    joint, _ = shell.display_formatter.format(graphc.differentiate(graphc.parse(PROGRAM)))
    assert "<svg" in joint["text/html"]


def test_a_graph_without_anything_to_differentiate_shows_its_picture() -> None:
    graph = graphc.parse("input i[N]: int\nj = i + 1\n")
    assert "<svg" in graph._repr_html_()
