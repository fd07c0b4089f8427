"""A forked child has a hub that works, and its parent notices nothing."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable

import pytest

from hublet.core import Timeout, get_hub, getcurrent, joinall, reinit, sleep, spawn, spawn_later
from hublet.core._hub import in_main_thread
from hublet.core.lowlevel import (
    ParkingLot,
    Waiter,
    call_in_thread,
    deadline_in,
    leave_behind,
    notify_closing,
    wait_readable,
    wait_writable,
)
from hublet.core.testing import wait_all_parked

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    # Some of these tests have native threads, which is what they are about.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


class Child:
    """A forked child that runs a function; what that returns is printed into a pipe."""

    def __init__(self, function: Callable[[], object]) -> None:
        read_fd, write_fd = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(write_fd)
            self.fd = read_fd
            return
        status = 1
        try:
            signal.alarm(20)
            os.write(write_fd, repr(function()).encode())
            status = 0
        except BaseException:
            os.write(write_fd, traceback.format_exc().encode())
        finally:
            os._exit(status)

    def result(self) -> str:
        """Wait for its end, blocking, and return the repr of what the function returned."""
        printed = b""
        while part := os.read(self.fd, 65536):
            printed += part
        os.close(self.fd)
        _, status = os.waitpid(self.pid, 0)
        assert status == 0, printed.decode() or f"ended with status {status}"
        return printed.decode()


def in_child(function: Callable[[], object]) -> str:
    return Child(function).result()


# The child


def test_the_hub_works_in_the_child():
    def child() -> object:
        lot = ParkingLot()
        waiting = spawn(lambda: (lot.park(), "unparked")[1])
        sleep(0.0001)
        lot.unpark()
        with Timeout(0.0001, False):
            sleep(10)
        return waiting.get(), spawn(lambda: "spawned").get()

    assert in_child(child) == "('unparked', 'spawned')"


def test_a_process_without_a_hub_can_be_forked(script):
    printed = script(
        """
import os
from hublet.core import spawn

if os.fork() == 0:
    print(spawn(lambda: "child").get(), flush=True)
    os._exit(0)
os.wait()
print(spawn(lambda: "parent").get())
"""
    )

    assert printed.splitlines() == ["child", "parent"]


def test_forked_in_a_greenlet_the_child_goes_on_in_it():
    def body() -> str:
        here = getcurrent()

        def child() -> object:
            sleep(0.0001)
            other = spawn(lambda: "another")
            return getcurrent() is here, other.get()

        return in_child(child)

    assert spawn(body).get() == "(True, 'another')"


def test_greenlets_that_were_parked_go_on_in_parent_and_child():
    lot = ParkingLot()
    log = []
    greenlets = [spawn(lambda i=i: (lot.park(), log.append(i))) for i in range(3)]
    wait_all_parked()

    def child() -> object:
        lot.unpark_all()
        joinall(greenlets)
        return log

    assert in_child(child) == "[0, 1, 2]"
    assert log == []
    lot.unpark_all()
    joinall(greenlets)
    assert log == [0, 1, 2]


def test_deadlines_pass_in_parent_and_child():
    log = []
    greenlet = spawn_later(0.001, log.append, "passed")

    def child() -> object:
        greenlet.join()
        return log

    assert in_child(child) == "['passed']"
    greenlet.join()
    assert log == ["passed"]


def test_a_child_that_exits_in_a_greenlet_exits():
    """`SystemExit` surfaces in the main greenlet of the child, too."""

    def body() -> int:
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            sys.exit(7)
        return pid

    try:
        pid = spawn(body).get()
    except SystemExit as error:
        os._exit(error.code)

    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 7


def test_forked_in_the_hub_the_child_goes_on():
    results = []

    def callback() -> None:
        def child() -> object:
            get_hub().call_soon(waiter.unpark, "child")
            return "in the hub"

        results.append(in_child(child))

    waiter = Waiter()
    get_hub().call_soon(callback)
    wait_all_parked()

    assert results == ["'in the hub'"]


def test_a_child_of_a_child_works():
    def grandchild() -> object:
        return spawn(lambda: (sleep(0.0001), "grandchild")[1]).get()

    assert in_child(lambda: in_child(grandchild)) == repr(repr("grandchild"))


def test_the_thread_that_forked_is_the_main_one_of_the_child():
    results = []

    def body() -> None:
        sleep(0)
        results.append(in_main_thread())
        results.append(in_child(lambda: (in_main_thread(), get_hub().thread_ident == threading.get_ident())))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()

    assert results == [False, "(True, True)"]


def test_the_hub_of_another_thread_is_forgotten_in_the_child():
    """It stays behind with its thread; the child's only thread keeps its own."""
    started, go = threading.Event(), threading.Event()

    def body() -> None:
        spawn(sleep, 0.001).join()
        started.set()
        go.wait(10)

    thread = threading.Thread(target=body)
    thread.start()
    started.wait(10)

    def child() -> object:
        return get_hub() is mine, spawn(lambda: "works").get()

    mine = get_hub()
    try:
        assert in_child(child) == "(True, 'works')"
    finally:
        go.set()
        thread.join()


