"""Waiting for descriptors that are not our sockets: those of C libraries, of pipes, of whatever has a `fileno`.

They are registered for one wait and forgotten after it.  Whoever owns them closes them without telling us, and a
registration that was left behind would be taken for that of the next descriptor with the same number.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from hublet.core.lowlevel import (
    READ,
    WRITE,
    Handle,
    deadline_in,
    forget_fd,
    get_hub_if_exists,
    wait_for_either,
    wait_on_handle,
    waiters_in,
)

from ._handles import closed_error, handle_of, hub_here
from ._original import block_until_ready

__all__ = ["cancel_wait", "wait_read", "wait_readwrite", "wait_write"]


Raisable: TypeAlias = "BaseException | type[BaseException]"


class HasFileno(Protocol):
    """Anything with a descriptor."""

    def fileno(self) -> int:
        """Return the descriptor."""


def wait_read(fileno: int | HasFileno, timeout: float | None = None, timeout_exc: Raisable | None = None) -> None:
    """Park until *fileno*, a descriptor or an object that has one, is readable, at its end, or in error.

    Raises *timeout_exc* after *timeout* seconds, by default ``TimeoutError("timed out")``; a *timeout* of `None` is
    without limit.  Raises `OSError(EBADF)` if the descriptor is not open or one of our sockets closes it meanwhile, and
    `ConcurrentObjectUseError` if another greenlet waits for the same.
    """
    _wait(fileno, READ, timeout, timeout_exc)


def wait_write(fileno: int | HasFileno, timeout: float | None = None, timeout_exc: Raisable | None = None) -> None:
    """Park until *fileno* is writable or in error.  Otherwise as `wait_read`."""
    _wait(fileno, WRITE, timeout, timeout_exc)


def wait_readwrite(fileno: int | HasFileno, timeout: float | None = None, timeout_exc: Raisable | None = None) -> None:
    """Park until *fileno* is readable, or writable, or both.  Otherwise as `wait_read`."""
    _wait(fileno, READ | WRITE, timeout, timeout_exc)


def cancel_wait(fileno: int | HasFileno, error: BaseException | None = None) -> None:
    """Wake whoever waits for *fileno* in this thread by raising *error* there, by default `OSError(EBADF)`.

    Never switches.  Nothing happens if nobody waits.
    """
    hub = get_hub_if_exists()
    if hub is None:
        return
    try:
        handle = handle_of(hub, _number(fileno))
    except OSError:
        return  # not open, hence not waited for
    for waiter in waiters_in(handle.reader) + waiters_in(handle.writer):
        waiter.fail(closed_error() if error is None else error)
    _forget_if_idle(handle)


def _number(fileno: int | HasFileno) -> int:
    return fileno if isinstance(fileno, int) else fileno.fileno()


def _wait(fileno: int | HasFileno, events: int, timeout: float | None, timeout_exc: Any) -> None:
    fd = _number(fileno)
    if fd < 0:
        raise closed_error()
    deadline = deadline_in(timeout)
    # What was ready before now is not reported again by an edge-triggered loop, so ask first.
    if not block_until_ready(fd, events, 0.0) and not _wait_until(fd, events, deadline):
        raise TimeoutError("timed out") if timeout_exc is None else timeout_exc


def _wait_until(fd: int, events: int, deadline: float | None) -> bool:
    hub = hub_here()
    if hub is None:
        return block_until_ready(fd, events, deadline)
    handle = handle_of(hub, fd)
    try:
        if events == READ | WRITE:
            return wait_for_either(handle, deadline)
        return wait_on_handle(handle, events, deadline)
    finally:
        _forget_if_idle(handle)


def _forget_if_idle(handle: Handle) -> None:
    # A socket of ours that shares the handle registers itself again.
    if handle.loop is not None and handle.reader is None and handle.writer is None:
        forget_fd(handle.fd)
