"""From text to syntax tree: what parses, how it groups, where it is, and what is said of the rest."""

from __future__ import annotations

import ast
import gc
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counting import calls
from graphc.language import tree
from graphc.language.complaints import WORDS
from graphc.language.diagnostics import Diagnostic, Diagnostics, render_all
from graphc.language.source import Source
from graphc.language.syntax import parse, parse_rules


def read(text: str) -> tree.Module:
    """The tree of a program without errors."""
    found = Diagnostics()
    module = parse(Source(text, "t.g"), found)
    assert not found.errors, render_all(found.errors)
    return module


def errors(text: str) -> list[Diagnostic]:
    found = Diagnostics()
    parse(Source(text, "t.g"), found)
    return list(found.errors)


def one(text: str) -> Diagnostic:
    found = errors(text)
    assert len(found) == 1, render_all(found)
    return found[0]


def at(error: Diagnostic) -> tuple[str, int, int]:
    assert error.span is not None
    return error.code, error.span.line, error.span.column


def shape(node: object) -> object:
    """A node as nested tuples without places, short enough to write down."""
    match node:
        case tree.Name(id, ()):
            return id
        case tree.Name(id, subscripts):
            return (f"{id}_", *map(shape, subscripts))
        case tree.Number(value) | tree.String(value):
            return value
        case tree.Constant(value):
            return ("const", value)
        case tree.Unary(op, operand):
            return (op, shape(operand))
        case tree.Binary(op, left, right):
            return (shape(left), op, shape(right))
        case tree.Transpose(operand):
            return (shape(operand), "T")
        case tree.Slice(start, stop, step):
            return ("slice", shape(start), shape(stop), shape(step))
        case tree.Index(operand, items):
            return ("index", shape(operand), *map(shape, items))
        case tree.Sequence(items, is_list):
            return (list if is_list else tuple)(map(shape, items))
        case tree.Call(function, arguments, keywords):
            return ("call", function, *map(shape, arguments), *((key.name, shape(key.value)) for key in keywords))
    return node


def expression(text: str) -> object:
    statement = read(f"it = {text}").statements[0]
    assert isinstance(statement, tree.Assign)
    return shape(statement.value)


def only(text: str) -> tree.Statement:
    (statement,) = read(text).statements
    return statement


# ------------------------------------------------------------------------------------------------ expressions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-x**2", ("-", ("x", "**", 2))),
        ("2**-1", (2, "**", ("-", 1))),
        ("a**b**c", ("a", "**", ("b", "**", "c"))),
        ("a - b - c", (("a", "-", "b"), "-", "c")),
        ("a @ b * c // d % e / f", ((((("a", "@", "b"), "*", "c"), "//", "d"), "%", "e"), "/", "f")),
        ("a + b @ c < d", (("a", "+", ("b", "@", "c")), "<", "d")),
        ("-a @ b", (("-", "a"), "@", "b")),
        ("a <-b", ("a", "<", ("-", "b"))),
        ("a != +b", ("a", "!=", ("+", "b"))),
        ("x.T.T", (("x", "T"), "T")),
        ("(a @ b).T", (("a", "@", "b"), "T")),
        ("f(x).T[0].T", (("index", (("call", "f", "x"), "T"), 0), "T")),
        ("T + T.T", ("T", "+", ("T", "T"))),
        ("X[:, 1:3]", ("index", "X", ("slice", None, None, None), ("slice", 1, 3, None))),
        ("X[..., None]", ("index", "X", ("const", ...), ("const", None))),
        ("X[::-1]", ("index", "X", ("slice", None, None, ("-", 1)))),
        ("X[a::b]", ("index", "X", ("slice", "a", None, "b"))),
        ("X[:b]", ("index", "X", ("slice", None, "b", None))),
        ("X[i,]", ("index", "X", "i")),
        ("X[(1, 2)]", ("index", "X", (1, 2))),
        ("()", ()),
        ("(a,)", ("a",)),
        ("(a)", "a"),
        ("(a, b,)", ("a", "b")),
        ("[]", []),
        ("[[1, 0], [2, 1],]", [[1, 0], [2, 1]]),
        ("f()", ("call", "f")),
        ("f(a, axis=0, p=b,)", ("call", "f", "a", ("axis", 0), ("p", "b"))),
        ("f(input, loss=op, param=def)", ("call", "f", "input", ("loss", "op"), ("param", "def"))),
        ("max(x)", ("call", "max", "x")),
        ("op(x)", ("call", "op", "x")),
        ("z_{1}", ("z_", 1)),
        ("h_{l, t+1}", ("h_", "l", ("t", "+", 1))),
        ("z__{1}", ("z__", 1)),
        ("z_{k_{1}}.T", (("z_", ("k_", 1)), "T")),
        ("z_{a <-b}", ("z_", ("a", "<", ("-", "b")))),
        ("true == True", (("const", True), "==", ("const", True))),
        ("f(none, false)", ("call", "f", ("const", None), ("const", False))),
        ("'a\\'\\\"\\\\\\n\\t'", "a'\"\\\n\t"),
        ('"#;" ', "#;"),
        ("x̂ + ŷ", ("x̂", "+", "ŷ")),
        ("ﬁ + 𝐱 + ｆ(x)", (("fi", "+", "x"), "+", ("call", "f", "x"))),
        ("λ·x", "λ·x"),
        ("rewrite", "rewrite"),
    ],
)
def test_expressions(text: str, expected: object) -> None:
    assert expression(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "00",
        "42",
        "1_000",
        "0x1F",
        "0XfF",
        "0b101",
        "0o17",
        "1e-5",
        "1E5",
        ".5",
        "5.",
        "5.25e+3",
        "1_0.0_1",
        "07.5",
        "9" * 4300,
    ],
)
def test_numbers_are_pythons(text: str) -> None:
    value, expected = expression(text), ast.literal_eval(text)
    assert value == expected and type(value) is type(expected)


