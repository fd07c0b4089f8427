"""What type checkers make of the classes that carry values, as users write it.  mypy reads this; nothing runs it.

Where a line has to be an error, the comment says which: mypy, being strict, objects to one that is not needed.
"""

from __future__ import annotations

from typing_extensions import assert_type

from hublet.core import Greenlet, spawn
from hublet.pool import Future, Outcome, Pool, TaskGroup, ThreadPool, ThreadPoolExecutor, local
from hublet.sync import (
    AsyncResult,
    Channel,
    JoinableQueue,
    LifoQueue,
    PriorityQueue,
    Queue,
    Receiver,
    Sender,
    SimpleQueue,
    UnboundQueue,
    open_channel,
)


def spell(number: int) -> str:
    return str(number)


def queues_carry_their_items() -> None:
    queue: Queue[int] = Queue()
    queue.put(1)
    queue.put("one")  # type: ignore[arg-type]
    assert_type(queue.get(), int)
    for each in (LifoQueue[int](), PriorityQueue[int](), SimpleQueue[int](), Channel[int]()):
        assert_type(each.get(), int)
    for other in (JoinableQueue[int](), UnboundQueue[int]()):
        other.put("one")  # type: ignore[arg-type]
        assert_type(other.get(), int)


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


def task_groups_carry_what_their_function_returns() -> None:
    with TaskGroup() as group:
        assert_type(group.spawn(spell, 1), Greenlet[str])


def threads_carry_what_their_function_returns() -> None:
    assert_type(ThreadPool(2).spawn(spell, 1), Outcome[str])
    assert_type(ThreadPool(2).spawn(spell, 1).get(), str)
    assert_type(ThreadPoolExecutor(2).submit(spell, 1), Future[str])
    assert_type(ThreadPoolExecutor(2).submit(spell, 1).result(), str)


class Request(local):
    """What is different in every greenlet has the types that its class says."""

    def __init__(self, path: str) -> None:
        self.path = path


def attributes_of_greenlets_carry_their_values() -> None:
    request = Request("/")
    assert_type(request, Request)
    assert_type(request.path, str)
    request.path = 1  # type: ignore[assignment]
    Request(1)  # type: ignore[arg-type]


def channels_carry_their_items() -> None:
    sender: Sender[int]
    receiver: Receiver[int]
    sender, receiver = open_channel(3)
    sender.send("one")  # type: ignore[arg-type]
    assert_type(receiver.receive(), int)
