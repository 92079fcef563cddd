"""Runs a hand-written backward in a process of its own: `python -I child.py FOLDER`.

FOLDER holds `request.json` and `data.npz`; what the file's functions gave is written there as `answer.json` and
`arrays.npz`. Nothing of graphc is imported here, and nothing of it can be: the answers are to be the file's own.
It is one file for that reason: one beside it would be on the path, under a name that the graded file may want.
"""

from __future__ import annotations

import ast
import faulthandler
import importlib.util
import inspect
import json
import os
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import numpy as np

__all__ = ["Answer", "Request", "Unfit", "ask", "gradient_name"]

FORMS = ("d{}", "grad_{}", "{}_grad", "g{}", "g_{}", "d_{}", "dL_d{}", "dLd{}", "delta_{}", "{}_bar")
"""How people call the gradient with respect to a value."""
UPSTREAM = {"dL", "dl", "dloss", "dLoss", "dout", "dvalue", "upstream", "grad_output", "grad_out", "g"}
"""Arguments that stand for the cotangent of the one output; that of a scalar loss is 1."""
CACHES = ("cache", "saved", "ctx")
"""Arguments that stand for what `forward` keeps."""
VALUE_AND_GRADIENTS = ("value_and_grad", "value_and_gradients", "loss_and_grad")
VERSIONS = 12
EVENTS = 200_000


class Unfit(Exception):
    """The functions cannot be called, or what they return cannot be read."""


@dataclass
class Request:
    """What is asked: the names of the program's gradients and of all its values, and which argument is what.

    `order` names the values of a tuple where its own names do not.
    """

    variables: list[str]
    values: list[str]
    parameters: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    function: str | None = None
    order: list[str] | None = None


@dataclass
class Answer:
    """What the functions gave: gradients by the variable's name, values by theirs.

    `seen` are the arrays that local variables of the program's names held, in their order, with the lines.
    """

    gradients: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    seen: list[tuple[str, int, Any]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def gradient_name(name: str, variables: Sequence[str]) -> str | None:
    """The variable whose gradient a name means: `dW1`, `grad_W1`, `W1_grad`, …"""
    for variable in variables:
        if any(name == form.format(variable) for form in FORMS):
            return variable
    return None


def ask(module: Any, data: Mapping[str, Any], request: Request) -> Answer:
    """Call the functions on the data. Whatever they raise is not caught; Unfit is ours."""
    answer = Answer()
    forward, backward = _functions(module, request)
    watch = _Watch(request, answer, [f for f in (forward, backward) if f is not None])
    copies = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in data.items()}
    at_hand: dict[str, Any] = dict(copies)
    cache: Any = None
    with watch:
        if forward is not None:
            made = forward(**_arguments(forward, at_hand, request, None))
            cache = _read_forward(made, request, answer)
            at_hand = {**watch.locals, **copies}
            if isinstance(cache, dict):
                at_hand.update({k: v for k, v in cache.items() if isinstance(k, str) and k not in copies})
        result = backward(**_arguments(backward, at_hand, request, cache, with_cache=forward is not None))
    _read_gradients(result, backward, request, answer)
    return answer


# ------------------------------------------------------------------------------------------------ finding and calling

def _functions(module: Any, request: Request) -> tuple[Callable[..., Any] | None, Callable[..., Any]]:
    """The function that gives gradients, and the one that is called before it, if there is one."""
    def there(name: str) -> Callable[..., Any] | None:
        found = getattr(module, name, None)
        return found if callable(found) else None

    if request.function is not None:
        chosen = there(request.function)
        if chosen is None:
            raise Unfit(f"it has no function `{request.function}`")
        wants_cache = any(name in CACHES for name in _names(chosen))
        return (there("forward") if wants_cache else None), chosen
    both = there("forward"), there("backward")
    if both[1] is not None and (both[0] is not None or not there("value_and_grad")):
        return both[0], both[1]
    for name in (*VALUE_AND_GRADIENTS, "gradients", "grads", "gradient", "grad", "loss"):
        found = there(name)
        if found is not None:
            return None, found
    raise Unfit("it has none of the functions `forward` and `backward`, `value_and_grad`, `gradients`")


