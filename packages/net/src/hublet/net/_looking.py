"""Parking until one of several descriptors may be ready, beside whoever else waits for them.

`select` and its relatives ask the kernel whether anything is ready, and if nothing is, park here and ask again.  They
take nothing from a descriptor, so any number may look on at the same one, and one greenlet may read from it meanwhile.

Each descriptor is on the loop only while somebody waits for it, unless it is one of our sockets': whoever owns the
others closes them without telling us, and a registration that was left behind would be taken for that of the next
descriptor with the same number.

What the loop does not report, urgent data for one, is left to an epoll of the kernel's inside ours.
"""

from __future__ import annotations

import errno
import select as _stdlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hublet.core.errors import BlockingSwitchOutError
from hublet.core.lowlevel import (
    READ,
    WRITE,
    Handle,
    Waiter,
    add_onlooker,
    deadline_in,
    forget_fd,
    remove_onlooker,
    yield_now,
)
from hublet.core.patching import original

from ._handles import handle_of, hub_here

__all__ = ["find", "is_told_by_loop", "wanted_for"]

_Found = TypeVar("_Found")

_epoll: Any = original("select", "epoll", None)
_NAP = 0.05
"""Seconds after which to ask again where neither the loop nor an epoll can tell."""
_LOOK_AGAIN = 1.0
"""Seconds after which to ask again what only an epoll watches, which forgets what is closed without a word."""

_CREDIT = 32
_credit = _CREDIT


def _bits(*names: str) -> int:
    """Return the bits of those *names* that this platform has, together."""
    bits = 0
    for name in names:
        bits |= getattr(_stdlib, name, 0)
    return bits


# The numbers are poll(2)'s, which are epoll's too.
_READING = _bits("POLLIN", "POLLRDNORM", "POLLRDBAND")
_READ_END = _bits("POLLRDHUP")
_WRITING = _bits("POLLOUT", "POLLWRNORM", "POLLWRBAND")
_ALWAYS = _bits("POLLERR", "POLLHUP", "POLLNVAL")


def wanted_for(mask: int) -> int:
    """Return what to wait for on the loop if *mask*, of poll(2), is asked for: `READ`, `WRITE`, both, or 0 for neither."""
    return (READ if mask & _READING else 0) | (WRITE if mask & _WRITING else 0)


def is_told_by_loop(mask: int) -> bool:
    """Say whether the loop tells of all that *mask*, of poll(2), asks for."""
    if not mask & (_READING | _WRITING):
        return False  # errors and hang-ups it tells of with what is wanted; alone, it would tell of much else as well
    return not mask & ~(_READING | _WRITING | _ALWAYS | (_READ_END if mask & _READING else 0))


def find(
    ask: Callable[[], _Found],
    block: Callable[[], _Found],
    is_something: Callable[[_Found], object],
    interests: Callable[[Any], tuple[Mapping[int, int], Mapping[int, int], Mapping[int, Handle]]],
    timeout: float | None,
) -> _Found:
    """Return what *ask* finds, as soon as it is something, and at the latest after *timeout* seconds; 0 is not to wait.

    *ask* asks the kernel without waiting.  *block* does so waiting, for native threads without a hub.  *interests*
    returns, for this hub, for which descriptors `READ` or `WRITE` may make a difference; the masks of poll(2) for those of
    which the loop does not tell all; and the handles of those that are sockets of ours, which stay registered.

    Parks while nothing is found; not to wait lets others run once, and so does, now and then, always finding something.
    Raises `OSError(EBADF)` if one of the descriptors is closed meanwhile.
    """
    global _credit
    # Before anything else: to make a hub opens descriptors, and one of those may get the number of one that is closed.
    found = ask()
    if _credit and is_something(found):
        _credit -= 1
        return found
    hub = hub_here()
    if hub is None:
        return found if timeout == 0 or is_something(found) else block()
    if timeout == 0 or is_something(found):
        _credit = _CREDIT
        try:
            yield_now()
        except BlockingSwitchOutError:
            return found
        found = ask()
    if timeout == 0 or is_something(found):
        return found
    wanted, masks, owned = interests(hub)
    deadline = deadline_in(timeout)
    while not is_something(found):
        in_time = _look(hub, wanted, masks, owned, deadline)
        found = ask()
        if not in_time:
            break
    return found


def _look(
    hub: Any,
    wanted: Mapping[int, int],
    masks: Mapping[int, int],
    owned: Mapping[int, Handle],
    deadline: float | None,
) -> bool:
    """Park until any of the descriptors may be ready; false if *deadline* passed first."""
    inner = _make_epoll() if masks else None
    if inner is None:
        return _park(hub, wanted, owned, deadline, _NAP if masks else None)
    with inner:
        for fd, mask in masks.items():
            _add(inner, fd, mask)
        longest = None if all(fd in wanted for fd in masks) else _LOOK_AGAIN
        return _park(hub, {**wanted, inner.fileno(): READ}, owned, deadline, longest)


def _make_epoll() -> Any:
    """Return an epoll; `None` where there is none, or no descriptor for one."""
    try:
        return None if _epoll is None else _epoll()
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        return None


def _add(inner: Any, fd: int, mask: int) -> None:
    try:
        inner.register(fd, mask)
    except PermissionError:
        pass  # a regular file: what it always is, asking has told


def _park(
    hub: Any, wanted: Mapping[int, int], owned: Mapping[int, Handle], deadline: float | None, longest: float | None
) -> bool:
    """Park as `_look` does, but at most *longest* seconds; `None` is without limit."""
    waiter = Waiter(("any of the descriptors", sorted(wanted)))
    looking: list[Handle] = []
    try:
        for fd, events in wanted.items():
            handle = owned.get(fd)
            if handle is None or handle.loop is None:
                handle = _handle(hub, fd)
            if handle is None:
                continue
            looking.append(handle)
            if events & READ:
                add_onlooker(handle, READ, waiter)
            if events & WRITE:
                add_onlooker(handle, WRITE, waiter)
        soon = deadline_in(longest)
        if soon is None or deadline is not None and deadline <= soon:
            return waiter.park(deadline)
        waiter.park(soon)
        return True
    finally:
        for handle in looking:
            remove_onlooker(handle, READ, waiter)
            remove_onlooker(handle, WRITE, waiter)
            # Without a loop, it was taken off by whoever closed the descriptor, and the number may be another's now.
            if handle.loop is not None and handle.fd not in owned and _is_idle(handle):
                forget_fd(handle.fd)
        del waiter  # an error is kept in it, whose traceback would hold this frame


def _handle(hub: Any, fd: int) -> Handle | None:
    known: Handle | None = hub.scheduler.handles.get(fd)
    if known is not None and _is_idle(known):
        # Whether it is still the same descriptor, nobody knows; a socket of ours registers itself again.
        forget_fd(fd)
    try:
        return handle_of(hub, fd)
    except PermissionError:
        return None  # as in _add


def _is_idle(handle: Handle) -> bool:
    return handle.reader is None and handle.writer is None

