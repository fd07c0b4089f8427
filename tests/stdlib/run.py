"""Run CPython's own tests plainly, under hublet and under gevent, and compare.

    python run.py [--ways plain,hublet,gevent] [--keep FOLDER] [MODULE ...]

Each module runs in an interpreter of its own; a test that hangs for a minute or crashes it counts as lost, and the rest
goes on.  A test counts if it passes plainly.  Fails if less than 97 % of those pass under hublet, if hublet loses more
than gevent, or if it loses one that `losses.txt` does not give a reason for.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
WAYS = {
    "plain": [],
    "hublet": ["-m", "hublet.monkey"],
    "gevent": ["-m", "gevent.monkey"],
}
MODULES = """
socket ssl select poll epoll selectors threading thread threadedtempfile threading_local threadsignals queue subprocess
signal httplib httpservers urllib urllib2 urllib2_localnet ftplib smtplib imaplib poplib socketserver wsgiref xmlrpc logging
concurrent_futures asyncio sched timeout contextlib fork1 wait3 wait4 popen multiprocessing_fork multiprocessing_spawn
""".split()
# Of the long ones, those that show whether it works at all.
WORKS_AT_ALL = r"WithProcessesTest(Process|Queue|Lock|Condition|Event|Semaphore|Connection|Pool\b)|WithThreadsTestPool"
PATTERNS = dict.fromkeys(("multiprocessing_fork", "multiprocessing_spawn"), WORKS_AT_ALL)
NEEDED = 0.97


def exists(module: str) -> bool:
    """Say whether this Python has the tests of *module*."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('test.test_{module}') is None)"
    return subprocess.run([sys.executable, "-c", code]).returncode == 0


def run(way: str, module: str, folder: Path) -> dict[str, tuple[str, str]]:
    """Run the tests of one module in one way; return what became of each, and why."""
    path = folder / f"{way}-{module}.jsonl"
    for _ in range(40):  # each time it hangs or crashes, once more
        if path.exists() and '["", "finished", ""]' in path.read_text():
            break
        with tempfile.TemporaryDirectory() as cwd, open(folder / f"{way}-{module}.log", "ab") as log:
            command = [sys.executable, *WAYS[way], str(HERE / "one_module.py"), f"test.test_{module}", str(path)]
            begun = path.stat().st_size if path.exists() else 0
            subprocess.run(
                [*command, PATTERNS.get(module, "")],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"},
                timeout=1800,
                check=False,
            )
            if begun == (path.stat().st_size if path.exists() else 0):
                break
    found: dict[str, tuple[str, str]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        name, outcome, detail = json.loads(line)
        found[name] = ("hangs or crashes" if outcome == "begun" else outcome, detail)
    found.pop("", None)
    return found


def reasons(python: str) -> dict[str, str]:
    """Return the losses that are known on this version of Python, as patterns, each with its reason."""
    found = {}
    reason = ""
    for line in (HERE / "losses.txt").read_text().splitlines():
        if line.startswith("# ") or not line.strip():
            continue
        if not line.startswith(" "):
            reason = line.strip()
            continue
        pattern, _, versions = line.strip().partition(" ")
        if not versions or python in versions.split():
            found[pattern] = reason
    return found


def main() -> int:
    """Act on the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--ways", default="plain,hublet,gevent")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    ways = options.ways.split(",")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    known = reasons(python)
    totals = dict.fromkeys(["plain", *ways], 0)
    unexplained = []
    print(f"Python {sys.version.split()[0]}\n\n| module | {' | '.join(ways)} |\n|---|{'---|' * len(ways)}")
    for module in filter(exists, options.modules):
        results = {way: run(way, module, folder) for way in ways}
        counting = [name for name, (outcome, _) in results.get("plain", {}).items() if outcome == "ok"]
        cells = []
        for way in ways:
            passed = [name for name in counting if results[way].get(name, ("missing", ""))[0] == "ok"]
            totals[way] += len(passed)
            cells.append(str(len(passed)))
            if way == "hublet":
                lost = sorted(set(counting) - set(passed))
                unexplained += [(name, results[way].get(name, ("missing", ""))) for name in lost if not explained(name, known)]
        print(f"| {module} | {' | '.join(cells)} |", flush=True)
    plain = totals["plain"] or 1
    print(f"| **all** | {' | '.join(f'{totals[way]} ({100 * totals[way] / plain:.2f} %)' for way in ways)} |\n")
    for name, (outcome, detail) in unexplained:
        last = detail.strip().splitlines()[-1:] or [""]
        print(f"lost without a reason: {name}: {outcome}: {last[0][:200]}")
    if "hublet" not in ways:
        return 0
    return bool(unexplained or totals["hublet"] < NEEDED * plain or totals["hublet"] < totals.get("gevent", 0))


def explained(name: str, known: dict[str, str]) -> bool:
    """Say whether there is a reason for losing the test *name*."""
    return any(re.search(pattern, name) for pattern in known)


if __name__ == "__main__":
    sys.exit(main())