def _names(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def _arguments(
    function: Callable[..., Any], at_hand: Mapping[str, Any], request: Request, cache: Any, with_cache: bool = False
) -> dict[str, Any]:
    """The arguments by name; what is no value of the program is the cache, a dictionary of parameters, or the 1."""
    given: dict[str, Any] = {}
    groups = {
        "params": request.parameters, "parameters": request.parameters, "weights": request.parameters,
        "theta": request.parameters, "model": request.parameters,
    }  # fmt: skip
    parameters = inspect.signature(function).parameters
    named = [name for name in parameters if name in CACHES and name not in at_hand]
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise Unfit(f"the argument `{name}` of `{function.__name__}` cannot be given by its name")
        if parameter.kind is parameter.VAR_KEYWORD:
            given.update({k: v for k, v in at_hand.items() if k not in given})
        elif name in at_hand:
            given[name] = at_hand[name]
        elif name.endswith("_") and name[:-1] in at_hand:
            given[name] = at_hand[name[:-1]]
        elif with_cache and name in (named or [name]):
            given[name], with_cache = cache, False
        elif name in groups:
            given[name] = {k: at_hand[k] for k in groups[name] if k in at_hand}
        elif parameter.default is not parameter.empty:
            continue
        elif name in UPSTREAM and len(request.outputs) < 2:
            given[name] = next((at_hand[f"d{k}"] for k in request.outputs if f"d{k}" in at_hand), 1.0)
        else:
            if name in named:
                raise Unfit(f"`{function.__name__}` takes a `{name}`, and there is no `forward` that returns one")
            if name in request.values:
                raise Unfit(f"the argument `{name}` of `{function.__name__}` is a value that no `forward` makes")
            known = ", ".join(f"`{k}`" for k in at_hand)
            raise Unfit(f"the argument `{name}` of `{function.__name__}` is none of the program's: {known}")
    return given


# ------------------------------------------------------------------------------------------------ reading results

def _read_forward(made: Any, request: Request, answer: Answer) -> Any:
    """The cache; the outputs go to the answer."""
    if isinstance(made, dict):
        answer.values.update({k: v for k, v in made.items() if k in request.values})
        return made
    if isinstance(made, tuple) and len(made) == 2 and (len(request.outputs) == 1 or not _is_array(made[1])):
        first, cache = made
        parts = list(first) if isinstance(first, tuple) else [first]
        answer.values.update(dict(zip(request.outputs, parts, strict=False)))
        return cache
    if len(request.outputs) == 1 and not isinstance(made, tuple):
        answer.values[request.outputs[0]] = made
    return made


def _is_array(value: Any) -> bool:
    return not isinstance(value, (tuple, list, dict)) and (np.ndim(value) > 0 or np.isscalar(value))


def _read_gradients(result: Any, function: Callable[..., Any], request: Request, answer: Answer) -> None:
    """Gradients from a dictionary, a tuple, one array, or a pair of value and gradients."""
    if hasattr(result, "_asdict"):
        result = result._asdict()
    returned = _returned_names(function)
    if isinstance(result, (tuple, list)) and len(result) == 2:
        if isinstance(result[1], (dict, tuple, list)) and not isinstance(result[0], dict):
            if np.ndim(result[0]) == 0 and len(request.outputs) == 1:
                answer.values[request.outputs[0]] = result[0]
            returned = returned[1] if len(returned) == 2 and isinstance(returned[1], list) else []
            result = result[1]
        elif isinstance(result[0], dict):
            result = result[0]
    if isinstance(result, dict):
        for key, value in result.items():
            _enter(str(key), value, request, answer)
    elif isinstance(result, (tuple, list)) and not _all_numbers(result):
        names = [name if isinstance(name, str) else "" for name in returned]
        if request.order is not None and len(request.order) == len(result):
            for name, value in zip(request.order, result, strict=True):
                _enter(name, value, request, answer)
        elif len(names) == len(result) and all(_means(name, request) for name in names):
            for name, value in zip(names, result, strict=True):
                _enter(name, value, request, answer)
        elif len(result) == len(request.variables):
            answer.gradients.update(dict(zip(request.variables, result, strict=True)))
        elif len(result) == len(request.variables) + 1 and np.ndim(result[0]) == 0:
            answer.values.update(dict(zip(request.outputs, result[:1], strict=False)))
            answer.gradients.update(dict(zip(request.variables, result[1:], strict=True)))
        else:
            raise Unfit(
                f"`{_called(function)}` returns {len(result)} values, and the gradients are those of "
                f"{', '.join(request.variables)}"
            )
    elif result is None:
        raise Unfit(f"`{_called(function)}` returns nothing")
    elif len(request.variables) == 1:
        answer.gradients[request.variables[0]] = result
    else:
        wanted = ", ".join(request.variables)
        raise Unfit(f"`{_called(function)}` returns one value, and the gradients are those of {wanted}")


def _called(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", "backward")


def _all_numbers(result: Sequence[Any]) -> bool:
    return all(isinstance(x, (int, float)) for x in result) and len(result) > 0 and isinstance(result, list)


def _means(name: str, request: Request) -> bool:
    return name in request.values or gradient_name(name, request.values) is not None


def _enter(name: str, value: Any, request: Request, answer: Answer) -> None:
    """A returned array under the variable whose gradient it is: `W1` and `dW1` are the same here."""
    if name in request.variables:
        answer.gradients[name] = value
        return
    variable = gradient_name(name, request.values)
    if variable is not None:
        answer.gradients[variable] = value
    elif name in request.outputs:
        answer.values[name] = value
    elif name in request.values:
        answer.gradients[name] = value
    else:
        answer.unknown.append(name)


def _returned_names(function: Callable[..., Any]) -> list[Any]:
    """The names in the function's last `return a, b, c`; a list within for a tuple in the tuple."""
    try:
        lines, _ = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return []
    found: list[Any] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            found = [_name(e) for e in node.value.elts]
    return found


def _name(node: ast.expr) -> Any:
    if isinstance(node, ast.Tuple):
        return [_name(e) for e in node.elts]
    return node.id if isinstance(node, ast.Name) else ""


# ------------------------------------------------------------------------------------------------ watching

class _Watch:
    """Notes what the functions' local variables hold, if they have the names of the program or of its gradients.

    An array may be changed in place after it was right, or be filled only after it was made: every state counts.
    """

    def __init__(self, request: Request, answer: Answer, functions: Sequence[Callable[..., Any]]) -> None:
        self.request = request
        self.answer = answer
        self.codes = {f.__code__ for f in functions if hasattr(f, "__code__")}
        self.wanted: dict[CodeType, dict[str, str]] = {}
        self.locals: dict[str, Any] = {}
        self.events = 0
        self.before: Any = None

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        sys.settrace(self._call)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code not in self.codes or self.events > EVENTS:
            return None
        wanted = self.wanted.setdefault(frame.f_code, dict(self._names(frame.f_code)))
        last: dict[str, Any] = {}
        line = frame.f_lineno

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal line
            self.events += 1
            if self.events <= EVENTS:
                self._note(frame, wanted, last, line)
            line = frame.f_lineno
            if event == "return":
                self.locals.update(frame.f_locals)
            return trace

        return trace

    def _names(self, code: CodeType) -> Iterator[tuple[str, str]]:
        """Local names that mean something: to `dX` for a gradient, `X` for a value."""
        given = set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
        for name in code.co_varnames:
            variable = gradient_name(name, self.request.values)
            if variable is not None and name not in self.request.values:
                yield name, "d" + variable
            elif name in self.request.values and name not in given:
                yield name, name

    def _note(self, frame: FrameType, wanted: Mapping[str, str], last: dict[str, Any], line: int) -> None:
        here = frame.f_locals
        for name, means in wanted.items():
            value = here.get(name)
            if value is None or not isinstance(value, (np.ndarray, np.generic, float, int)):
                continue
            known = last.get(name)
            if known is not None and np.array_equal(known, value, equal_nan=known.dtype.kind == "f"):
                continue
            if sum(n == means for n, _, _ in self.answer.seen) >= VERSIONS:
                # The last state matters most: it takes the place of the one before it.
                place = max(k for k, (n, _, _) in enumerate(self.answer.seen) if n == means)
                del self.answer.seen[place]
            last[name] = np.array(value)
            self.answer.seen.append((means, line, last[name]))


# ------------------------------------------------------------------------------------------------ the process

class _Blocked:
    """The reference is not for the graded file."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] == "graphc":
            raise ModuleNotFoundError("graphc cannot be imported by the file that it grades", name=name)


def load(path: str) -> ModuleType:
    """The file as a module; files beside it can be imported."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise Unfit("it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def failure(error: BaseException, path: str) -> dict[str, Any]:
    """An exception with the last line of the file that it went through."""
    if isinstance(error, Unfit):
        return {"type": "", "message": str(error), "line": None, "text": "", "function": ""}
    found: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    found.update(line=None, text="", function="")
    for frame in traceback.extract_tb(error.__traceback__):
        if os.path.realpath(frame.filename) == os.path.realpath(path):
            found.update(line=frame.lineno, text=frame.line or "", function=frame.name)
    if isinstance(error, SyntaxError) and os.path.realpath(error.filename or "") == os.path.realpath(path):
        found.update(line=error.lineno, text=(error.text or "").strip(), message=error.msg)
    return found


def pack(answer: Answer) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer as arrays for an .npz file, and the names for their numbers; what is no array is a complaint."""
    arrays: dict[str, Any] = {}
    index: list[list[Any]] = []

    def enter(kind: str, name: str, line: int, value: Any) -> None:
        try:
            array = np.asarray(value)
        except Exception:
            array = np.empty(0, dtype=object)
        number = f"a{len(arrays)}" if array.dtype.kind in "fiub" else None
        if number is not None:
            arrays[number] = array
        type_name = str(array.dtype) if isinstance(value, np.ndarray) else type(value).__name__
        index.append([kind, name, line, number, type_name])

    for name, value in answer.gradients.items():
        enter("gradient", name, 0, value)
    for name, value in answer.values.items():
        enter("value", name, 0, value)
    for name, line, value in answer.seen:
        enter("seen", name, line, value)
    return arrays, {"index": index, "unknown": answer.unknown}


def main(folder: str) -> None:
    """Answer the request in a folder."""
    place = Path(folder)
    asked = json.loads((place / "request.json").read_text(encoding="utf-8"))
    path, rounds = asked["path"], asked["rounds"]
    request = Request(**asked["request"])
    where = open(place / "late.txt", "w")  # noqa: SIM115  # faulthandler writes to it until the process ends
    faulthandler.dump_traceback_later(asked["seconds"], file=where)
    sys.meta_path.insert(0, _Blocked())
    answers: list[dict[str, Any]] = []
    try:
        module = load(path)
    except BaseException as error:
        answers = [{"error": failure(error, path)} for _ in range(rounds)]
    else:
        for k in range(rounds):
            with np.load(place / f"data{k}.npz", allow_pickle=False) as file:
                data = {name: file[name] for name in file.files}
            try:
                arrays, said = pack(ask(module, data, request))
                np.savez(place / f"arrays{k}.npz", **arrays)
                answers.append(said)
            except BaseException as error:
                answers.append({"error": failure(error, path)})
    sys.stdout.flush()
    (place / "answer.json").write_text(json.dumps(answers), encoding="utf-8")
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(sys.argv[1])