def as_shape(node: ast.expr) -> object:
    """Python's own reading of an expression, as `shape` writes ours."""
    signs = {
        "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "MatMult": "@", "Pow": "**",
        "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Eq": "==", "NotEq": "!=", "USub": "-", "UAdd": "+",
    }  # fmt: skip
    match node:
        case ast.Name(id):
            return id
        case ast.Constant(value):
            return value
        case ast.BinOp(left, op, right):
            return (as_shape(left), signs[type(op).__name__], as_shape(right))
        case ast.Compare(left, [op], [right]):
            return (as_shape(left), signs[type(op).__name__], as_shape(right))
        case ast.UnaryOp(op, operand):
            return (signs[type(op).__name__], as_shape(operand))
        case ast.Attribute(value, "T"):
            return (as_shape(value), "T")
        case ast.Call(ast.Name(id), args, keywords):
            return ("call", id, *map(as_shape, args), *((key.arg, as_shape(key.value)) for key in keywords))
        case ast.Tuple(items):
            return tuple(map(as_shape, items))
        case ast.List(items):
            return list(map(as_shape, items))
        case ast.Subscript(value, ast.Slice(start, stop, step)):
            parts = [None if part is None else as_shape(part) for part in (start, stop, step)]
            return ("index", as_shape(value), ("slice", *parts))
        case ast.Subscript(value, index):
            return ("index", as_shape(value), as_shape(index))
    raise AssertionError(ast.dump(node))


def _larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    closed = st.one_of(
        st.sampled_from(["x", "W"]),
        parts.map(lambda a: f"({a})"),
        st.builds("f({}, k={})".format, parts, parts),
        st.builds("[{}, {}]".format, parts, parts),
    )
    return st.one_of(
        st.builds("{} {} {}".format, parts, st.sampled_from(["+", "-", "*", "/", "//", "%", "@", "**"]), parts),
        st.builds("{}{}".format, st.sampled_from("-+"), parts),
        st.builds("({} {} {})".format, parts, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), parts),
        st.builds("{}.T".format, closed),
        st.builds("{}[{}]".format, closed, parts),
        st.builds("{}[{}:{}]".format, closed, parts, parts),
        st.builds("({}, {})".format, parts, parts),
    )


@given(st.recursive(st.sampled_from(["a", "T", "loss", "2", "0.5", "1e3"]), _larger, max_leaves=12))
def test_grouping_is_pythons(text: str) -> None:
    """Whatever Python and this language can both read, they read alike."""
    tree_of_python = ast.parse(f"({text})", mode="eval").body
    assert expression(f"({text})") == as_shape(tree_of_python)


# ------------------------------------------------------------------------------------------------ statements


def test_statements_end_at_newlines_and_semicolons() -> None:
    text = "\ufeff# first\n\na = 1; b = 2;;\r\nc = (1 +  # in brackets\n\n 2)\nd = f(\n  x,\n)\ne = z_{\n1\n} ; \n"
    assert [s.targets[0].id for s in read(text).statements if isinstance(s, tree.Assign)] == list("abcde")


def test_a_comment_ends_at_the_end_of_its_line_alone() -> None:
    """A form feed is blank between words, and neither it nor what `str.splitlines` knows besides ends a comment."""
    text = "\fa = 1 # one\fb = 2\n# two\fc = 3\n#\x85d = 4\n#\u2028e = 5\nf = 6\n"
    assert [s.targets[0].id for s in read(text).statements if isinstance(s, tree.Assign)] == list("af")


