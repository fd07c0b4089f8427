"""The floor: the same switches with bare greenlets and no scheduler at all."""

from __future__ import annotations

from greenlet import getcurrent, greenlet
from greenlets import nothing, resident_bytes


def spawn_join(n: int) -> None:
    """Make a greenlet and let it run to its end."""
    for _ in range(n):
        greenlet(nothing).switch()


def sleep_among(n: int) -> None:
    """Switch through a ring of 100 greenlets."""
    ring: list[greenlet] = []
    main = getcurrent()

    def sleeper(i: int) -> None:
        main.switch()
        following = ring[(i + 1) % 100]
        for _ in range(n // 100):
            following.switch()
        main.switch()

    ring += [greenlet(sleeper) for _ in range(100)]
    for i, each in enumerate(ring):
        each.switch(i)
    ring[0].switch()


def parked(n: int) -> float:
    """Park a function in each of many greenlets."""
    main = getcurrent()

    def park() -> None:
        main.switch()

    before = resident_bytes()
    greenlets = [greenlet(park) for _ in range(n)]
    for each in greenlets:
        each.switch()
    used = resident_bytes() - before
    for each in greenlets:
        each.switch()
    return used / n


CASES = {
    "spawn + join": (spawn_join, 30_000),
    "spawn_raw": (spawn_join, 30_000),
    "sleep(0), 100 greenlets": (sleep_among, 200_000),
    "bytes a parked function": (parked, 20_000),
}
