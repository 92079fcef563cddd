"""A long run of the fuzzing, by hand:

    python tests/fuzz/run.py --seconds 1800 --seed 1

Kinds of inputs take turns. What fails is written into a folder (`--keep`), made as short as it fails for the same
reason, with a line of what went wrong; a program that is mended afterwards belongs into tests/fuzz/found.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fuzz.commands import Hang, every_command
from fuzz.differential import compare
from fuzz.inputs import KINDS, Input
from fuzz.twin import differing

MEMORY = 4 << 30
SHORTENINGS = 150
WITH_COMMANDS = 8
"""Each so many-th of the wide programs goes through the commands as well."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="other inputs (default: 1)")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="where findings go")
    arguments = parser.parse_args()
    _limit_memory()
    sources = {kind: KINDS[kind](arguments.seed) for kind in arguments.kinds.split(",")}
    inputs: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    slowest = (0.0, "")
    end = time.monotonic() + arguments.seconds
    number = 0
    twin: list[Input] = []
    while time.monotonic() < end:
        for kind, source in sources.items():
            # One that is accepted takes a hundred times as long as one that is refused.
            for _ in range({"bytes": 20, "grammatical": 10, "mutants": 5, "wide": 8}.get(kind, 1)):
                made = next(source)
                number += 1
                start = time.monotonic()
                verdict, why = _try(made, grade=number % 50 == 0)
                if number % 40 == 0:
                    twin.append(made)
                slowest = max(slowest, (time.monotonic() - start, made.made_of))
                inputs[kind] += 1
                verdicts[verdict] += 1
                if verdict == "FAILED" and _reason(why) not in reasons:
                    reasons[_reason(why)] = made.made_of
                    _keep(made, why, arguments.keep)
                    print(f"{made.made_of}: {_reason(why)}", flush=True)
    different = differing([made.data for made in twin])
    for at in different:
        reasons[f"another hash seed, another output: {twin[at].made_of}"] = twin[at].made_of
        _keep(twin[at], "another hash seed, another output", arguments.keep)
    print(f"compared with a process of another hash seed: {len(twin)}, different: {len(different)}")
    print("inputs:", ", ".join(f"{count} {kind}" for kind, count in inputs.items()), f"= {sum(inputs.values())}")
    print("of them:", ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())))
    print(f"different findings: {len(reasons)}; slowest input {slowest[0]:.1f} s ({slowest[1]})")
    return 1 if reasons else 0


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on this system
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _try(made: Input, grade: bool = False) -> tuple[str, str]:
    """The verdict, and for `FAILED` the traceback."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            if made.program is not None:
                compare(copy.deepcopy(made.program))
                if made.program.number % WITH_COMMANDS:
                    return "compared with autograd", ""
            outcome = every_command(made.data, Path(folder), made.files, grade)
        except KeyboardInterrupt:
            raise
        except (Exception, Hang):
            return "FAILED", traceback.format_exc()
    compared = " and compared" if outcome.compared else ""
    return outcome.verdict + compared, ""


def _reason(why: str) -> str:
    """What identifies a failure: the last line of its traceback without its numbers, and of ours where it happened."""
    lines = [line.strip() for line in why.strip().splitlines()]
    said = next((line for line in lines if line.startswith(("AssertionError", "fuzz.", "graphc: internal"))), lines[-1])
    inner = [line for line in lines if line.startswith("File") and "/graphc/" in line]
    place = inner[-1].rpartition("/graphc/")[2].replace('"', "") if inner else ""
    last = lines[-1] if "Error" in lines[-1] else ""
    text = f"{said} {place} {last}"
    return "".join("#" if char.isdigit() else char for char in text)[:300]


def _keep(made: Input, why: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = made.made_of.replace(" ", "-").replace("/", "-")
    data = _shortened(made, _reason(why))
    (folder / f"{name}.g").write_bytes(data)
    (folder / f"{name}.txt").write_text(why, encoding="utf-8")


def _shortened(made: Input, reason: str) -> bytes:
    """The input without the lines, then the words, that the failure does not need."""
    data = made.data
    budget = SHORTENINGS
    for separator in (b"\n", b" "):
        parts = data.split(separator)
        size = max(len(parts) // 2, 1)
        while size and budget:
            at = 0
            while at < len(parts) and budget:
                fewer = parts[:at] + parts[at + size :]
                budget -= 1
                verdict, why = _try(Input(separator.join(fewer), made.made_of, made.files))  # by the commands alone
                if verdict == "FAILED" and _reason(why) == reason:
                    parts = fewer
                else:
                    at += size
            size //= 2
        data = separator.join(parts)
    return data


if __name__ == "__main__":
    sys.exit(main())
