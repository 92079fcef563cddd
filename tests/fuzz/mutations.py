"""Programs made wrong, or into other ones: by bytes, by tokens, by lines; and bytes of no program at all."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from graphc.ops.table import names

__all__ = ["mutate", "random_bytes"]

TOKEN = re.compile(
    r"\s+|#[^\n]*|\"[^\"\n]*\"|'[^'\n]*'|[^\W\d]\w*|\d[\w.]*|\*\*|//|<-|->|<=|>=|==|!=|\.\.\.|\.T\b|.", re.DOTALL
)
WORDS = (
    "input", "param", "const", "output", "loss", "import", "def", "op", "rule", "for", "in", "return", "none", "true",
    "False", "lambda", "class", "np", "T", "dy", "forward", "self",
)  # fmt: skip
CALLS = (*names(), "grad", "jacobian", "hessian", "jvp", "vjp", "hvp", "shape")
SIGNS = (
    "+", "-", "*", "/", "//", "%", "@", "**", "<", "<=", ">", ">=", "==", "!=", "=", "<-", "->", ",", ":", ";", "...",
    ".T", "(", ")", "[", "]", "{", "}", "_{", "\n", "#", "\\", "'", '"', "=>", "&", "|", "!", "?", "$", "`",
)  # fmt: skip
NUMBERS = (
    "0", "1", "2", "3", "7", "-1", "0.5", "1e-3", "1e308", "1e309", "1e-320", "9**9**9", "99999999999999999999",
    "1_000", "0x10", "1.", ".5", "1__0", "2147483648", "9223372036854775807", "1000000", "00", "1e999999", "1j",
)  # fmt: skip
ODD = (
    "\0", "\t", "\r", "\r\n", "\f", "\v", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u202e", "\u2066", "\u200b",
    "\ufeff", "\u0430", "\u2202", "\u03bb", "\U0001d465", "\ufb01", "\u0301", "\U0001f600", "'''", '"""', "\\n",
    "\\", "{}", "%s", "__import__('os')", "];x=(", "\uff21", "\u00b2", "\u0660", "ℝ", "∇", "³",
)  # fmt: skip
SHAPES = (
    "[N, D]", "[]", "[0]", "[1]", "[N]", "[D, N]", "[2*N, D//2]", "[N-1]", "[K, K]", "[N, D, K]", "[1000000, 1000000]",
    "[-1]", "[N**2]", "[N*D, N%2]", ": int", ": bool", ": float32", ": float", "[N]: int",
)  # fmt: skip


def random_bytes(rng: random.Random) -> bytes:
    """Bytes of no program: any, or such as programs are made of."""
    size = rng.choice((0, 1, 2, 5, 20, 100, 400))
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(size)
    if kind == 1:
        return bytes(rng.choices(b"abxyWX0189 \t\n\r()[]{}=+-*/@.,:;<>\"'#_%\\", k=size))
    if kind == 2:
        return " ".join(_token(rng) for _ in range(size)).encode("utf-8", "surrogatepass")
    return "".join(chr(rng.choice((rng.randrange(0x80), rng.randrange(0xD800)))) for _ in range(size)).encode()