@pytest.mark.parametrize("text", ["", "\n", ";", "# only this", "\ufeff", "  \t\r\n;\n"])
def test_nothing_is_a_program(text: str) -> None:
    assert read(text).statements == ()


def test_several_results_and_updates() -> None:
    assign = only("a, b_{1} = split(x, 2)")
    assert isinstance(assign, tree.Assign) and [shape(name) for name in assign.targets] == ["a", ("b_", 1)]
    for text in ("W <- W - 1", "W<-W-1", "W_{1} <- 2", "loss <- loss - 1"):
        assert isinstance(only(text), tree.Update), text


@pytest.mark.parametrize("word", [*WORDS, "in", "rewrite"])
def test_words_are_names_wherever_no_statement_calls_for_them(word: str) -> None:
    text = (
        f"{word} = {word} + {word}(x, {word}={word})\n{word}, b = f(x)\na, {word} = f(x)\n{word} <- {word} - 1\n"
        f"{word}_{{1}} = {word}_{{0}}\n"
        f"input {word}[N]: {word}\nparam a, {word}[{word}]\nconst {word} = 1\noutput {word}, {word}\nloss {word}\n"
        f"def {word}({word}) = {word}\nop {word}({word}, *, by={word}) = {word}\n"
        f"rule {word}({word}) -> {word} {{ {word} = 1 }}\n"
        f"for {word} in {word}:{word} {{ {word} = {word} }}\ndef f(x) {{ {word} = 1; return {word} }}"
    )
    kinds = [type(statement).__name__ for statement in read(text).statements]
    assert kinds == (
        ["Assign"] * 3 + ["Update", "Assign"] + ["Declaration"] * 2
        + ["Const", "Output", "Loss", "Def", "OpDef", "RuleDef", "For", "Def"]
    )  # fmt: skip


def test_declarations() -> None:
    statement = only("param W1[D, 4*H], b, a[]: float32, W_{0:3:2}[d,], h_{k, 1}: int")
    assert isinstance(statement, tree.Declaration) and statement.kind == "param"
    seen = [
        (shape(d.name), shape(d.range), d.dims if d.dims is None else [shape(dim) for dim in d.dims], d.type)
        for d in statement.names
    ]
    assert seen == [
        ("W1", None, ["D", (4, "*", "H")], None),
        ("b", None, None, None),
        ("a", None, [], "float32"),
        ("W", ("slice", 0, 3, 2), ["d"], None),
        (("h_", "k", 1), None, None, "int"),
    ]
    assert [d.span.text for d in statement.names] == [
        "W1[D, 4*H]", "b", "a[]: float32", "W_{0:3:2}[d,]", "h_{k, 1}: int"
    ]  # fmt: skip
    assert statement.names[2].type_span is not None and statement.names[2].type_span.text == "float32"


def test_constants_outputs_imports() -> None:
    statements = read("const a = 1, b_{1} = [2]\noutput S, z_{k}\nloss z_{2}\nimport 'layers.g'").statements
    first, second, output, loss, imported = statements
    assert isinstance(first, tree.Const) and isinstance(second, tree.Const)
    assert (shape(first.target), shape(second.target), shape(second.value)) == ("a", ("b_", 1), [2])
    assert isinstance(output, tree.Output) and [shape(name) for name in output.names] == ["S", ("z_", "k")]
    assert isinstance(loss, tree.Loss) and shape(loss.name) == ("z_", 2)
    assert isinstance(imported, tree.Import) and imported.path == "layers.g"
    assert imported.path_span.text == "'layers.g'" and imported.span.text == "import 'layers.g'"


def test_functions_operations_rules() -> None:
    text = (
        "def f(x, k=2) = x**k\n"
        "def g(x) { a = x\n b = a; return a, (b, a) }\n"
        "op scaled(x, *, by, to=1) = x * by\n"
        "rule scaled(x, *, by) -> y, z { dx = dy * by\n\n dz = none }\n"
    )
    f, g, op, rule = read(text).statements
    assert isinstance(f, tree.Def) and isinstance(g, tree.Def)
    assert isinstance(op, tree.OpDef) and isinstance(rule, tree.RuleDef)
    assert [(p.name, shape(p.default)) for p in f.signature.operands] == [("x", None), ("k", 2)]
    assert [type(s).__name__ for s in g.body] == ["Assign", "Assign", "Return"]
    last = g.body[-1]
    assert isinstance(last, tree.Return) and [shape(v) for v in last.values] == ["a", ("b", "a")]
    assert [p.name for p in op.signature.operands] == ["x"]
    assert [(p.name, shape(p.default)) for p in op.signature.attributes] == [("by", None), ("to", 1)]
    assert op.signature.name_span.text == "scaled" and op.signature.span.text == "scaled(x, *, by, to=1)"
    assert [name.id for name in rule.results] == ["y", "z"] and len(rule.body) == 2
    assert g.span.text == text.splitlines()[1] + "\n" + text.splitlines()[2]


