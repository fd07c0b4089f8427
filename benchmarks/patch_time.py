"""What patching costs at the start: CPU of a fresh interpreter that patches, less that of one that does not.

    python benchmarks/patch_time.py [rounds]

The first table is of a program that does nothing else, which is what `patch_all()` itself takes with the import of its
module.  hublet imports its replacements when the program imports what they replace, so the second table is of a program that
goes on to import `socket`, `ssl`, `threading` and `subprocess`: what was put off is seen there.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys

FIRST = {
    "python": "",
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "hublet": "from hublet import monkey; monkey.patch_all()",
}
THEN = {
    "and nothing else": "pass",
    "and a program that imports `socket`, `ssl`, `threading`, `subprocess`": "import socket, ssl, threading, subprocess",
}
# Otherwise what was not compiled when it was installed is compiled in every round.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def cpu(program: str) -> float:
    """Return the milliseconds of CPU that an interpreter takes for *program*."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Measure in turn, so that what else the machine does falls on all alike; the best of the rounds counts."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    programs = {(name, then): f"{FIRST[name]}\n{THEN[then]}" for then in THEN for name in FIRST}
    for program in programs.values():
        cpu(program)  # compiles what is not compiled yet
    best = dict.fromkeys(programs, float("inf"))
    for _ in range(rounds):
        for key, program in programs.items():
            best[key] = min(best[key], cpu(program))
    for then in THEN:
        print(f"| patching, {then} | CPU, ms | beyond Python's own | against gevent |\n|---|---|---|---|")
        python, gevent = best["python", then], best["gevent", then]
        for name in FIRST:
            own = best[name, then] - python
            print(f"| {name} | {best[name, then]:.1f} | {own:.1f} | {own / (gevent - python):.2f} |")
        print()


if __name__ == "__main__":
    main()
