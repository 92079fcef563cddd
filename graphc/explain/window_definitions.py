"""What convolutions and pools are, entry by entry: sums and largest entries over windows."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.conditions import when
from graphc.explain.definitions import Operands, Out, define, summed
from graphc.explain.products import add, apply, mul
from graphc.explain.terms import Expr, Extreme, Index, fresh, size
from graphc.ir.dims import dim


def _under(r: Operands, places: Out, taps: Sequence[Expr]) -> list[Expr]:
    """The places of the operand that the taps of a window meet, for one entry of the result each."""
    steps = zip(places, taps, r.node.attr("stride"), r.node.attr("dilation"), strict=True)
    return [add(mul(size(s), i), mul(size(d), t)) for i, t, s, d in steps]


def _channel(r: Operands, o: Expr, c: Expr) -> Expr:
    """The channel that a kernel's channel c meets: each group of kernels has channels of its own."""
    groups = r.node.attr("groups")
    if groups == 1:
        return c
    kernels, channels = r.shape(1)[:2]
    return add(mul(size(channels), apply("floordiv", o, size(kernels // groups))), c)


@define("convolve")
def _convolve(r: Operands, out: Out) -> Expr:
    n, o, *places = out
    _, channels, *kernel = r.shape(1)
    c, *taps = (fresh(m) for m in (channels, *kernel))
    return summed((c, *taps), mul(r.at(1, (o, c, *taps)), r.at(0, (n, _channel(r, o, c), *_under(r, places, taps)))))


@define("convolve_transpose")
def _convolve_transpose(r: Operands, out: Out) -> Expr:
    n, channel, *places = out
    o, c, *taps = (fresh(m) for m in r.shape(1))
    at = [fresh(m) for m in r.shape(0)[2:]]
    there = [when(_channel(r, o, c), "=", channel)]
    there += [when(under, "=", place) for under, place in zip(_under(r, at, taps), places, strict=True)]
    return summed((o, c, *taps, *at), mul(*there, r.at(0, (n, o, *at)), r.at(1, (o, c, *taps))))


def _window(r: Operands, out: Out) -> tuple[list[Index], Expr]:
    """Indices within a window, and the operand's entry there; some axes may stand behind those of the window."""
    taps = [fresh(dim(m)) for m in r.node.attr("size")]
    end = len(out) - r.node.attr("behind", 0)
    start = end - len(taps)
    return taps, r.at(0, (*out[:start], *_under(r, out[start:end], taps), *out[end:]))


@define("sum_windows")
def _sum_windows(r: Operands, out: Out) -> Expr:
    taps, entry = _window(r, out)
    return summed(taps, entry)


@define("max_windows")
def _max_windows(r: Operands, out: Out) -> Expr:
    taps, body = _window(r, out)
    for tap in reversed(taps):
        body = Extreme("first", tap, body)
    return body
