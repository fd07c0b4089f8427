"""What type checkers make of the classes that carry values, as users write it.  mypy reads this; nothing runs it.

Where a line has to be an error, the comment says which: mypy, being strict, objects to one that is not needed.
"""

from __future__ import annotations

from typing_extensions import assert_type

from hublet.core import Greenlet, spawn
from hublet.pool import Pool
from hublet.sync import AsyncResult, Channel, LifoQueue, PriorityQueue, Queue, Receiver, Sender, SimpleQueue, open_channel


def spell(number: int) -> str:
    return str(number)


def queues_carry_their_items() -> None:
    queue: Queue[int] = Queue()
    queue.put(1)
    queue.put("one")  # type: ignore[arg-type]
    assert_type(queue.get(), int)
    for each in (LifoQueue[int](), PriorityQueue[int](), SimpleQueue[int](), Channel[int]()):
        assert_type(each.get(), int)


def results_carry_their_value() -> None:
    result = AsyncResult[str]()
    result.set(1)  # type: ignore[arg-type]
    assert_type(result.get(), str)


def greenlets_carry_what_their_function_returns() -> None:
    assert_type(spawn(spell, 1), Greenlet[str])
    assert_type(spawn(spell, 1).get(), str)
    spawn(spell, "one")  # type: ignore[arg-type]
    spawn(spell, 1, 2)  # type: ignore[call-arg]


class Overriding(Greenlet[str]):
    """What a greenlet runs may be overridden as a method, and called as one."""

    def run(self) -> None:
        super().run()
        Greenlet.run(self)


def pools_carry_what_their_function_returns() -> None:
    pool = Pool(2)
    assert_type(pool.map(spell, [1]), list[str])
    pool.map(spell, ["one"])  # type: ignore[arg-type]
    assert_type(next(pool.imap_unordered(spell, [1])), str)


def channels_carry_their_items() -> None:
    sender: Sender[int]
    receiver: Receiver[int]
    sender, receiver = open_channel(3)
    sender.send("one")  # type: ignore[arg-type]
    assert_type(receiver.receive(), int)
