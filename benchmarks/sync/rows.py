"""What the rows are called, how many operations one repetition does, and what is asked for."""

from __future__ import annotations

from typing import Any

GREENLETS = 10  # that contend
ITEMS = 10_000  # for pool.map

# By the method that does it: its name, the operations, and what the ratio to gevent has to be at least.
ROWS = {
    "event_ping_pong": ("Event ping-pong, round trip", 20_000, 5),
    "queue_1": ("Queue(1), item", 20_000, 10),
    "queue_100": ("Queue(100), item", 50_000, 1),
    "queue_unbounded": ("Queue, put + get", 100_000, 1.8),
    "queue_ping_pong": ("Queue ping-pong, round trip", 20_000, 5),
    "simple_queue": ("SimpleQueue, put + get", 100_000, 1),
    "lifo_queue": ("LifoQueue, put + get", 50_000, 1),
    "priority_queue": ("PriorityQueue, put + get", 50_000, 1),
    "channel": ("Channel, item", 20_000, 1),
    "semaphore_free": ("Semaphore, free", 200_000, 2.5),
    "semaphore_contended": ("Semaphore, contended", 20_000, 4),
    "rlock_free": ("RLock, free", 200_000, 3),
    "rlock_contended": ("RLock, contended", 20_000, 3.5),
    "result_set_get": ("AsyncResult, made, set, got", 100_000, 2),
    "result_switching": ("AsyncResult, asked and answered", 20_000, 4),
    "pool_map": ("pool.map, item", ITEMS, 7),
    "pool_imap_unordered": ("pool.imap_unordered, item", ITEMS, 1),
    "local_get_set": ("local, get + set", 200_000, 2.5),
}

ASKED = {name: asked for name, _, asked in ROWS.values()}


def cases(bench: Any) -> dict[str, tuple[Any, int]]:
    """Return the rows that *bench*, which has a method for each, can do."""
    return {name: (getattr(bench, row), operations) for row, (name, operations, _) in ROWS.items() if bench.has(row)}


def identity(i: int) -> int:
    """Return *i*."""
    return i
