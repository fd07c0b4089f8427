"""Signals: handlers may wait, their errors reach the main greenlet, and SIGCHLD stays the program's."""

from __future__ import annotations

import os
import signal as stdlib
from threading import get_ident

import pytest

from hublet.core import Timeout, getcurrent, sleep, spawn
from hublet.core.lowlevel import call_in_thread
from hublet.core.testing import wait_all_parked
from hublet.process import os as cooperative_os
from hublet.process import signal, subprocess


@pytest.fixture(autouse=True)
def handlers():
    """Put back what was set before."""
    sleep(0)  # makes the hub: a handler cannot, if it comes while that is being made
    before = {number: stdlib.getsignal(number) for number in (stdlib.SIGUSR1, stdlib.SIGALRM, stdlib.SIGCHLD)}
    yield
    stdlib.setitimer(stdlib.ITIMER_REAL, 0)
    for number, handler in before.items():
        stdlib.signal(number, handler)


def test_a_handler_is_known_by_what_was_set():
    def handler(number, frame):
        pass

    before = signal.signal(signal.SIGUSR1, handler)

    assert before is stdlib.SIG_DFL
    assert signal.getsignal(signal.SIGUSR1) is handler
    assert signal.signal(signal.SIGUSR1, signal.SIG_DFL) is handler


def test_what_is_no_handler_is_refused_as_ever():
    for wrong in ("text", 99, None):
        with pytest.raises((TypeError, ValueError)):
            stdlib.signal(signal.SIGUSR1, wrong)
        with pytest.raises((TypeError, ValueError)):
            signal.signal(signal.SIGUSR1, wrong)


def test_a_handler_may_wait_though_everybody_waited_when_the_signal_came():
    called = []

    def handler(number, frame):
        sleep(0.001)
        called.append(number)

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    while not called:
        sleep(0.01)

    assert called == [signal.SIGALRM]


class TooLong(Exception):
    pass


def raise_too_long(number, frame):
    raise TooLong


def test_what_a_handler_raises_ends_the_wait_of_the_main_greenlet():
    signal.signal(signal.SIGALRM, raise_too_long)
    signal.setitimer(signal.ITIMER_REAL, 0.01)

    with pytest.raises(TooLong):
        sleep(60)


def test_a_signal_that_comes_in_another_greenlet_raises_in_the_main_one():
    signal.signal(signal.SIGUSR1, raise_too_long)
    other = spawn(lambda: (os.kill(os.getpid(), signal.SIGUSR1), repr(None), "went on")[-1])

    with pytest.raises(TooLong):
        sleep(60)

    assert other.get() == "went on"


def test_a_signal_in_the_main_greenlet_is_handled_there():
    seen = []
    signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(getcurrent()))

    signal.raise_signal(signal.SIGUSR1)

    assert seen == [getcurrent()]


def test_pause_ends_when_the_next_signal_has_been_handled():
    handled = []
    signal.signal(signal.SIGUSR1, lambda number, frame: (sleep(0), handled.append(number)))
    pausing = spawn(lambda: (signal.pause(), list(handled))[1])
    wait_all_parked()
    assert not pausing.ready()

    os.kill(os.getpid(), signal.SIGUSR1)

    assert pausing.get() == [signal.SIGUSR1]


def test_a_blocked_signal_can_be_waited_for():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        waiting = spawn(signal.sigwait, [signal.SIGUSR1])
        assert signal.sigtimedwait([signal.SIGUSR1], 0.01) is None
        signal.pthread_kill(get_ident(), signal.SIGUSR1)  # to this thread, which alone blocks it
        assert waiting.get() is signal.SIGUSR1
        signal.pthread_kill(get_ident(), signal.SIGUSR1)  # to this thread, which alone blocks it
        assert signal.sigwaitinfo([signal.SIGUSR1]).si_pid == os.getpid()
        with pytest.raises(ValueError):
            signal.sigtimedwait([signal.SIGUSR1], -1)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])


def test_handlers_that_are_there_already_are_adopted(monkeypatch):
    from hublet.process._handlers import adopt

    stdlib.signal(signal.SIGALRM, raise_too_long)
    adopt()
    signal.setitimer(signal.ITIMER_REAL, 0.01)

    with pytest.raises(TooLong):
        sleep(60)
    assert signal.getsignal(signal.SIGALRM) is raise_too_long
    assert stdlib.getsignal(signal.SIGINT) is stdlib.default_int_handler


def test_adopting_in_another_thread_changes_nothing():
    from hublet.process._handlers import adopt

    stdlib.signal(signal.SIGALRM, raise_too_long)
    call_in_thread(adopt)

    assert stdlib.getsignal(signal.SIGALRM) is raise_too_long


@pytest.mark.parametrize("owner", ["hooked", "default", "ignored"])
def test_children_are_waited_for_whoever_owns_sigchld(owner, python):
    seen = []
    handler = {"hooked": lambda number, frame: seen.append(number), "default": signal.SIG_DFL, "ignored": signal.SIG_IGN}
    signal.signal(signal.SIGCHLD, handler[owner])
    child = subprocess.Popen(python("import sys; sys.exit(3)"))

    with Timeout(30):
        status = child.wait()

    assert status == (0 if owner == "ignored" else 3)  # as with the standard library: the kernel has forgotten it
    assert bool(seen) is (owner == "hooked")
    assert signal.getsignal(signal.SIGCHLD) is handler[owner]


def test_a_handler_of_sigchld_that_reaps_leaves_nothing_to_waitpid(gate):
    reaped = []
    told, tell = os.pipe()

    def handler(number, frame):
        reaped.append(os.waitpid(-1, os.WNOHANG)[0])
        os.write(tell, b".")

    signal.signal(signal.SIGCHLD, handler)
    child = subprocess.Popen(gate.python("GATE"), pass_fds=gate.inner)
    waiting = spawn(cooperative_os.waitpid, child.pid, 0)
    wait_all_parked()
    gate.open()
    os.read(told, 1)  # lets no greenlet run, so that the handler comes first

    with pytest.raises(ChildProcessError), Timeout(30):
        waiting.get()
    assert reaped == [child.pid]
    assert child.wait() == 0
    os.close(told)
    os.close(tell)
