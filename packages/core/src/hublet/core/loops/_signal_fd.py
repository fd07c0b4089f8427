"""CPython's wakeup descriptor (`signal.set_wakeup_fd`): how a signal ends a wait that has only just begun.

Signal handlers run between two lines of Python.  One that becomes due after the last line before a wait would have to wait
too, and where the system delivers a signal to another thread, or on Windows, nothing would interrupt the main thread at
all.  So a loop that is going to wait in the main thread lets CPython write to a descriptor of the loop's.

It is set for the length of a wait only and put back after it: asyncio and others set it too, and what they found there they
might put back when the loop is long closed and the number belongs to a file.  Where somebody else has set one it stays
theirs: signals still interrupt the wait, as they do everything in Python, save in the moment before it begins.
"""

from __future__ import annotations

from _signal import set_wakeup_fd  # `signal` proper takes 2 ms to import, for its enums

__all__ = ["begin", "end", "forget", "may_handle_signals"]

_ours = -1  # the descriptor that `begin` has set


def may_handle_signals() -> bool:
    """Say whether this is the thread that runs signal handlers: the main thread of the main interpreter."""
    try:
        set_wakeup_fd(-2)
    except ValueError:  # the wrong thread, which is looked at first
        return False
    except OSError:  # the wrong descriptor
        return True
    raise AssertionError("there is no descriptor -2")


def begin(fd: int) -> bool:
    """Let CPython write to *fd* when a signal arrives, and run the handlers that are due; say whether it will write.

    Only where `may_handle_signals`.  Raises what the handlers raise, and then nothing has begun.
    """
    global _ours
    known, _ours = _ours, fd  # first: should a handler raise right after the call, the next one still knows it as ours
    previous = set_wakeup_fd(fd)
    if previous not in (-1, known, fd):
        set_wakeup_fd(previous)
        _ours = -1
        return False
    try:
        # Asks CPython whether a handler is due.  Between two lines it only looks at a flag, which until 3.12 a signal that
        # comes at the wrong moment does not raise.
        repr(None)
    except BaseException:
        end()
        raise
    return True


def end() -> None:
    """Let CPython write nowhere again, after a `begin` that was true.  What a handler has set in the meantime stays."""
    global _ours
    current = set_wakeup_fd(-1)
    if current != _ours:
        set_wakeup_fd(current)
    _ours = -1


def forget() -> None:
    """In a forked child, undo what the parent's main thread had begun."""
    if _ours >= 0 and may_handle_signals():
        end()
