"""The table of operations is there for all threads as soon as it is there for one."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, threading
import graphc

sys.setswitchinterval(1e-5)
failures = []

def compiled(k):
    try:
        graphc.compile(f"param x[N, D], w_{k}[D]\\nL = sum(gelu(tanh(x @ w_{k}))**2)", verify=False)
    except Exception as error:
        failures.append(error)

threads = [threading.Thread(target=compiled, args=(k,)) for k in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failures)
"""


def test_the_first_compiles_of_a_process_may_be_in_several_threads() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
