"""Diagnostics: collected, drawn, safe on a terminal."""

from __future__ import annotations

import pickle
import subprocess
import sys
import unicodedata

import pytest

from graphc.language.diagnostics import Diagnostic, Diagnostics, GraphcError, render, render_all, suggest
from graphc.language.source import Source, Span

MLP = Source("input X[N, D]\nparam W2[K, C]\nH = relu(X)\nS = H @ W2 + b2\n", "mlp.g")


def place(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def error(span: Span | None, label: str | None = None, **more: object) -> Diagnostic:
    return Diagnostic("E0203", "error", "a message", span, label, **more)  # type: ignore[arg-type]


def test_the_form_of_the_design() -> None:
    diagnostic = Diagnostic(
        "E0203",
        "error",
        "operands of `@` do not agree",
        place(MLP, "H @ W2"),
        "inner dimensions H and K differ",
        (("`H` is (N, H), from line 3; `W2` is declared (K, C) on line 1", None),),
        "declare `param W2[H, C]`, or transpose it: `W2.T`",
    )
    assert render(diagnostic) == (
        "error[E0203]: operands of `@` do not agree\n"
        " --> mlp.g:4:5\n"
        "  |\n"
        "4 | S = H @ W2 + b2\n"
        "  |     ^^^^^^ inner dimensions H and K differ\n"
        "  |     `H` is (N, H), from line 3; `W2` is declared (K, C) on line 1\n"
        "  = help: declare `param W2[H, C]`, or transpose it: `W2.T`"
    )


def test_a_note_with_a_place_is_a_second_excerpt() -> None:
    other = Source("def f(x) = x @ x", "lib.g")
    diagnostic = error(
        place(MLP, "H @ W2"), notes=(("declared here", place(MLP, "W2[K, C]")), ("used here", place(other, "x @ x")))
    )
    assert render(diagnostic).splitlines()[4:] == [
        "  |     ^^^^^^",
        "  |",
        "2 | param W2[K, C]",
        "  |       -------- declared here",
        " ::: lib.g:1:12",
        "  |",
        "1 | def f(x) = x @ x",
        "  |            ----- used here",
    ]


def test_the_gutter_is_as_wide_as_the_widest_number() -> None:
    source = Source("\n" * 99 + "a = b\n", "t.g")
    assert render(error(place(source, "b"), "here")).splitlines()[1:] == [
        "   --> t.g:100:5",
        "    |",
        "100 | a = b",
        "    |     ^ here",
    ]


def test_without_a_place() -> None:
    assert render(error(None, notes=(("so it is", None),), help="do this")) == (
        "error[E0203]: a message\n  = note: so it is\n  = help: do this"
    )


def test_several_lines_are_underlined_to_the_end_of_the_first() -> None:
    source = Source("a = (b +\n   c)\r\n")
    lines = render(error(Span(source, 4, 13))).splitlines()
    assert lines[-2:] == ["1 | a = (b +", "  |     ^^^^"]


def test_an_empty_place_is_one_mark() -> None:
    source = Source("a =\n")
    assert render(error(Span(source, 3, 3), "here")).splitlines()[-2:] == ["1 | a =", "  |    ^ here"]
    assert render(error(Span(source, 4, 4))).splitlines()[-2:] == ["2 |", "  | ^"]


@pytest.mark.parametrize(
    ("text", "columns", "marks"),
    [
        ("\ta = !", 4 + 4, 1),  # a tab
        ("变量 = !", 4 + 3, 1),  # two columns a character
        ("ｆ = !", 2 + 3, 1),
        ("x\u0302 = !", 1 + 3, 1),  # a combining mark has none
        ("α = !", 1 + 3, 1),
        ("\x1b[31m = !", 8 + 3, 1),  # an escape is shown as four characters
    ],
)
def test_the_underline_is_under_the_place(text: str, columns: int, marks: int) -> None:
    source = Source(text)
    last = render(error(place(source, "!"))).splitlines()[-1]
    assert last == "  | " + " " * columns + "^" * marks


def test_wide_characters_are_underlined_in_full() -> None:
    assert render(error(place(Source("a = 变量"), "变量"))).splitlines()[-1] == "  |     ^^^^"


@pytest.mark.parametrize(
    ("char", "shown"),
    [
        ("\x1b", "\\x1b"),
        ("\x00", "\\x00"),
        ("\x7f", "\\x7f"),
        ("\x9b", "<U+009B>"),
        ("\u202e", "<U+202E>"),
        ("\u2066", "<U+2066>"),
        ("\u200b", "<U+200B>"),
        ("\u2028", "<U+2028>"),
        ("\ud800", "<U+D800>"),
    ],
)
def test_nothing_reaches_the_terminal_that_it_would_act_on(char: str, shown: str) -> None:
    source = Source(f"a = {char}b", f"f{char}.g")
    span = place(source, "b")
    text = render(
        Diagnostic("E0101", "error", f"m{char}", span, f"l{char}", ((f"n{char}", None), (f"p{char}", span)), f"h{char}")
    )
    assert char not in text
    assert text.count(shown) == 8  # message, name, two excerpts, label, two notes, help
    assert all(unicodedata.category(each) not in ("Cc", "Cf", "Cs") for each in text.replace("\n", ""))
    text.encode("utf-8")


def test_a_long_line_is_shown_around_the_place() -> None:
    source = Source("a = " + "x + " * 5000 + "! + " + "y + " * 5000)
    line, under = render(error(place(source, "!"))).splitlines()[-2:]
    assert len(line) < 200
    assert line[under.index("^")] == "!"
    assert line.startswith("1 | …") and line.endswith("…")


def test_a_long_span_on_a_long_line() -> None:
    source = Source("a = " + "x" * 5000)
    lines = render(error(Span(source, 4, 5004))).splitlines()
    assert all(len(line) < 250 for line in lines)


def test_colour_changes_nothing_but_colour() -> None:
    import re

    diagnostic = error(place(MLP, "H @ W2"), "label", notes=(("note", place(MLP, "X")),), help="help")
    coloured = render(diagnostic, color=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(diagnostic)


def test_the_same_error_is_kept_once() -> None:
    found = Diagnostics()
    for _ in range(2):
        found.error("E0201", "unknown name", place(MLP, "b2"))
        found.warning("W0001", "unknown name", place(MLP, "b2"))
    found.error("E0201", "unknown name", place(MLP, "W2 +"))
    found.error("E0201", "another message", place(MLP, "b2"))
    assert [each.message for each in found.errors] == ["unknown name", "unknown name", "another message"]
    assert len(found.warnings) == 1
    assert found.has_errors


def test_warnings_raise_nothing() -> None:
    found = Diagnostics()
    found.warning("W0001", "not checked", None)
    found.raise_if_errors()
    assert not found.has_errors
    assert render(found.warnings[0]) == "warning[W0001]: not checked"


def test_the_exception_is_the_first_error_and_has_all() -> None:
    found = Diagnostics()
    found.error("E0201", "first", place(MLP, "b2"), help="mend it")
    found.error("E0202", "second", place(MLP, "K"))
    with pytest.raises(GraphcError) as caught:
        found.raise_if_errors()
    error = caught.value
    assert (error.file, error.line, error.column, error.message) == ("mlp.g", 4, 14, "first")
    assert [each.message for each in error.errors] == ["first", "second"]
    assert str(error) == render_all(found.errors)
    assert str(error).count("error[") == 2
    assert pickle.loads(pickle.dumps(error)).line == 4


def test_an_exception_without_a_place() -> None:
    error = GraphcError([Diagnostic("E0201", "error", "nothing there")])
    assert (error.file, error.line, error.column) == (None, None, None)
    with pytest.raises(ValueError):
        GraphcError([])


@pytest.mark.parametrize(("count", "last"), [(20, None), (21, "… and 1 more error"), (27, "… and 7 more errors")])
def test_at_most_twenty_are_shown(count: int, last: str | None) -> None:
    text = render_all([Diagnostic("E0201", "error", f"m{i}") for i in range(count)])
    assert text.count("error[E0201]") == 20
    assert text.endswith(last if last else "m19")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("softmx", "softmax"),
        ("Relu", "relu"),
        ("W11", "W1"),
        ("zzz", None),
        ("q", None),
        ("ouput", "output"),
        ("tahn", "tanh"),  # and not tan, which has fewer letters to get wrong
        ("", None),
    ],
)
def test_suggestions(name: str, meant: str | None) -> None:
    candidates = ["relu", "softmax", "W1", "output", "x", "tan", "tanh", name]
    assert suggest(name, candidates) == meant
    assert suggest(name, reversed(candidates)) == meant


def test_cheap_to_import() -> None:
    """Every command imports these; only the parser may pay for Lark."""
    code = (
        "import sys; import graphc.language.diagnostics, graphc.language.source, graphc.language.tree\n"
        "import graphc.language.syntax\n"
        "print([name for name in ('lark', 'numpy', 'networkx', 'difflib') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_end_anywhere(end: str) -> None:
    source = Source(end.join(["input x[N]", "", "y = x", "z = nosuch(y)"]) + end)
    start = source.text.index("nosuch")
    assert source.position(start) == (4, 5)
    assert [source.line(k) for k in range(1, 5)] == ["input x[N]", "", "y = x", "z = nosuch(y)"]
