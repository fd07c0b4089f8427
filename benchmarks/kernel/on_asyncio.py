"""The kernel's cases on asyncio's tasks."""

from __future__ import annotations

import asyncio
from typing import Any


async def nothing() -> None:
    """Do nothing."""


async def spawn_join(n: int) -> None:
    """Make a task and await it."""
    for _ in range(n):
        await asyncio.create_task(nothing())


async def spawn_many(n: int) -> None:
    """Make many tasks and await them all."""
    await asyncio.gather(*[asyncio.create_task(nothing()) for _ in range(n)])


async def sleep_among(n: int) -> None:
    """Give way to others."""

    async def sleeper(times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(0)

    await asyncio.gather(*[sleeper(n // 100) for _ in range(100)])


async def sleep_alone(n: int) -> None:
    """Give way to nobody."""
    for _ in range(n):
        await asyncio.sleep(0)


async def timeout(n: int) -> None:
    """Start and cancel a timer."""
    loop = asyncio.get_running_loop()
    for _ in range(n):
        loop.call_later(10, nothing).cancel()


async def timers(n: int) -> None:
    """Sleep in many tasks at once."""
    await asyncio.gather(*[asyncio.sleep(0.001 + 0.5 * (i * 7919 % n) / n) for i in range(n)])


def run_case(function: Any, n: int) -> Any:
    """Run a case in a new loop."""
    return asyncio.run(function(n))


CASES = {
    "spawn + join": (spawn_join, 30_000),
    "spawn 10,000, joinall": (spawn_many, 10_000),
    "sleep(0), 100 greenlets": (sleep_among, 200_000),
    "sleep(0), alone": (sleep_alone, 200_000),
    "Timeout start + close": (timeout, 200_000),
    "100,000 sleeps at once": (timers, 100_000),
}
