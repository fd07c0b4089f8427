"""How long it takes to import core, beside gevent: the median of new processes, in turn, in milliseconds.

    python benchmarks/import_time.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys

MODULES = ("hublet.core", "gevent", "asyncio", "greenlet")
ROUNDS = 21

PROGRAM = """
import sys, time
before = time.perf_counter()
__import__(sys.argv[1])
print((time.perf_counter() - before) * 1000)
"""


def main() -> None:
    """Print the table."""
    taken: dict[str, list[float]] = {module: [] for module in MODULES}
    for _ in range(ROUNDS):
        for module in MODULES:
            command = [sys.executable, "-c", PROGRAM, module]
            taken[module].append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    ours = statistics.median(taken[MODULES[0]])
    print("| import | ms | ÷ hublet.core |\n|---|---|---|")
    for module in MODULES:
        median = statistics.median(taken[module])
        print(f"| {module} | {median:.1f} | {median / ours:.2f} |")


if __name__ == "__main__":
    main()