def test_reinit_may_be_called_by_hand_and_again():
    def child() -> object:
        reinit()
        reinit()
        sleep(0.0001)
        return spawn(lambda: "works").get()

    assert in_child(child) == "'works'"


def test_reinit_does_nothing_in_a_child_that_has_been_seen_to():
    def child() -> object:
        go, under_way = threading.Event(), threading.Event()
        calling = spawn(call_in_thread, lambda: (under_way.set(), go.wait(10), "result")[2])
        wait_all_parked()
        under_way.wait(10)
        reinit()
        go.set()
        return calling.get()

    assert in_child(child) == "'result'"


def test_reinit_makes_the_hub_usable_in_a_process_that_was_forked_by_other_means(script):
    printed = script(
        """
import ctypes, os, signal
from hublet.core import Timeout, reinit, sleep, spawn
from hublet.core.lowlevel import wait_readable

read_fd, write_fd = os.pipe()
reader = spawn(wait_readable, read_fd)
sleep(0)
if ctypes.CDLL(None).fork() == 0:  # tells Python nothing
    signal.alarm(20)
    reinit()
    os.write(write_fd, b"x")
    print("child", reader.get(), flush=True)
    os.read(read_fd, 1)
    os._exit(0)
os.wait()
with Timeout(0.001, False):
    reader.join()
print(reader.ready())
os.write(write_fd, b"x")
print("parent", reader.get())
"""
    )

    assert printed.splitlines() == ["child True", "False", "parent True"]


def test_reinit_in_the_parent_is_harmless(socketpair):
    ours, theirs = socketpair
    reader = spawn(wait_readable, ours.fileno())
    wait_all_parked()

    reinit()
    theirs.send(b"x")

    assert reader.get() is True


def test_reinit_in_the_parent_does_not_forget_its_worker_threads():
    go, under_way = threading.Event(), threading.Event()
    calling = spawn(call_in_thread, lambda: (under_way.set(), go.wait(10), "result")[2])
    wait_all_parked()
    under_way.wait(10)
    size = get_hub().threadpool.size

    reinit()
    go.set()

    assert calling.get() == "result"
    assert get_hub().threadpool.size == size


def test_reinit_in_another_thread_of_the_parent_leaves_the_main_thread_the_main_one():
    seen = []
    thread = threading.Thread(target=lambda: (reinit(), seen.append(in_main_thread())))
    thread.start()
    thread.join()

    assert seen == [False]
    assert in_main_thread()


# Descriptors


def test_who_waits_for_a_descriptor_goes_on_waiting_in_the_child(socketpair):
    ours, theirs = socketpair
    reader = spawn(wait_readable, ours.fileno())
    wait_all_parked()

    def child() -> object:
        sleep(0)
        assert not reader.ready()
        theirs.send(b"x")
        result = reader.get()
        ours.recv(1)
        return result

    assert in_child(child) == "True"
    assert wait_readable(theirs.fileno(), deadline_in(0)) is False
    theirs.send(b"y")
    assert reader.get() is True


@pytest.mark.parametrize("how", ["closes", "waits", "exits"])
def test_what_the_child_does_with_a_descriptor_does_not_touch_what_the_parent_registered(socketpair, how: str):
    ours, theirs = socketpair
    fd = ours.fileno()
    reader = spawn(wait_readable, fd)
    wait_all_parked()

    def child() -> object:
        if how == "closes":
            notify_closing(fd)
            os.close(fd)
        elif how == "waits":
            wait_writable(fd)
            with Timeout(0.0001, False):
                reader.join()
        sleep(0.0001)
        return None

    assert in_child(child) == "None"
    theirs.send(b"x")
    with Timeout(10):
        assert reader.get() is True
    for _ in range(2):  # and it stays registered
        ours.recv(10)
        reader = spawn(wait_readable, fd)
        wait_all_parked()
        theirs.send(b"y")
        with Timeout(10):
            assert reader.get() is True


def test_a_descriptor_of_the_child_is_not_mistaken_for_the_parents_of_the_same_number():
    """As it would be if both polled one and the same epoll set."""
    written, done = os.pipe(), os.pipe()
    number = os.dup(written[0])  # a number to be used by both

    def wait_for_a_pipe() -> tuple[object, int]:
        read_fd, write_fd = os.pipe()
        os.dup2(read_fd, number)
        os.close(read_fd)
        reader = spawn(wait_readable, number)
        sleep(0.0001)
        return reader, write_fd

    def child() -> object:
        reader, write_fd = wait_for_a_pipe()
        os.write(write_fd, b"x")
        os.write(written[1], b"x")
        os.read(done[0], 1)
        return reader.get()

    talking = Child(child)
    reader, write_fd = wait_for_a_pipe()
    os.read(written[0], 1)
    for _ in range(5):
        sleep(0.0001)
    mistaken = reader.ready()
    os.write(done[1], b"x")

    assert talking.result() == "True"
    assert not mistaken
    os.write(write_fd, b"x")
    assert reader.get() is True
    for fd in (*written, *done, number, write_fd):
        notify_closing(fd)
        os.close(fd)