def mutate(rng: random.Random, text: str, other: str) -> bytes:
    """The text with one change or a few; `other` is a second program, parts of which may be put in."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        text = rng.choice(_CHANGES)(rng, text, other)
    data = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.05:
        data = _bytes(rng, data)
    return data


def _token(rng: random.Random) -> str:
    kind: Sequence[str] = rng.choice((WORDS, CALLS, SIGNS, SIGNS, NUMBERS, ODD, SHAPES, "abxyzWXN"))
    return rng.choice(kind)


def _bytes(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return rng.choice((
        data[:at] + rng.randbytes(1) + data[at + 1 :], data[:at], data[at:], data[:at] + b"\xff" + data[at:],
        data[:at] + b"\xc3", b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r"),
    ))  # fmt: skip


def _tokens(change: Callable[[random.Random, list[str], int, str], None]) -> Callable[[random.Random, str, str], str]:
    """A change at one token of the text that is not blank."""

    def changed(rng: random.Random, text: str, other: str) -> str:
        tokens = TOKEN.findall(text)
        places = [k for k, token in enumerate(tokens) if token.strip() and token[0] != "#"]
        if not places:
            return text + _token(rng)
        change(rng, tokens, rng.choice(places), other)
        return "".join(tokens)

    return changed


def _replace(rng: random.Random, tokens: list[str], at: int, other: str) -> None:
    """By one of its kind: a sign by a sign, a number by a number, a name by another name of the program."""
    token = tokens[at]
    if token[0].isdigit():
        tokens[at] = rng.choice(NUMBERS)
    elif token[0].isalpha():
        names = sorted({each for each in tokens if each[:1].isalpha()})
        tokens[at] = rng.choice((rng.choice(names), rng.choice(CALLS), rng.choice(names)))
    else:
        tokens[at] = rng.choice(SIGNS)


def _put(rng: random.Random, tokens: list[str], at: int, other: str) -> None:
    tokens.insert(at, _token(rng))


def _drop(rng: random.Random, tokens: list[str], at: int, other: str) -> None:
    del tokens[at]


def _double(rng: random.Random, tokens: list[str], at: int, other: str) -> None:
    tokens[at] += rng.choice(("", " ")) + tokens[at]


def _swap(rng: random.Random, tokens: list[str], at: int, other: str) -> None:
    to = rng.randrange(len(tokens))
    tokens[at], tokens[to] = tokens[to], tokens[at]


def _wrap(rng: random.Random, tokens: list[str], at: int, other: str) -> None:
    """A name becomes an operation's argument, an entry, its own transpose."""
    form = rng.choice((
        "{call}({x})", "{call}({x}, axis=0)", "{call}({x}, axis=-1, keepdims=true)", "{x}.T", "{x}[0]", "{x}[:, 1:]",
        "{x}[None]", "({x} + {x})", "-{x}", "{x}**2", "{x}[..., ::-1]", "{call}({x}, {x})", "{x}[{x}]", "({x},)",
        "{call}({x}, {n})", "grad(sum({x}), {x})", "[{x}, {x}]",
    ))  # fmt: skip
    tokens[at] = form.format(call=rng.choice(CALLS), x=tokens[at], n=rng.choice(NUMBERS))


def _rename(rng: random.Random, tokens: list[str], at: int, other: str) -> None:
    """A name everywhere by another."""
    new = rng.choice((*WORDS, *CALLS, "x", "\u03bb", "L", "N", "_", "__class__", "x_1", "cache", "grads", "eval", "dL"))
    old = tokens[at]
    tokens[:] = [new if token == old else token for token in tokens]


def _declare(rng: random.Random, tokens: list[str], at: int, other: str) -> None:
    names = sorted({each for each in tokens if each[:1].isalpha()}) or ["x"]
    tokens.insert(0, f"{rng.choice(('input', 'param', 'const', 'output', 'loss'))} {rng.choice(names)}"
                     f"{rng.choice(SHAPES)}\n")  # fmt: skip


def _odd(rng: random.Random, text: str, other: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(ODD) + text[at:]


def _lines(rng: random.Random, text: str, other: str) -> str:
    """A line twice, gone, elsewhere, or from another program."""
    lines = text.split("\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(4)
    if kind == 0:
        lines.insert(to, lines[at])
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        lines.insert(to, lines.pop(at))
    else:
        lines.insert(at, rng.choice(other.split("\n")))
    return "\n".join(lines)


def _splice(rng: random.Random, text: str, other: str) -> str:
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]


_CHANGES: tuple[Callable[[random.Random, str, str], str], ...] = (
    *map(_tokens, (_replace, _replace, _replace, _replace, _put, _drop, _double, _swap, _wrap, _wrap, _wrap, _rename)),
    _tokens(_declare), _odd, _lines, _lines, _splice,
)  # fmt: skip
