"""What the libuv loop must do beyond `test_loops.py`: keep pyuv from crashing, leaking and hanging."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest

from hublet.core._entry import Callback
from hublet.core.loops import READ, WRITE

pytest.importorskip("pyuv", reason="python -m hublet.core.loops.install_pyuv installs it")

from hublet.core.loops import _pyuv
from hublet.core.loops._pyuv import PyuvLoop

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc/self/fd")


@pytest.fixture
def loop() -> Iterator[PyuvLoop]:
    loop = PyuvLoop()
    yield loop
    loop.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def script(code: str) -> str:
    """Run *code*, with a loop and a socket that it watches, in an interpreter of its own; return what it prints."""
    prelude = """
        import gc, os, signal, socket, sys, threading
        from hublet.core._entry import Callback
        from hublet.core.loops import READ, WRITE, make_loop
        loop = make_loop("pyuv")
        ours, theirs = socket.socketpair()
        handle = loop.watch(ours.fileno())
        """
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", textwrap.dedent(prelude) + textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done
    assert not done.stderr, done
    return done.stdout.strip()


def test_a_closed_loop_is_not_kept():
    before = len(_pyuv._kept)
    loop = PyuvLoop()
    handle = loop.watch(socket.socketpair()[0].detach())
    handle.set_reader(Callback(print))
    loop.poll(0)
    assert len(_pyuv._kept) == before + 1

    loop.close()

    assert len(_pyuv._kept) == before
    os.close(handle.fd)


def test_what_is_not_watched_any_more_is_not_kept(loop: PyuvLoop, pair):
    (kept,) = [_pyuv._kept[loop._uv]]
    before = len(kept)
    for _ in range(100):
        loop.unwatch(loop.watch(pair[0].fileno()))

    loop.poll(0)

    assert len(kept) == before


@needs_proc
def test_hundreds_of_loops_leak_nothing(pair):
    before = len(os.listdir("/proc/self/fd"))

    for i in range(300):
        loop = PyuvLoop()
        handle = loop.watch(pair[0].fileno())
        handle.set_reader(Callback(print))
        loop.poll(0.0001 if i % 2 else 0)
        loop.close()
    del loop, handle

    assert len(os.listdir("/proc/self/fd")) == before


def test_loops_of_several_threads_at_once():
    def use() -> None:
        for _ in range(20):
            loop = PyuvLoop()
            ours, theirs = socket.socketpair()
            with ours, theirs:
                handle = loop.watch(ours.fileno())
                handle.set_reader(Callback(print))
                theirs.send(b"x")
                while handle.reader is not None:
                    loop.poll(5)
            loop.close()
        finished.append(None)

    finished: list[None] = []
    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(finished) == 8


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_exception_in_libuv_is_raised_outside_of_it(monkeypatch: pytest.MonkeyPatch, pair, kind: type[BaseException]):
    real, failing = _pyuv._callbacks, []

    def callbacks(stop, arrived, errors):
        note, *others = real(stop, arrived, errors)

        def fail(poll, events, error):
            if failing:
                raise failing.pop()
            note(poll, events, error)

        return fail, *others

    monkeypatch.setattr(_pyuv, "_callbacks", callbacks)
    loop = PyuvLoop()
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    handle.set_reader(Callback(print))
    theirs.send(b"x")
    raised = kind("in a callback")
    failing.append(raised)

    with pytest.raises(kind) as caught:
        loop.poll(10)

    assert caught.value is raised
    loop.poll(10)  # it is still readable
    assert handle.reader is None
    loop.close()


def test_a_timer_that_is_due_before_libuv_waits_ends_the_wait(loop: PyuvLoop):
    watchdog = threading.Timer(5, loop.wake)
    watchdog.start()
    started = time.monotonic()

    loop._timer.start(loop._over, 0.001, 0)
    time.sleep(0.02)
    loop._uv.run(_pyuv._ONCE)

    assert time.monotonic() - started < 5
    loop._timer.stop()
    watchdog.cancel()


def test_an_error_that_stays_does_not_spin_and_is_told_to_everybody_who_asks(loop: PyuvLoop):
    read_fd, write_fd = os.pipe()
    handle = loop.watch(write_fd)
    os.close(read_fd)

    for _ in range(3):
        handle.set_writer(Callback(print))
        loop.poll(5)
        assert handle.writer is None
    started = time.monotonic()
    loop.poll(0.05)

    assert time.monotonic() - started >= 0.05
    assert handle.armed & (READ | WRITE) == 0
    loop.unwatch(handle)
    os.close(write_fd)


def test_waiting_for_what_was_closed_against_the_rules_is_an_error_and_not_the_end_of_the_process():
    assert script("""
        loop.poll(0)
        ours.close()
        try:
            handle.set_reader(Callback(print))
        except OSError as error:
            print(error.errno, handle.reader)
        loop.poll(0)
        loop.unwatch(handle)
        loop.poll(0)
        loop.close()
        """).startswith("9 None")


def test_a_process_may_end_without_closing_its_loop():
    script("""
        handle.set_reader(Callback(print))
        loop.poll(0)
        """)


def test_a_process_may_end_with_a_cycle_through_its_loop():
    script("""
        handle.set_reader(Callback(loop.poll, (handle,)))
        loop.poll(0)
        del loop, handle
        """)


def test_a_loop_may_be_dropped_while_another_polls():
    script("""
        handle.set_reader(Callback(print))
        loop.poll(0)
        other = make_loop("pyuv")
        one, two = socket.socketpair()
        watched = other.watch(one.fileno())

        class Drops(Callback):
            def __del__(self):
                global loop, handle
                del loop, handle
                gc.collect()

        watched.set_reader(Drops(print))
        two.send(b"x")
        other.poll(5)
        assert "loop" not in globals()
        other.close()
        """)


def test_a_finalizer_that_collects_does_no_harm():
    script("""
        class Collects:
            def __del__(self):
                gc.collect()

        for _ in range(100):
            other = make_loop("pyuv")
            other._uv.attached, other._timer.attached = Collects(), Collects()
            other._wake.attached = Collects()
            watched = other.watch(ours.fileno())
            watched.data.attached = Collects()
            other.unwatch(watched)
            other.close()
        """)


@needs_fork
@pytest.mark.parametrize("cares", ["loop.after_fork()", "pass"])
@pytest.mark.parametrize("end", ["sys.exit(0)", "os._exit(0)", "del loop, handle; gc.collect(); sys.exit(0)"])
def test_a_child_may_end_as_it_likes(cares: str, end: str):
    script(f"""
        handle.set_reader(Callback(print))
        loop.poll(0)
        child = os.fork()
        if child == 0:
            {cares}
            {end}
        assert os.waitpid(child, 0)[1] == 0
        theirs.send(b"x")
        loop.poll(5)
        assert handle.reader is None
        """)


@needs_fork
def test_a_child_of_another_thread_may_end_as_it_likes():
    script("""
        handle.set_reader(Callback(print))
        loop.poll(0)

        def fork():
            child = os.fork()
            if child == 0:
                own = make_loop("pyuv")
                own.poll(0)
                global loop, handle
                del loop, handle
                gc.collect()
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0

        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        theirs.send(b"x")
        loop.poll(5)
        assert handle.reader is None
        """)


@needs_fork
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc/self/fd")
@pytest.mark.parametrize("cares", ["loop.after_fork()", "pass"])
def test_nothing_in_a_child_can_reach_the_kernels_set_of_the_parent(cares: str):
    assert script(f"""
        uv = loop._uv
        theirs_number = uv.fileno()
        child = os.fork()
        if child == 0:
            {cares}
            print(os.readlink(f"/proc/self/fd/{{theirs_number}}"), flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """) == os.devnull


@needs_fork
def test_a_long_line_of_children_goes_on():
    script("""
        for generation in range(20):
            child = os.fork()
            if child:
                assert os.waitpid(child, 0)[1] == 0
                os._exit(0)
            loop.after_fork()
            handle.set_reader(Callback(print))
            theirs.send(b"x")
            loop.poll(5)
            assert handle.reader is None
            ours.recv(10)
        os._exit(0)
        """)


@pytest.mark.skipif(not hasattr(signal, "SIGCHLD"), reason="needs signal.SIGCHLD")
def test_signals_and_children_are_left_to_others(loop: PyuvLoop):
    handler = signal.getsignal(signal.SIGCHLD)

    done = subprocess.run([sys.executable, "-c", ""], check=False)
    loop.poll(0)

    assert done.returncode == 0
    assert signal.getsignal(signal.SIGCHLD) == handler