def test_loops() -> None:
    text = "for k in 3:n_{k}:-1 { a_{k} = b; for l in 0:k {\n c_{l} = 1\n W <- 2 } }"
    loop = only(text)
    assert isinstance(loop, tree.For) and loop.variable.id == "k" and loop.span.text == text
    assert shape(loop.range) == ("slice", 3, ("n_", "k"), ("-", 1))
    inner = loop.body[1]
    assert isinstance(inner, tree.For) and len(inner.body) == 2


def test_the_compilers_own_files() -> None:
    text = (
        "rule matmul(A, B) -> Y { dA = dY @ mT(B);  dB = mT(A) @ dY }   # any batch\n"
        "rule take(x, i, *, axis) -> y { dx = f(dy, axis=axis); di = none }\n"
        "rewrite exp(log(x)) => x\nrewrite x + 0 => x; rewrite -(-x) => x"
    )
    found = Diagnostics()
    module = parse_rules(Source(text), found)
    assert not found.errors, render_all(found.errors)
    assert [type(s).__name__ for s in module.statements] == ["RuleDef"] * 2 + ["Rewrite"] * 3
    rewrite = module.statements[2]
    assert isinstance(rewrite, tree.Rewrite)
    assert shape(rewrite.pattern) == ("call", "exp", ("call", "log", "x")) and shape(rewrite.replacement) == "x"
    parse_rules(Source("a = 1"), found)
    assert [each.code for each in found.errors] == ["E0111"]


def test_rewrites_are_not_for_users() -> None:
    assert at(one("rewrite exp(log(x)) => x")) == ("E0101", 1, 9)
    assert one("a = b => c").code == "E0101"


# ------------------------------------------------------------------------------------------------ places


def test_places() -> None:
    text = "Z = (a + b) * f(-c, k = d[1:, 2]).T\n"
    assign = only(text)
    assert isinstance(assign, tree.Assign) and assign.span.text == text.strip()
    product = assign.value
    assert isinstance(product, tree.Binary)
    assert product.span.text == "(a + b) * f(-c, k = d[1:, 2]).T" and product.op_span.text == "*"
    assert product.left.span.text == "a + b"
    transposed = product.right
    assert isinstance(transposed, tree.Transpose) and transposed.span.text == "f(-c, k = d[1:, 2]).T"
    call = transposed.operand
    assert isinstance(call, tree.Call) and call.name_span.text == "f" and call.span.text == "f(-c, k = d[1:, 2])"
    assert call.arguments[0].span.text == "-c" and call.keywords[0].span.text == "k = d[1:, 2]"
    index = call.keywords[0].value
    assert isinstance(index, tree.Index) and [item.span.text for item in index.items] == ["1:", "2"]


def test_brackets_belong_to_what_is_around_them() -> None:
    for text in ("(a)[0]", "((a)).T", "-(a)", "(a)**(b)", "f((a))", "z_{(1)}"):
        assign = only(f"it = {text}")
        assert isinstance(assign, tree.Assign) and assign.value.span.text == text


def test_a_byte_order_mark_takes_no_column() -> None:
    assert at(one("\ufeffa = 2x")) == ("E0105", 1, 5)


