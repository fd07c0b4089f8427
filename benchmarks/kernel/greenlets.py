"""The kernel's cases for the two libraries of greenlets, which have the same names for everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def nothing() -> None:
    """Do nothing."""


def resident_bytes() -> int:
    """Return how much memory of this process is resident."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def cases(lib: Any, event: Callable[[], Any]) -> dict[str, tuple[Callable[[int], Any], int]]:
    """Return the cases for *lib*, which has gevent's names; *event* makes an event."""

    def spawn_join(n: int) -> None:
        for _ in range(n):
            lib.spawn(nothing).join()

    def spawn_many(n: int) -> None:
        lib.joinall([lib.spawn(nothing) for _ in range(n)])

    def spawn_raw(n: int) -> None:
        spawn, sleep = lib.spawn_raw, lib.sleep
        for _ in range(n // 100):
            for _ in range(100):
                spawn(nothing)
            sleep(0)

    def sleep_among(n: int) -> None:
        def sleeper(times: int) -> None:
            sleep = lib.sleep
            for _ in range(times):
                sleep(0)

        lib.joinall([lib.spawn(sleeper, n // 100) for _ in range(100)])

    def sleep_beside_asyncio(n: int) -> None:
        import asyncio  # noqa: F401  # whose running loop is then looked after at each switch

        sleep_among(n)

    def sleep_alone(n: int) -> None:
        sleep = lib.sleep
        for _ in range(n):
            sleep(0)

    def timeout(n: int) -> None:
        make = lib.Timeout
        for _ in range(n):
            one = make(10)
            one.start()
            one.close()

    def timers(n: int) -> None:
        sleep = lib.sleep
        lib.joinall([lib.spawn(sleep, 0.001 + 0.5 * (i * 7919 % n) / n) for i in range(n)])

    def parked(n: int) -> float:
        waiting = event()

        def park() -> None:
            waiting.wait()

        lib.joinall([lib.spawn(nothing) for _ in range(100)])
        before = resident_bytes()
        greenlets = [lib.spawn(park) for _ in range(n)]
        lib.sleep(0)
        lib.sleep(0.01)
        used = resident_bytes() - before
        waiting.set()
        lib.joinall(greenlets)
        return used / n

    return {
        "spawn + join": (spawn_join, 30_000),
        "spawn 10,000, joinall": (spawn_many, 10_000),
        "spawn_raw": (spawn_raw, 30_000),
        "sleep(0), 100 greenlets": (sleep_among, 200_000),
        "the same, asyncio imported": (sleep_beside_asyncio, 200_000),
        "sleep(0), alone": (sleep_alone, 200_000),
        "Timeout start + close": (timeout, 200_000),
        "100,000 sleeps at once": (timers, 100_000),
        "bytes a parked function": (parked, 20_000),
    }
