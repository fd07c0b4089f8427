"""Does every item arrive exactly once, when native threads full of greenlets share one bounded queue?

    python benchmarks/celery_shaped.py [--items 1000000] [--threads 8] [--greenlets 1000] [--room 1000]

A producer greenlet puts numbers into a bounded queue.  The consumers are native threads, each with a hub of its own and many
greenlets.  Each number must be got once, every consumer must find the end, and what a greenlet got must be in order.
"""

from __future__ import annotations

import argparse
import threading
import time

from hublet.core import joinall, spawn
from hublet.sync import Queue, ShutDown


def run(items: int, threads: int, greenlets: int, room: int) -> float:
    """Return the seconds that it took; raise `AssertionError` if anything is lost, doubled or out of order."""
    queue: Queue[int] = Queue(room)
    got = bytearray(items)
    failures: list[str] = []
    working: list[int] = []

    def consume() -> None:
        last = -1
        while True:
            try:
                item = queue.get()
            except ShutDown:
                return
            if item <= last:
                failures.append(f"{item} after {last}")
            if got[item]:
                failures.append(f"{item} twice")
            got[item] = 1
            last = item
            queue.task_done()

    def consumers() -> None:
        all_of_them = [spawn(consume) for _ in range(greenlets)]
        joinall(all_of_them, raise_error=True)
        working.append(sum(each.successful() for each in all_of_them))

    def produce() -> None:
        for item in range(items):
            queue.put(item)
        queue.join()
        queue.shutdown()

    natives = [threading.Thread(target=consumers, daemon=True) for _ in range(threads)]
    began = time.monotonic()
    for each in natives:
        each.start()
    spawn(produce).get()
    for each in natives:
        each.join(60)
    took = time.monotonic() - began
    assert not failures, failures[:10]
    assert got.count(1) == items, f"{items - got.count(1)} items were lost"
    assert working == [greenlets] * threads, f"only {working} greenlets found the end"
    assert queue.unfinished_tasks == 0 and queue.empty()
    return took


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--greenlets", type=int, default=1000)
    parser.add_argument("--room", type=int, default=1000)
    options = parser.parse_args()
    took = run(options.items, options.threads, options.greenlets, options.room)
    print(f"{options.items} items, each once, through {options.threads} threads × {options.greenlets} greenlets: {took:.1f} s")


if __name__ == "__main__":
    main()