# ------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("text", "code", "column", "message"),
    [
        ("a = ", "E0101", 4, "expected an expression"),
        ("a = b +", "E0101", 8, "expected an expression"),
        ("a = b c", "E0101", 7, "expected an operator or the end of the statement"),
        ("a = b = c", "E0101", 7, "expected the end of the statement"),
        ("a, b = x, y", "E0101", 9, "expected the end of the statement"),
        ("a = f(b c)", "E0101", 9, "expected `,` or `)` to close the `(` opened at 1:6"),
        ("a = x[1:2:3:4]", "E0101", 12, "expected `,` or `]` to close the `[` opened at 1:6"),
        ("x = f(a; b)", "E0101", 8, "expected `,` or `)` to close the `(` opened at 1:6"),
        ("a = x[]", "E0101", 7, "expected an expression"),
        ("for k in 3 { a = 1 }", "E0101", 12, "expected `:`"),
        ("for k = 0:3 { a = 1 }", "E0101", 7, "expected `in`"),
        ("def f x = 3", "E0101", 7, "expected `(`"),
        ("def f(x)", "E0101", 9, "expected `=` or `{`"),
        ("def f(x)\n{ return x }", "E0101", 9, "expected `=` or `{`"),
        ("import layers", "E0101", 8, "expected a string"),
        ("loss 3", "E0101", 6, "expected a name"),
        ("input X:", "E0101", 9, "expected a type"),
        ("ouput S", "E0101", 7, "expected `=` after `ouput`"),
        ("if a { b = 1 }", "E0101", 1, "there is no `if` in this language"),
        ("a = f(x)(y)", "E0101", 9, "only a name can be called"),
        ("a = (b", "E0102", 5, "this `(` is never closed"),
        ("a = f(x, [1, 2)", "E0102", 10, "this `[` is never closed"),
        ("a = (1 + 2]", "E0102", 5, "this `(` is never closed"),
        ("a = z_{1", "E0102", 7, "this `{` is never closed"),
        ("def f(x) { return x", "E0102", 10, "this `{` is never closed"),
        ("def f(x { return x }", "E0102", 6, "this `(` is never closed"),
        ("a = b)", "E0103", 6, "unmatched `)`"),
        ("a = 1 }", "E0103", 7, "unmatched `}`"),
        ("a = [1, 2)]", "E0103", 10, "unmatched `)`"),
        ("a = b⊙c", "E0104", 6, "unknown character `⊙` (U+2299)"),
        ("a = b − c", "E0104", 7, "unknown character `−` (U+2212)"),
        ("a =\u00a0b", "E0104", 4, "unknown character U+00A0 (no-break space)"),
        ("a = x²", "E0104", 6, "unknown character `²` (U+00B2)"),
        ("a = b $ c", "E0104", 7, "unknown character `$`"),
        ("a = \x00", "E0104", 5, "the control character U+0000 cannot stand in a program"),
        ("# \x1b[0m", "E0104", 3, "the control character U+001B cannot stand in a program"),
        ("a = 'x\x07'", "E0104", 7, "the control character U+0007 cannot stand in a program"),
        ("_{1} = 3", "E0104", 1, "a name is missing before `_{`"),
        ("a = 2x", "E0105", 5, "expected an operator between `2` and `x`"),
        ("a = 1j", "E0105", 5, "there are no complex numbers"),
        ("a = 007", "E0105", 5, "an integer does not begin with 0"),
        ("a = 1_", "E0105", 5, "`1_` is not a number"),
        ("a = 0b12", "E0105", 5, "`0b12` is not a number"),
        ("a = 1e", "E0105", 5, "`1e` is not a number"),
        ("a = 1.2.3", "E0105", 5, "`1.2.3` is not a number"),
        ("a = 1٣", "E0105", 5, "`1٣` is not a number"),
        ("a = 1e999", "E0105", 5, "this number is too large"),
        ("a = " + "9" * 4301, "E0105", 5, "a number has at most 4300 characters"),
        ("a = 'b", "E0106", 5, "this string is not closed"),
        ("a = f(\"b)", "E0106", 7, "this string is not closed"),
        ("a = 'b\\qc'", "E0106", 7, "there is no escape `\\q` in a string"),
        ("true = 1", "E0107", 1, "`true` is reserved"),
        ("a, None = f(x)", "E0107", 4, "`None` is reserved"),
        ("False <- 1", "E0107", 1, "`False` is reserved"),
        ("param none[N]", "E0107", 7, "`none` is reserved"),
        ("def f(True) = 1", "E0107", 7, "`True` is reserved"),
        ("def false(x) = 1", "E0107", 5, "`false` is reserved"),
        ("for true in 0:3 { a = 1 }", "E0107", 5, "`true` is reserved"),
        ("a = f(none=1)", "E0107", 7, "`none` is reserved"),
        ("a = true(1)", "E0107", 5, "`true` is reserved"),
        ("a = ｔrue\nｔrue = 1", "E0107", 1, "`true` is reserved"),
        ("a = b < c < d", "E0108", 11, "comparisons do not chain"),
        ("a = x.shape", "E0109", 6, "there is no `.shape`"),
        ("a = x.T.sum()", "E0109", 8, "there is no `.sum`"),
        ("a = 5 .T", "E0109", 7, "`.T` follows a name or a closing bracket"),
        ("a = true.T", "E0109", 5, "`true` has no `.T`"),
        ("return 3", "E0111", 1, "`return` belongs directly in a function's body"),
        ("def f(x) { loss x; return x }", "E0111", 12, "`loss` belongs directly in a program"),
        ("def f(x) { W <- x; return x }", "E0111", 12, "an update belongs directly in a program"),
        ("def f(x) { for k in 0:2 { W <- x }; return x }", "E0111", 27, "an update belongs directly in a program"),
        ("for k in 0:3 { input x }", "E0111", 16, "a declaration belongs directly in a program"),
        ("rule f(x) -> y { for k in 0:1 { a = 1 } }", "E0111", 18, "a loop belongs directly in a program"),
        ("def f(x) { y = x }", "E0112", 5, "`f` returns nothing"),
        ("def f(x) { return x; y = x }", "E0112", 12, "`return` ends a body: nothing may follow it"),
        ("a = f(x, x=1, x=2)", "E0113", 15, "the argument `x` is given twice"),
        ("a = f(x=1, 2)", "E0113", 12, "a positional argument follows a keyword argument"),
        ("def f(x, x) = x", "E0113", 10, "two arguments are called `x`"),
        ("def f(x=1, y) = x", "E0113", 12, "`y` needs a default, as the argument before it has one"),
        ("op f(x, *) = x", "E0113", 9, "no argument follows the `*`"),
        ("op f(x, *, a, *, b) = x", "E0113", 15, "a second `*` in a list of arguments"),
        ("a = b \\\n  + c", "E0114", 7, "a line cannot be continued with `\\`"),
        ("relu(x)", "E0115", 5, "expected `=` after `relu`"),
        ("x[0] = 1", "E0115", 2, "only a name can be assigned"),
        ("x += 1", "E0115", 3, "only a name can be assigned"),
        ("a, b <- c", "E0115", 6, "an update has one name before `<-`"),
        ("a == b", "E0115", 3, "a comparison alone does nothing"),
        ("1 = a", "E0115", 1, "a statement begins with a name"),
    ],
)  # fmt: skip
def test_errors(text: str, code: str, column: int, message: str) -> None:
    error = one(text)
    assert error.span is not None
    line = 2 if text.startswith("a = ｔ") else 1
    assert (error.code, error.span.line, error.span.column, error.message) == (code, line, column, message)


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("a = 2x", "to multiply, write `2*x`"),
        ("a = b⊙c", "use `*`"),
        ("a = b × c", "use `*`"),
        ("a = b−c", "use `-`"),
        ("a = f(“sum”)", 'use `"`'),
        ("a = x₁", "use `_1`"),
        ("a = x.shape", "operations are functions: `shape(x)`"),
        ("ouput S", "did you mean `output`?"),
        ("a = b = c", "to compare, write `==`"),
        ("a, b = x, y", "a tuple needs brackets: `(a, b)`"),
        ("a = 007", "write `7`"),
        ("true = 1", "choose another name, such as `true_`"),
    ],
)
def test_helps(text: str, help: str) -> None:
    assert one(text).help == help


