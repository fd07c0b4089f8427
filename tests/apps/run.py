"""Run each program of `programs.py` under hublet against a real server, and compare 200 operations at once with one.

    python run.py [--way hublet|gevent|plain] [NAME ...]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from pathlib import Path

from programs import PROGRAMS
from servers import DELAY, SERVERS, Unavailable

HERE = Path(__file__).parent
LIMIT = 1.5  # how many times as long as one operation 200 may take
WAYS = {"hublet": ["-m", "hublet.monkey"], "gevent": ["-m", "gevent.monkey"], "plain": []}


def main() -> int:
    """Act on the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(PROGRAMS))
    parser.add_argument("--way", choices=WAYS, default="hublet")
    options = parser.parse_args()
    failed = []
    print("| program | one, s | 200 at once, s | |\n|---|---|---|---|")
    for kind in dict.fromkeys(PROGRAMS[name][1] for name in options.names):
        names = [name for name in options.names if PROGRAMS[name][1] == kind]
        with contextlib.ExitStack() as stack:
            try:
                facts = {"delay": DELAY, **stack.enter_context(SERVERS[kind]())}
            except Unavailable as error:
                for name in names:
                    print(f"| {name} | | | skipped: {error} |")
                continue
            for name in names:
                command = [sys.executable, *WAYS[options.way], str(HERE / "programs.py"), name, json.dumps(facts)]
                done = subprocess.run(command, capture_output=True, text=True, timeout=300)
                if done.returncode:
                    failed.append(name)
                    print(f"| {name} | | | failed |\n{done.stderr[-2000:]}")
                    continue
                took = json.loads(done.stdout.splitlines()[-1])
                slow = took["many"] > LIMIT * max(took["one"], DELAY)
                failed += [name] * slow
                print(f"| {name} | {took['one']:.2f} | {took['many']:.2f} | {'too slow' if slow else ''} |", flush=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
