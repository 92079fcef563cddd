"""The class `Workspace` of a module: memory for arguments of some shapes and types, which it tells from others.

    ws = Workspace(X, W)            keeps the shapes and types
    X, W = ws.accept(X, W)          arguments for that memory, as arrays, or a ValueError
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.emitter.arguments import write_limits
from graphc.emitter.as_arrays import arrays_alone, names_of_arguments, wrapped
from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.lines import broken
from graphc.emitter.naming import Names
from graphc.emitter.repeated import MANY
from graphc.emitter.text import WIDTH, bracketed
from graphc.emitter.working import Working

__all__ = ["write_class"]


def write_class(working: Working, functions: Sequence[str]) -> str:
    """The class `Workspace`; `functions` are those that have memory in it."""
    nothing_made = f"        {' = '.join(f'self.{name}' for name in functions)} = None"
    names, call = working.signature, working.call
    working.helpers.add("check_workspace")
    if names:
        working.helpers.add("for_others")
    lines = [
        "class Workspace:",
        '    """Memory for arrays of the shapes and types of these, allocated once, when it is first used.',
        "",
        "    The results of a call with a workspace live in it: they are valid until it is used again. Each thread",
        "    needs one of its own. It keeps shapes and memory, never values.",
        '    """',
        "",
    ]
    if not names:
        lines += ["    def __init__(self):", "        self.types, self.like = None, ()", nothing_made]
        return "\n".join(lines) + "\n"
    lines += [
        f"    def __init__(self, {call}):",
        f"        *fitting, self.types = check({call})",
        f"        given = [np.asarray(value) for value in ({working.tuple})]",
        "        self.given = tuple(part for array in given for part in (array.shape, array.dtype))",
        "        self.as_given = all(a is b for a, b in zip(fitting, given))",
        "        self.like = [np.broadcast_to(np.zeros((), a.dtype), a.shape) for a in fitting]  # without memory",
        nothing_made,
        "",
        f"    def accept(self, {call}):",
        '        """The arguments as arrays; ValueError if this is not memory for them."""',
    ]
    lines += _accepting(working) if len(names) < MANY else _accepting_many(working)
    return "\n".join(lines) + "\n"


def _accepting(working: Working) -> list[str]:
    """The body of `Workspace.accept`."""
    names, call = working.signature, working.call
    alone = arrays_alone(names)
    if len(alone) <= WIDTH - 18:
        plain = f"not ({alone})" if len(names) > 1 else f"type({names[0]}) is not np.ndarray"
        lines = [f"        if {plain}:"]
    else:
        lines = ["        if not (", *("    " + line for line in wrapped(alone)), "        ):"]
    lines += ["            # says which of them is no array", f"            check({call})"]
    lines += [f"            {name} = np.asarray({name})" for name in names]
    lines += bracketed("        given = (", [part for n in names for part in (f"{n}.shape", f"{n}.dtype")], ")")
    lines += [
        "        if given != self.given or not self.as_given:",
        f"            {', '.join(names)}, *_ = check({call})",
        f"            for_others({names_of_arguments(working.graph)}, given, self.given)",
    ]
    lines += ["        " + line for line in _limits(working)]
    return [*lines, f"        return {working.tuple if len(names) > 1 else f'({working.tuple})'}"]


def _accepting_many(working: Working) -> list[str]:
    """The same of many arguments, in loops over them."""
    names = Names([*working.signature, "self"])
    values, value, part = (names.fresh(wanted) for wanted in ("values", "value", "part"))
    limits = _limits(working)
    return [
        *broken(f"        {values} = ({working.tuple})"),
        f"        if not all(type({value}) is np.ndarray for {value} in {values}):",
        "            # says which of them is no array",
        f"            check(*{values})",
        f"            {values} = [np.asarray({value}) for {value} in {values}]",
        f"        given = tuple({part} for {value} in {values} for {part} in ({value}.shape, {value}.dtype))",
        "        if given != self.given or not self.as_given:",
        f"            *{values}, _ = check(*{values})",
        f"            for_others({names_of_arguments(working.graph)}, given, self.given)",
        *(broken(f"        {working.tuple} = {values}") if limits else []),
        *("        " + line for line in limits),
        f"        return {values}",
    ]


def _limits(working: Working) -> list[str]:
    return write_limits(working.graph, working.program, working.helpers, working.shapes.dim)


CHECK_HELPERS["check_workspace"] = '''\
def check_workspace(workspace):
    """TypeError for what is no workspace of this module."""
    if not isinstance(workspace, Workspace):
        raise TypeError(f"argument workspace must be a Workspace of this module, not {workspace!r:.80}")
'''
CHECK_HELPERS["for_others"] = '''\
def for_others(names, given, known):
    """ValueError if a workspace was made for arrays of other shapes or types."""
    for k, name in enumerate(names):
        if given[2 * k : 2 * k + 2] != known[2 * k : 2 * k + 2]:
            (shape, kind), (other, wanted) = given[2 * k : 2 * k + 2], known[2 * k : 2 * k + 2]
            raise ValueError(
                f"argument {name} is {kind} of shape {shape}, but the workspace was made for {wanted} of shape {other}"
            )
'''