def test_no_word_of_larks_reaches_the_user() -> None:
    texts = [
        "a = ",
        "a b",
        "a = (b c)",
        "for k",
        "def f(",
        "rule f(x)",
        "input",
        "param W[",
        "a = b[1 2]",
        "for k in 0:3",
        "op",
    ]
    for text in texts:
        for error in errors(text):
            said = f"{error.message} {error.label} {error.help}"
            assert not any(
                name in said for name in ("LPAR", "RSQB", "_END", "NAME", "NUMBER", "COMMA", "$END", "Token")
            )
            assert "something else" not in said, text


def test_five_errors_in_five_lines() -> None:
    found = errors("a = \nb = (1 +\nc = 2x\nd = f(a b)\ne = x.shape")
    assert [at(error) for error in found] == [
        ("E0101", 1, 4), ("E0102", 2, 5), ("E0105", 3, 5), ("E0101", 4, 9), ("E0109", 5, 6)
    ]  # fmt: skip


def test_several_errors_in_one_statement() -> None:
    assert [at(error) for error in errors("a = 2x + 1j")] == [("E0105", 1, 5), ("E0105", 1, 10)]
    assert [at(error) for error in errors("true = none.T")] == [("E0109", 1, 8), ("E0107", 1, 1)][::-1]


def test_the_statements_around_an_error_are_read() -> None:
    found = Diagnostics()
    text = (
        "a = 1\nb = = 2; c = 3\nd = (\ne = 4\ndef f(x) { y = = x; z = 1; return z }\n"
        "for k in 0:2 {\n g = )\n h = 5 }\ni = 6"
    )
    module = parse(Source(text), found)
    assert [at(error)[1:] for error in found.errors] == [(2, 5), (3, 5), (5, 16), (7, 6)]
    names = [s.targets[0].id if isinstance(s, tree.Assign) else type(s).__name__ for s in module.statements]
    assert names == ["a", "c", "e", "Def", "For", "i"]
    function, loop = module.statements[3:5]
    assert isinstance(function, tree.Def) and [type(s).__name__ for s in function.body] == ["Assign", "Return"]
    assert isinstance(loop, tree.For) and len(loop.body) == 1


