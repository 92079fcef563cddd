"""The class `Workspace` of a module: memory for arguments of some shapes and types, which it tells from others.

    ws = Workspace(X, W)            keeps the shapes and types
    X, W = ws.accept(X, W)          arguments for that memory, as arrays, or a ValueError
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.emitter.arguments import write_limits
from graphc.emitter.as_arrays import arrays_alone, names_of_arguments, numbers_as_arrays, wrapped
from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.lines import broken
from graphc.emitter.naming import Names
from graphc.emitter.repeated import MANY
from graphc.emitter.text import WIDTH, bracketed
from graphc.emitter.working import Working
from graphc.ir.graph import Argument

__all__ = ["write_class"]


def write_class(working: Working, functions: Sequence[str]) -> str:
    """The class `Workspace`; `functions` are those that have memory in it."""
    nothing_made = f"        {' = '.join(f'self.{name}' for name in functions)} = None"
    names, call = working.signature, working.call
    working.helpers.add("check_workspace")
    if names:
        working.helpers |= {"for_others", "not_of_workspace"}
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
        lines += ["    def __init__(self):", "        self.types, self.like, self.owners = None, (), {}", nothing_made]
        return "\n".join([*lines, *_filled()]) + "\n"
    numbers = numbers_as_arrays(working.graph, names, working.helpers)
    lines += [
        f"    def __init__(self, {call}):",
        *("        " + line for line in numbers),
        f"        *fitting, self.types = check({call})",
        f"        given = [np.asarray(value) for value in ({working.tuple})]",
        "        self.given = tuple(part for array in given for part in (array.shape, array.dtype))",
        "        self.usual = self.given if all(a.dtype == b.dtype for a, b in zip(fitting, given)) else None",
        "        self.like = [np.broadcast_to(np.zeros((), a.dtype), a.shape) for a in fitting]  # without memory",
        "        self.owners = {}  # id of an array of which results are views -> the function whose memory it is",
        nothing_made,
        *_filled(),
        "",
        f"    def accept(self, {call}):",
        '        """The arguments as arrays; ValueError if this is not memory for them."""',
    ]
    lines += ["        " + line for line in numbers]
    lines += _accepting(working) if len(names) < MANY else _accepting_many(working)
    return "\n".join(lines) + "\n"


def _filled() -> list[str]:
    return [
        "",
        "    def filled(self, name, memory):",
        '        """The memory of a function, with what owns it noted."""',
        "        for part in memory:",
        "            if type(part) is np.ndarray:",
        "                self.owners[id(part if part.base is None else part.base)] = name",
        "        return memory",
    ]


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
    outside = [name for name, a in zip(names, working.graph.arguments, strict=True) if _may_be_a_result(working, a)]
    owners = " is ".join([*(f"{name}.base" for name in outside), "None"])
    if len(outside) == 1:
        lines.append(f"        if {outside[0]}.base is not None:")
    elif outside and len(owners) <= WIDTH - 18:
        lines.append(f"        if not ({owners}):")
    elif outside:
        lines += ["        if not (", *("    " + line for line in wrapped(owners)), "        ):"]
    if outside:
        called = names_of_arguments(working.graph)
        lines += broken(f"            not_of_workspace(self.owners, {called}, ({working.tuple}))")
    lines += bracketed("        given = (", [part for n in names for part in (f"{n}.shape", f"{n}.dtype")], ")")
    lines += [
        "        if given != self.usual:",
        f"            {', '.join(names)}, *_ = check({call})",
        f"            for_others({names_of_arguments(working.graph)}, given, self.given)",
    ]
    lines += ["        " + line for line in _limits(working)]
    return [*lines, f"        return {working.tuple if len(names) > 1 else f'({working.tuple})'}"]


def _may_be_a_result(working: Working, argument: Argument) -> bool:
    """Whether a result may have an argument's type: labels are none where all results are floating."""
    graph = working.graph
    results = [graph[id].type for id in (*graph.outputs.values(), *graph.gradients.values())]
    return graph[argument.node].type.is_float or not all(type.is_float for type in results)


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
        f"        not_of_workspace(self.owners, {names_of_arguments(working.graph)}, {values})",
        f"        given = tuple({part} for {value} in {values} for {part} in ({value}.shape, {value}.dtype))",
        "        if given != self.usual:",
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
CHECK_HELPERS["not_of_workspace"] = '''\
def not_of_workspace(owners, names, arrays, function=None):
    """ValueError for an array that lives in memory of a workspace that is about to be written to."""
    for name, array in zip(names, arrays):
        owner = owners.get(id(array.base)) if array.base is not None else None
        if owner is not None and function in (None, owner):
            raise ValueError(
                f"argument {name} is a result that lives in the workspace, which is used again here: pass a copy of it"
            )
'''
CHECK_HELPERS["check_cache"] = '''\
def check_cache(cache, count):
    """TypeError for what is not the second result of forward."""
    if type(cache) is not tuple or len(cache) != count:
        raise TypeError(f"argument cache must be the second result of forward, not {cache!r:.80}")
'''
