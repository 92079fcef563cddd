"""A loop over tiles of rows on several threads. Ufuncs and BLAS release the interpreter's lock.

    dg.fill(0)                              dg_sums.fill(0)
    for X_rows, A in loop:        becomes   def run_loop(share):
        np.tanh(X_rows, A)                      for X_rows, A, dg_sum in share:
        ones.dot(A, part)                           np.tanh(X_rows, A)
        np.add(dg, part, dg)                        …
                                            in_threads(run_loop, loop)
                                            np.add.reduce(dg_sums, axis=0, out=dg)

Each thread has a run of tiles that follow one another and arrays of its own that are as long as a tile; what is summed
over tiles it sums for itself, and these sums are added in the order of the threads: the result is the same every time.

The function stands where it is run, and reads what it reads of the function around it. Where there are very many of
them each is one of the module, and gets that as arguments: in each scope of its own Python looks for all names of the
function around it, so that a function of many loops took quadratic time to compile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.sizes import words

__all__ = ["combined", "lifted", "private", "read_from_outside"]

_KEYWORD = re.compile(r"\w+=(?!=)")
_OVER = re.compile(r"\bfor (.+?) in ")
_RUN = re.compile(r" +def run_loop")

CHECK_HELPERS["tiles_by_thread"] = '''\
def tiles_by_thread(count, step):
    """The tiles of so many rows, a run of as many for each thread, and with each tile the thread's number.

    Few tiles are for one thread: to start another one takes as long as they do.
    """
    number = max(1, -(-count // max(1, step)))
    threads = THREADS if number >= 2 * THREADS else 1
    each = -(-number // threads)
    found = tiles(count, -(-count // (threads * each)))
    return [[(*tile, k) for tile in found[k * each : (k + 1) * each]] for k in range(threads)]
'''
CHECK_HELPERS["in_threads"] = '''\
def in_threads(function, shares, *arguments):
    """The results of a function for the shares, each in a thread of its own, in their order.

    What is raised in a thread is raised here. NumPy's error state is that of the caller.
    """
    *others, last = shares
    if not others:
        return [function(last, *arguments)]
    from concurrent.futures import ThreadPoolExecutor, wait
    from contextvars import copy_context
    from os import getpid

    pool = POOL.get(getpid())  # a process that was forked has none of its parent's threads
    if pool is None:
        pool = POOL.setdefault(getpid(), ThreadPoolExecutor(THREADS - 1))
    waiting = [pool.submit(copy_context().run, function, share, *arguments) for share in others]
    try:
        result = function(last, *arguments)
    finally:
        wait(waiting)
    return [*(each.result() for each in waiting), result]
'''


def private(make: str) -> str:
    """The text that makes an array as long as a tile (`SIZE`), for each thread one; what is only read is for all."""
    make = make.replace("np.empty(SIZE,", "np.empty((THREADS, SIZE),")
    return make.replace("np.empty((SIZE", "np.empty((THREADS, SIZE")


def read_from_outside(loop: Sequence[str], taken: Set[str], others: Set[str]) -> list[str]:
    """Which of the names `taken` in a function the lines of a loop read; `others` are of the module or of the loop."""
    inside = set(others)
    for line in loop:
        left, assigns, _ = line.partition(" = ")
        if assigns and not any(bracket in left for bracket in "[("):
            inside |= words([left])
        inside |= words(_OVER.findall(line))
    read = words(_KEYWORD.sub("", line) for line in loop)
    return sorted((read & taken) - inside)


def lifted(code: Sequence[str]) -> tuple[list[str], list[str]]:
    """The functions that loops are, taken out of the function's lines, and these without them."""
    functions: list[str] = []
    rest: list[str] = []
    inside = False
    for line in code:
        if _RUN.match(line):
            inside = True
            functions += ["", ""] if functions else []
        elif inside and line and not line.startswith("        "):
            inside = False
        if inside:
            functions.append(line[4:])
        else:
            rest.append(line)
    return functions, rest


def combined(run: str, arguments: Sequence[str], numbers: Sequence[str], zero: str) -> str:
    """The statement that runs a loop and adds up the numbers that its threads return."""
    call = f"in_threads({', '.join([run, *arguments])})"
    if not numbers:
        return call
    if len(numbers) == 1:
        return f"{numbers[0]} = sum({call}, {zero})"
    return f"{', '.join(numbers)} = (sum(each, {zero}) for each in zip(*{call}))"