def test_a_statement_with_a_bad_word_in_it_is_left_out() -> None:
    module = parse(Source("a = 2x\nb = 1\ntrue = 1\nc, d⊙ = 1"), Diagnostics())
    assert [s.targets[0].id for s in module.statements if isinstance(s, tree.Assign)] == ["b"]


def test_a_strange_character_is_one_error() -> None:
    """What a user meant by it is not known; so what follows in the statement is not the user's fault."""
    assert at(one("a = λ⊙ b")) == ("E0104", 1, 6)
    assert at(one("a = f(b⊙, c d)")) == ("E0104", 1, 8)


@pytest.mark.parametrize("head", ["for k in 0:1", "def a", "rule f(x) -> y"])
def test_something_after_a_body(head: str) -> None:
    """The body is done: the parser must not go back into it."""
    found = Diagnostics()
    module = parse(Source(f"{head} {{ b = 1 }} c )\nd = 2"), found)
    assert at(found.errors[-1]) == ("E0101", 1, len(head) + 12)
    last = module.statements[-1]
    assert isinstance(last, tree.Assign) and last.targets[0].id == "d"
    assert [type(s) for s in module.statements[:-1]] == ([] if head == "def a" else [type(only(f"{head} {{ }}"))])


def test_something_after_a_body_in_a_body() -> None:
    found = Diagnostics()
    module = parse(Source("for k in 0:1 {\nfor l in 0:1 { a = 1 } c )\nb = 1 }\nd = 2"), found)
    assert [at(error) for error in found.errors] == [("E0101", 2, 24)]
    loop = module.statements[0]
    assert isinstance(loop, tree.For) and [type(s).__name__ for s in loop.body] == ["For", "Assign"]
    assert len(module.statements) == 2


@pytest.mark.parametrize(
    "head",
    ["def f(x", "def f x", "op f(x,,)", "rule f(x)", "rule f(x) -> 3", "for k in", "for k in 0:3:", "for k = 0:3"],
)
def test_a_bad_heading_does_not_hide_its_body(head: str) -> None:
    ending = "return y" if head[0] in "do" else "y = 3"
    found = Diagnostics()
    module = parse(Source(f"a = 1\n{head} {{\n  y = 2x\n  {ending}\n}}\nb = 1j\nc = 1"), found)
    assert [at(error)[1] for error in found.errors] == [2, 3, 6], render_all(found.errors)
    assert [at(error)[0] for error in found.errors][1:] == ["E0105", "E0105"]
    assert [s.targets[0].id if isinstance(s, tree.Assign) else s for s in module.statements] == ["a", "c"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a = f(x,\n  b = 2\n", [(1, 6)]),  # `b = 2` may be an argument or a statement
        ("a = f(x,\nb = 2\nc = 3)", [(1, 6), (3, 6)]),
        ("a = (b +\n  c +\n  d e)\nf = 3", [(3, 5)]),  # closed, but wrong inside
        ("a = (b; c = 2", [(1, 5)]),
        ("for k in 0:3 { a = (b }\nc = 1j", [(1, 20), (2, 5)]),
        ("def f(x) {\n  return (x\n}\nc = 1j", [(2, 10), (4, 5)]),
        ("a = [1, 2\n\n# end\n", [(1, 5)]),
        ("a = ((b\nc = 1", [(1, 6)]),
        ("a = f(x\ninput y[N]\nz = )", [(1, 6), (3, 5)]),
        ("def f(x) {\n y = 1\n\ndef g(x) { return x }\nloss L", [(1, 10)]),
    ],
)
def test_unclosed_brackets(text: str, places: list[tuple[int, int]]) -> None:
    found = errors(text)
    assert [at(error)[1:] for error in found] == places, render_all(found)


def test_errors_are_in_the_order_of_the_text() -> None:
    found = errors("def f(x) { y = 2x }\nreturn 1\na = (\nb = 1j")
    places = [error.span.start for error in found if error.span]
    assert len(places) == 4 and places == sorted(places)


# ------------------------------------------------------------------------------------------------ extremes


@pytest.mark.parametrize(
    "text",
    [
        "(" * 101 + "x" + ")" * 101,
        "f(" * 101 + ")" * 101,
        "[" * 10_000,
        "-" * 101 + "x",
        "**".join(["x"] * 102),
        "x" + ".T" * 10_000,
        "x" + "[0]" * 10_000,
        "z_{" * 10_000 + "1" + "}" * 10_000,
        "-2**" * 60 + "x",
    ],
)  # fmt: skip
def test_too_deep(text: str) -> None:
    for program in (f"a = {text}", f"def f(x) = {text}", f"param a[{text}]", f"const a = {text}", f"return {text}"):
        codes = {error.code for error in errors(program)}
        assert "E0110" in codes, program[:30]


