"""The whole comparison with one command, in about five minutes: python tests/benchmarks/run.py [--update-readme]

Each implementation has a process of its own with one thread. For every workload and floating type results are compared
first; then the processes run in turn, A B C … C B A …, and what counts is the median over the rounds of the time in a
round relative to the expert's in the same round. Libraries that are not installed are left out and named.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
sys.path.insert(0, str(HERE.parent))

from benchmarks.implementations import (  # noqa: E402 (the path comes first)
    BASE,
    IMPLEMENTATIONS,
    TOLERANCES,
    digest,
    disagreement,
    make,
)
from benchmarks.workloads import WORKLOADS, inputs  # noqa: E402 (the path comes first)

DTYPES = ("float32", "float64")
RESULTS = HERE / "results"
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
PATIENCE = 180.0  # seconds that one answer may take


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", default=",".join(WORKLOADS), help="names separated by commas (default: all)")
    parser.add_argument("--impl", default=",".join(IMPLEMENTATIONS), help="names separated by commas (default: all)")
    parser.add_argument("--dtype", default=",".join(DTYPES), help="float32,float64")
    parser.add_argument("--rounds", type=int, default=9, help="(default: 9)")
    parser.add_argument("--slice", type=float, default=0.06, help="seconds of one turn (default: 0.06)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder for the table, the numbers, the chart")
    parser.add_argument("--update-readme", action="store_true", help="put table and machine into the README")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(arguments.worker, arguments.slice)
    data = compare(arguments)
    from benchmarks.report import update_readme, write

    write(data, arguments.output)
    print(f"\nwrote {arguments.output}")
    if arguments.update_readme:
        update_readme(data, HERE.parents[1] / "README.md")
        print("README.md is up to date")
    return 1 if any(row.get("wrong") for row in data["rows"]) else 0


# ---------------------------------------------------------------- one implementation

def worker(name: str, slice: float) -> int:
    """Answer what the driver asks, a line of JSON each: `load` a workload, `go` for a turn."""
    import warnings

    warnings.simplefilter("ignore")
    if name == "jax" and hasattr(os, "sched_setaffinity"):  # it has no other way to keep to one thread
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    run, count = None, 1
    for line in sys.stdin:
        command, *words = line.split()
        try:
            if command == "load":
                run = None
                run = make(name, words[0], inputs(words[0], words[1]))
                answer: dict[str, Any] = {"digest": digest(run())}
                run()
                started = time.perf_counter()
                run()
                count = max(1, int(slice / max(1e-7, time.perf_counter() - started)))
            else:
                assert run is not None
                run()
                started = time.perf_counter()
                for _ in range(count):
                    run()
                answer = {"seconds": (time.perf_counter() - started) / count}
        except ImportError as error:
            answer = {"missing": str(error)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)
    return 0


class Process:
    """A worker, as the driver sees it."""

    def __init__(self, name: str, slice: float) -> None:
        environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "",
                       "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "TF_CPP_MIN_LOG_LEVEL": "3"}  # fmt: skip
        command = [sys.executable, str(HERE / "run.py"), "--worker", name, "--slice", str(slice)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment
        )

    def ask(self, question: str) -> dict[str, Any]:
        """The answer; `error` where there is none in time."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            line = self.process.stdout.readline() if ready else ""
            answer: dict[str, Any] = json.loads(line) if line else {"error": "no answer"}
        except (OSError, ValueError) as error:
            answer = {"error": str(error)}
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


# ---------------------------------------------------------------- all of them

def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """The numbers of all workloads, and the machine that they are of."""
    names = [name for name in IMPLEMENTATIONS if name in arguments.impl.split(",")]
    processes = {name: Process(name, arguments.slice) for name in names}
    missing: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    try:
        for workload in (name for name in WORKLOADS if name in arguments.workload.split(",")):
            for dtype in (name for name in DTYPES if name in arguments.dtype.split(",")):
                rows += one(workload, dtype, processes, missing, arguments.rounds, arguments.slice)
    finally:
        for process in processes.values():
            process.close()
    return {"machine": machine(), "missing": missing, "rounds": arguments.rounds, "rows": rows}


def one(
    workload: str, dtype: str, processes: dict[str, Process], missing: dict[str, str], rounds: int, slice: float
) -> list[dict[str, Any]]:
    """A workload in one floating type: check, then time in turn."""
    print(f"{workload} {dtype}", flush=True)
    wide = {name: v.astype("float64") if v.dtype.kind == "f" else v for name, v in inputs(workload, dtype).items()}
    wanted = digest(make("naive", workload, wide)())
    ready: dict[str, float] = {}
    for name, process in list(processes.items()):
        answer = process.ask(f"load {workload} {dtype}")
        if "missing" in answer:
            missing[name] = answer["missing"]
            print(f"    {name} is left out: {answer['missing']}", flush=True)
            processes.pop(name).close()
        elif "error" in answer:
            print(f"    {name} FAILED: {answer['error']}", flush=True)
            process.close()  # whatever it is doing, the next workload gets a fresh one
            processes[name] = Process(name, slice)
        else:
            ready[name] = disagreement(answer["digest"], wanted)
    times: dict[str, list[float]] = {name: [] for name in ready}
    for round in range(rounds):
        for name in list(ready)[:: 1 if round % 2 == 0 else -1]:
            times[name].append(processes[name].ask("go").get("seconds", float("nan")))
    base = times.get(BASE) or next(iter(times.values()), [])
    rows = []
    for name, spent in times.items():
        ratio = statistics.median(a / b for a, b in zip(spent, base, strict=True))
        if ratio != ratio:
            print(f"    {name} stopped answering", flush=True)
            continue
        wrong = ready[name] > TOLERANCES[dtype]
        rows.append({"workload": workload, "dtype": dtype, "implementation": name, "ratio": ratio,
                     "milliseconds": 1e3 * statistics.median(spent), "error": ready[name], "wrong": wrong})
        mark = f"   WRONG by {ready[name]:.1e}" if wrong else ""
        print(f"    {name:<12} ×{ratio:7.2f}  {rows[-1]['milliseconds']:10.4f} ms{mark}", flush=True)
    return rows


def machine() -> dict[str, Any]:
    """The processor, and the libraries that do the work."""
    import platform

    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "cpu": _cpu() or platform.processor() or platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "kernels": _kernels(),
        "libraries": {name: version for name in ("autograd", "jax", "torch") if (version := _version(name))},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def _kernels() -> str:
    """Which of its kernels OpenBLAS has chosen, as far as that can be told."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return os.environ.get("OPENBLAS_CORETYPE", "")
    return next((info["architecture"] for info in threadpool_info() if info.get("internal_api") == "openblas"), "")


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
