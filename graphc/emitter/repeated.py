"""Checks that are the same for many arguments, as one loop over these.

    if W_1.shape != (D, D):                                 for name, value in zip(
        raise wrong_shape("W_1", W_1, (D, D), …)                ("W_1", "W_2", …, "W_99"),
    if W_2.shape != (D, D):                    becomes          (W_1, W_2, …, W_99),
        raise wrong_shape("W_2", W_2, (D, D), …)            ):
    …                                                           if value.shape != (D, D):
                                                                    raise wrong_shape(name, value, (D, D), …)

A few stay as they are: each says what it asks for, and a short program has no more of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, NamedTuple

from graphc.emitter.text import bracketed

__all__ = ["MANY", "Check", "write_checks"]

MANY_ALIKE: Final = 16
"""So many checks that ask the same are a loop."""
MANY: Final = 32
"""So many checks that ask different things of one kind are a loop, and so many arguments are looked at in one."""


class Check(NamedTuple):
    """A check of one argument: a template of its statement, and the texts that stand in its places.

    The places `name` and `value` say which argument; in a loop each place that differs is a variable of its name.
    """

    template: str
    texts: dict[str, str]

    def lines(self) -> list[str]:
        return self.template.format(**self.texts).split("\n")

    def asked(self) -> Hashable:
        """What is asked, whichever argument it is asked of."""
        return self.template, *(text for place, text in self.texts.items() if place not in ("name", "value"))


def write_checks(checks: Sequence[Check], called: Callable[[str], str]) -> list[str]:
    """The lines of the checks: loops over many that ask the same, or that differ in what they ask, come last. `called`
    says how the variables of loops are called."""
    loops: list[list[Check]] = []
    rest: list[Check] = []
    for group in _groups(checks, Check.asked):
        if len(group) < MANY_ALIKE:
            rest += group
        else:
            loops.append(group)
    loops += [group for group in _groups(rest, lambda check: check.template) if len(group) >= MANY]
    looped = {id(check) for group in loops for check in group}
    lines = [line for check in checks if id(check) not in looped for line in check.lines()]
    return [*lines, *(line for group in loops for line in _loop(group, called))]


def _groups(checks: Iterable[Check], key: Callable[[Check], Hashable]) -> Iterable[list[Check]]:
    found: dict[Hashable, list[Check]] = {}
    for check in checks:
        found.setdefault(key(check), []).append(check)
    return found.values()


def _loop(checks: Sequence[Check], called: Callable[[str], str]) -> list[str]:
    texts = dict(checks[0].texts)
    columns = {place: [check.texts[place] for check in checks] for place in texts}
    varying = {place: column for place, column in columns.items() if len(set(column)) > 1}
    for place in varying:
        texts[place] = called(place)
    lines = [f"for {', '.join(texts[place] for place in varying)} in zip("]
    for column in varying.values():
        lines += bracketed("    (", column, "),")
    return [*lines, "):", *("    " + line for line in Check(checks[0].template, texts).lines())]
