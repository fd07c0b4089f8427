"""How long `patch_all()` takes: CPU of a fresh interpreter that patches, less that of one that does nothing.

    python benchmarks/patch_time.py [rounds]
"""

from __future__ import annotations

import resource
import subprocess
import sys

PROGRAMS = {
    "python": "pass",
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "hublet": "from hublet import monkey; monkey.patch_all()",
}


def cpu(program: str) -> float:
    """Return the milliseconds of CPU that an interpreter takes for *program*."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Measure in turn, so that what else the machine does falls on all alike; the best of the rounds counts."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for program in PROGRAMS.values():
        cpu(program)  # compiles what is not compiled yet
    best = dict.fromkeys(PROGRAMS, float("inf"))
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            best[name] = min(best[name], cpu(program))
    gevent = best["gevent"] - best["python"]
    print("| | CPU, ms | beyond Python's own | against gevent |\n|---|---|---|---|")
    for name, took in best.items():
        own = took - best["python"]
        print(f"| {name} | {took:.0f} | {own:.0f} | {own / gevent:.2f} |")


if __name__ == "__main__":
    main()
