"""Run the same cases on several peers, in turn, and print the medians side by side.

A benchmark is a folder with a module ``on_PEER.py`` for each peer.  Each has ``CASES``: name -> (function, operations), where
``function(operations)`` does that many.  That of the first peer may have ``ASKED``: name -> what gevent's figure is to
be at least, in units of the first's.  Every measurement is a process of its own, and the rounds go through the peers in
turn, so that what disturbs the machine disturbs all of them.  The figure is CPU time (user and system) per operation,
because this is what a program pays and what a busy machine changes least; the best of the repetitions inside one process
counts, and the median of the rounds is printed.  Each process goes on for the same time at least: where a machine is slow for a
tenth of a second now and then, the fastest peer would be over before it had one good moment.

    python benchmarks/compare.py kernel --peers hublet gevent asyncio uvloop raw --rounds 5
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
PEERS = ("hublet", "gevent", "asyncio", "uvloop", "raw")


def load(folder: str, peer: str) -> ModuleType:
    """Import the module of *peer* in *folder*."""
    spec = importlib.util.spec_from_file_location(f"{folder}_{peer}", HERE / folder / f"on_{peer}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(HERE / folder))
    spec.loader.exec_module(module)
    return module


def measure_here(folder: str, peer: str, case: str, repetitions: int, seconds: float) -> float:
    """Return the least nanoseconds of CPU time that an operation took."""
    module = load(folder, peer)
    function, operations = module.CASES[case]
    runner = getattr(module, "run_case", lambda function, operations: function(operations))
    best = float("inf")
    ends = time.monotonic() + seconds
    while repetitions > 0 or time.monotonic() < ends:
        repetitions -= 1
        before = time.process_time_ns()
        value = runner(function, operations)
        spent = time.process_time_ns() - before
        if isinstance(value, float):
            return value  # not time but bytes, which only the first repetition takes from the system
        best = min(best, spent / operations)
    return best


def measure(folder: str, peer: str, case: str, repetitions: int, seconds: float) -> float | None:
    """Measure in a new process; `None` if the peer does not have the case, or is not installed."""
    at_least = ["--repetitions", str(repetitions), "--seconds", str(seconds)]
    command = [sys.executable, __file__, folder, "--one", peer, case, *at_least]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 3:
        return None
    if done.returncode != 0:
        print(f"{peer} {case} failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return float(json.loads(done.stdout))


def main() -> int:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--peers", nargs="+", help="those of the folder, if not given")
    parser.add_argument("--cases", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repetitions", type=int, default=3, help="in one process, at least")
    parser.add_argument("--seconds", type=float, default=0.5, help="of one process, at least")
    parser.add_argument("--one", nargs=2, metavar=("PEER", "CASE"), help="measure one, print it as JSON")
    options = parser.parse_args()
    if options.one:
        peer, case = options.one
        try:
            print(json.dumps(measure_here(options.folder, peer, case, options.repetitions, options.seconds)))
        except (ImportError, KeyError) as error:
            print(f"{peer} has no {case}: {error!r}", file=sys.stderr)
            return 3
        return 0
    peers = options.peers or [peer for peer in PEERS if (HERE / options.folder / f"on_{peer}.py").exists()]
    first = load(options.folder, peers[0])
    cases = options.cases or list(first.CASES)
    results: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.rounds):
        for case in cases:
            for peer in peers:
                figure = measure(options.folder, peer, case, options.repetitions, options.seconds)
                if figure is not None:
                    results.setdefault((case, peer), []).append(figure)
    show(cases, peers, results, getattr(first, "ASKED", {}))
    return 0


def show(
    cases: list[str], peers: list[str], results: dict[tuple[str, str], list[float]], asked: dict[str, float]
) -> None:
    """Print a Markdown table: the medians, how many times the first peer's figure each other one is, and what is asked for."""
    print(f"CPython {platform.python_version()}, {platform.machine()}\n")
    others = peers[1:]
    columns = ["", *peers, *[f"{peer} ÷ {peers[0]}" for peer in others], *(["asked for"] if asked else [])]
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    for case in cases:
        medians = {peer: statistics.median(results[case, peer]) for peer in peers if (case, peer) in results}
        ours = medians.get(peers[0])
        row = [f"{medians[peer]:,.0f}" if peer in medians else "–" for peer in peers]
        row += [f"{medians[peer] / ours:.2f}" if peer in medians and ours else "–" for peer in others]
        row += [str(asked.get(case, ""))] if asked else []
        print(f"| {case} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    sys.exit(main())
