"""What becomes of hubs in a forked child: the one of the thread that forked lives on, on a loop of its own."""

from __future__ import annotations

import os

from ._hub import get_hub_if_exists, set_main_thread
from ._native import get_ident

__all__ = ["reinit"]

_pid = os.getpid()


def reinit() -> None:
    """Make the hub of this thread usable in a forked child.  Never switches.

    Called by itself in children of `os.fork`; call it if the process was forked by other means.  A hub that waits for
    descriptors goes on waiting for them; what the parent registered is not touched.  In a process in which that was done
    already, and in one that was not forked, it does nothing.
    """
    if os.getpid() != _pid:
        _after_fork()


def _after_fork() -> None:
    global _pid
    _pid = os.getpid()
    set_main_thread()
    hub = get_hub_if_exists()
    if hub is not None:
        hub.scheduler.thread_ident = get_ident()
        hub.loop.after_fork()
        hub.forget_watchdogs()
        for workers in hub.workers():
            workers.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