def test_deep_enough() -> None:
    for text in (
        "(" * 100 + "x" + ")" * 100,
        "-" * 99 + "x",
        "**".join("x" * 100),
        "x" + ".T" * 150,
        "f(1+" * 60 + "1" + ")" * 60,
    ):
        read(f"a = {text}")


def test_too_deep_blocks() -> None:
    text = "for k in 0:1 { " * 150 + "a = 1" + " }" * 150 + "\nb = 1j"
    codes = [error.code for error in errors(text)]
    assert "E0110" in codes and len(codes) < 5


def test_long_chains_are_flat() -> None:
    statement = read("a = " + " + ".join(["x"] * 20_000) + "\nb = 1").statements[0]
    assert isinstance(statement, tree.Assign)
    node: tree.Expr = statement.value
    length = 1
    while isinstance(node, tree.Binary):
        node, length = node.left, length + 1
    assert length == 20_000


def test_ten_thousand_statements() -> None:
    read("a = 1")
    text = "".join(f"a{i} = relu(a{i - 1} @ W{i} + b)\n" for i in range(10_000))
    assert len(read(text).statements) == 10_000
    few, many = ("".join(text.splitlines(keepends=True)[:n]) for n in (500, 1000))
    assert calls(lambda: read(many)) <= 2.1 * calls(lambda: read(few))


@pytest.mark.parametrize(
    "piece",
    ["a = f(b c)\n", "(\n", "a = f(\n", "[;", "def f(x {\n", '"', "a = (b\n", "}", "f_{\n", "\\\n", "for k in {"],
)
def test_bad_text_takes_linear_time(piece: str) -> None:
    errors(piece)
    few, many = (calls(lambda n=n: errors(piece * n)) for n in (1000, 2000))  # type: ignore[misc]
    assert many <= 2.3 * few


def test_collection_is_left_as_it_was() -> None:
    assert gc.isenabled()
    errors("a = (")
    assert gc.isenabled()
    gc.disable()
    try:
        errors("a = 1")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_threads_do_not_disturb_one_another() -> None:
    failures: list[str] = []

    def work(number: int) -> None:
        for _ in range(20):
            source = Source(f"a{number} = (x{number} + 2)\nb = " + "1j" * (number % 2) + "\n" * number, f"{number}.g")
            found = Diagnostics()
            module = parse(source, found)
            statement = module.statements[0]
            if (
                not isinstance(statement, tree.Assign)
                or statement.span.text != f"a{number} = (x{number} + 2)"
                or [error.span.source for error in found.errors if error.span] != [source]
            ):
                failures.append(str(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []


# Pieces of programs, put together without sense: what comes out must be a tree or messages, never an exception.
_PIECES = st.sampled_from(
    (  # noqa: SIM905 (as a list it would be eighty lines)
        "a b x W loss input param def op rule for in return const output import true 1 2.5 2x 1j 'a' \" ' ( ) [ ] { } "
        "z_{ + - * / // % @ ** < <= == = <- -> => , : ; . .T .shape ... \\ # $ ⊙ − é \x00 \r \n \n\n \t _ _{ 0:3 f( "
        "def\xa0f ٣ \ud800"
    ).split(" ")
)


@given(st.lists(_PIECES, max_size=40).map(" ".join) | st.lists(_PIECES, max_size=40).map("".join) | st.text())
def test_any_text_is_a_tree_or_messages(text: str) -> None:
    for parser in (parse, parse_rules):
        found = Diagnostics()
        source = Source(text)
        module = parser(source, found)
        assert isinstance(module, tree.Module)
        for error in found.errors:
            assert error.span is not None and 0 <= error.span.start <= error.span.stop <= len(text)
            assert error.code.startswith("E01")
            assert "something else" not in error.message, text
        if found.errors:
            render_all(found.errors).encode("utf-8")
        for statement in module.statements:
            assert 0 <= statement.span.start < statement.span.stop <= len(text)


@given(st.lists(_PIECES, max_size=12).map(" ".join))
def test_an_error_does_not_reach_the_next_line(text: str) -> None:
    """Whatever stands in a line without brackets and quotes, the line after it is read."""
    line = "".join(char for char in text if char not in "()[]{}'\"\\\r\n")
    module = parse(Source(f"{line}\nlast = 1"), Diagnostics())
    assert module.statements and isinstance(module.statements[-1], tree.Assign)
    assert module.statements[-1].targets[0].id == "last"