def test_parent_and_child_may_talk_to_each_other(socketpair):
    ours, theirs = socketpair

    def receive(end) -> bytes:
        wait_readable(end.fileno())
        return end.recv(100)

    def child() -> object:
        heard = []
        for _ in range(10):
            heard.append(receive(theirs))
            theirs.send(b"answer")
        return len(heard)

    talking = Child(child)
    with Timeout(10):
        for _ in range(10):
            ours.send(b"question")
            assert receive(ours) == b"answer"
    assert talking.result() == "10"


def test_waking_the_child_does_not_wake_the_parent():
    """The descriptor by which threads wake a hub is not shared."""

    def child() -> object:
        waiter = Waiter()
        threading.Timer(0.001, waiter.unpark, ("woken",)).start()
        waiter.park()
        return waiter.value

    talking = Child(child)
    with Timeout(10):
        result = call_in_thread(talking.result)

    assert result == "'woken'"


# Worker threads


def test_worker_threads_start_anew_in_the_child():
    assert call_in_thread(lambda: "parent") == "parent"

    def child() -> object:
        with Timeout(10):
            return [call_in_thread(abs, -i) for i in range(3)]

    assert in_child(child) == "[0, 1, 2]"


def test_a_call_that_was_under_way_fails_in_the_child_and_goes_on_in_the_parent():
    go, under_way = threading.Event(), threading.Event()

    def call() -> str:
        under_way.set()
        go.wait(10)
        return "result"

    calling = spawn(call_in_thread, call)
    wait_all_parked()
    under_way.wait(10)

    def child() -> object:
        get_hub().exception_stream = open(os.devnull, "w")
        calling.join(5)
        return type(calling.exception).__name__, "fork" in str(calling.exception), get_hub().scheduler.outside

    assert in_child(child) == "('RuntimeError', True, 0)"
    go.set()
    assert calling.get() == "result"


def test_a_call_whose_result_was_on_its_way_gets_it_in_the_child():
    calling = spawn(call_in_thread, lambda: "result")
    sleep(0)
    ring = get_hub().scheduler.ready
    while not ring:  # blocking: the hub must not come to it
        time.sleep(0.001)

    assert in_child(calling.get) == "'result'"
    assert calling.get() == "result"


def test_calls_that_waited_for_a_thread_are_made_in_the_child():
    hub = get_hub()
    before = hub.threadpool
    go, under_way = threading.Event(), threading.Event()
    from hublet.core._threads import Workers

    hub.threadpool = Workers(hub, 1)
    try:
        first = spawn(call_in_thread, lambda: (under_way.set(), go.wait(10)))
        second = spawn(call_in_thread, lambda: "second")
        wait_all_parked()
        under_way.wait(10)

        def child() -> object:
            get_hub().exception_stream = open(os.devnull, "w")
            with Timeout(5):
                return second.get(), first.ready() or first.join(5) or first.ready()

        assert in_child(child) == "('second', True)"
        go.set()
        assert second.get() == "second"
        first.join()
    finally:
        hub.threadpool.close()
        hub.threadpool = before


def test_the_child_can_tell_that_nothing_is_left(script):
    printed = script(
        """
import os, threading
from hublet.core import LoopExit, spawn
from hublet.core.lowlevel import Waiter, call_in_thread

go = threading.Event()
spawn(call_in_thread, go.wait, 10)
call_in_thread(int)
if os.fork() == 0:
    import signal, sys
    signal.alarm(20)
    sys.stderr = open(os.devnull, "w")
    try:
        Waiter().park()
    except LoopExit:
        print("nothing left", flush=True)
    os._exit(0)
os.wait()
go.set()
""",
        "-W",
        "ignore",
    )

    assert printed == "nothing left"


# Greenlets that stay behind


def test_greenlets_that_are_left_behind_never_go_on():
    ran = []
    lot = ParkingLot()
    reader, writer = os.pipe()

    def sleeps():
        try:
            sleep(0.005)
        finally:
            ran.append("slept")

    def waits():
        try:
            lot.park()
        finally:
            ran.append("woken")

    def reads():
        try:
            wait_readable(reader)
        finally:
            ran.append("read")

    def yields():
        try:
            sleep(0)
        finally:
            ran.append("was ready")

    greenlets = [spawn(function) for function in (sleeps, waits, reads)]
    wait_all_parked()
    greenlets.append(spawn(yields))
    greenlets.append(spawn(ran.append, "started"))
    other = spawn(sleep, 0.01)

    def child():
        leave_behind(greenlets)
        os.write(writer, b"x")
        sleep(0.02)
        lot.unpark_all()
        other.get()
        gc.collect()
        return ran

    assert in_child(child) == "[]"
    lot.unpark_all()
    joinall([*greenlets, other])
    assert sorted(ran) == ["read", "slept", "started", "was ready", "woken"]
    os.close(reader)
    os.close(writer)
