"""Run CPython's own tests plainly, under hublet and under gevent, and compare.

    python run.py [--ways plain,hublet,gevent] [--without FEATURE] [--only PATTERN] [--keep FOLDER] [--also FOLDER]
        [--with-epoll] [MODULE ...]

Each module runs in an interpreter of its own.  A test that hangs for a minute or crashes it counts as lost, and the rest goes
on after it; so does an interrupted run whose results are kept.  A test counts if it passes plainly.  Fails if less than 97 %
of those pass under hublet, if hublet loses more than gevent, or if it loses one that `losses.txt` does not give a reason for.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

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
LIMIT = 1200  # seconds for one module in one way, after which what is left of it counts as lost


class Outcome(NamedTuple):
    """What became of a test, and why."""

    word: str = "missing"
    detail: str = ""

    def __str__(self) -> str:
        last = self.detail.strip().splitlines()[-1:] or [""]
        return f"{self.word}: {last[0][:200]}"


def exists(module: str) -> bool:
    """Say whether there are tests of *module* here."""
    code = f"import one_module, importlib.util, sys; sys.exit(importlib.util.find_spec('test.test_{module}') is None)"
    return subprocess.run([sys.executable, "-c", code], cwd=HERE).returncode == 0


def run(command: list[str], module: str, pattern: str, path: Path) -> dict[str, Outcome]:
    """Run the tests of *module* whose names match *pattern*; return what became of each.  Results are kept at *path*."""
    deadline = time.monotonic() + LIMIT
    size = -1
    # Each time that it hangs or crashes, once more with what is left; without a new result, no more.
    while size != (size := path.stat().st_size if path.exists() else 0) and not is_finished(path):
        with tempfile.TemporaryDirectory() as cwd, open(path.with_suffix(".log"), "ab") as log:
            try:
                subprocess.run(
                    [sys.executable, *command, str(HERE / "one_module.py"), f"test.test_{module}", str(path), pattern],
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"},
                    timeout=max(1.0, deadline - time.monotonic()),
                    check=False,
                )
            except subprocess.TimeoutExpired:
                break
    return read(path)


def is_finished(path: Path) -> bool:
    """Say whether the results at *path* are complete."""
    return path.exists() and '["", "finished", ""]' in path.read_text()


def read(path: Path) -> dict[str, Outcome]:
    """Return the results at *path*, by the name of the test."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        name, word, detail = json.loads(line)
        found[name] = Outcome("hangs or crashes" if word == "begun" else word, detail)
    found.pop("", None)
    return found


def reasons() -> dict[str, str]:
    """Return the losses that are known on this version of Python, as patterns, each with its reason."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = {}
    reason = ""
    for line in (HERE / "losses.txt").read_text().splitlines():
        if line.lstrip().startswith("# ") or not line.strip():
            continue
        if not line.startswith(" "):
            reason = line.strip()
            continue
        pattern, _, versions = line.strip().partition(" ")
        if not versions or python in versions.split():
            found[pattern] = reason
    return found


def compare(
    modules: list[str], commands: dict[str, list[str]], only: str, folder: Path
) -> tuple[dict[str, int], dict[str, Outcome]]:
    """Run *modules* in all ways and print a row for each; return how many pass in each way, and what hublet loses."""
    totals = dict.fromkeys(commands, 0)
    lost: dict[str, Outcome] = {}
    print(f"| module | {' | '.join(commands)} |\n|---|{'---|' * len(commands)}")
    for module in modules:
        if not exists(module):
            print(f"| {module} | not installed with this Python |{' |' * (len(commands) - 1)}", flush=True)
            continue
        counting: list[str] = []
        cells = []
        for way, command in commands.items():
            results = run(command, module, only or PATTERNS.get(module, ""), folder / f"{way}-{module}.jsonl")
            if way == "plain":
                counting = [name for name, outcome in results.items() if outcome.word == "ok"]
            missed = {name: results.get(name, Outcome()) for name in counting}
            missed = {name: outcome for name, outcome in missed.items() if outcome.word != "ok"}
            if way == "hublet":
                lost.update(missed)
            totals[way] += len(counting) - len(missed)
            cells.append(str(len(counting) - len(missed)))
        print(f"| {module} | {' | '.join(cells)} |", flush=True)
    cells = [f"{passed} ({100 * passed / (totals['plain'] or 1):.2f} %)" for passed in totals.values()]
    print(f"| **all** | {' | '.join(cells)} |\n")
    return totals, lost


def explain(lost: dict[str, Outcome]) -> int:
    """Print what is lost by its reasons; return how much has none."""
    known = reasons()
    by_reason: dict[str, list[str]] = {}
    for name, outcome in sorted(lost.items()):
        reason = next((reason for pattern, reason in known.items() if re.search(pattern, name)), "Without a reason.")
        by_reason.setdefault(reason, []).append(f"{name}: {outcome}" if reason == "Without a reason." else name)
    for reason, names in by_reason.items():
        print("\n    ".join([reason, *names]))
    return len(by_reason.get("Without a reason.", ()))


def main() -> int:
    """Act on the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--ways", default="plain,hublet,gevent", help="among those, plain first")
    parser.add_argument("--without", action="append", default=[], help="what hublet is not to patch, for instance thread")
    parser.add_argument("--only", default="", help="only tests whose name has this in it, a regular expression")
    parser.add_argument("--keep", type=Path, help="where results are; what is there is not run again")
    parser.add_argument("--also", default="", help="where more of the package `test` is, if this Python comes without some")
    parser.add_argument("--with-epoll", action="store_true", help="under hublet, give `select` back an epoll: that of hublet")
    options = parser.parse_args()
    os.environ["WITH_EPOLL"] = "1" if options.with_epoll else ""
    os.environ["MORE_OF_TEST"] = options.also
    folder = options.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    commands = {way: WAYS[way] for way in options.ways.split(",")}
    commands["hublet"] = WAYS["hublet"] + [f"--no-{feature}" for feature in options.without]
    print(f"Python {sys.version.split()[0]}\n")
    totals, lost = compare(options.modules, commands, options.only, folder)
    unexplained = explain(lost)
    return bool(unexplained or totals["hublet"] < NEEDED * totals["plain"] or totals["hublet"] < totals.get("gevent", 0))


if __name__ == "__main__":
    sys.exit(main())
