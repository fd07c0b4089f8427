"""The cooperative `select`: the standard library's own, asked without waiting until there is something."""

from __future__ import annotations

import errno
import operator
import os
import select as _stdlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from hublet.core.lowlevel import READ, WRITE, Handle
from hublet.core.patching import original

from ._handles import closed_error, register
from ._looking import find
from ._socket import socket

__all__ = ["number_of", "select"]

# Taken now, like everything in here: patching replaces it.
_select: Any = original("select", "select")
_poll: Any = original("select", "poll", None)

_LARGEST = 1024  # FD_SETSIZE, on every system that has poll(2) beside it
_LONGEST = 9.2e9  # seconds: all that the C functions take
_WRONG = object()

Lists: TypeAlias = "tuple[list[Any], list[Any], list[Any]]"


def number_of(fileobj: Any) -> int:
    """Return the descriptor of *fileobj*, which the functions in C have accepted already."""
    return fileobj if isinstance(fileobj, int) else fileobj.fileno()


def select(
    rlist: Iterable[Any], wlist: Iterable[Any], xlist: Iterable[Any], timeout: float | None = None, /
) -> Lists:
    """As `select.select`, but for descriptors of any number where there is `poll`.

    Parks, at most *timeout* seconds; `None` is without limit, and 0 lets others run before it asks.  Any number of
    greenlets may select the same descriptors, also while others read and write there.  Raises as the original, and
    `OSError(EBADF)` if one of our sockets among them is closed meanwhile.  In a native thread that has no hub, other
    than the main one, it blocks that thread.
    """
    # What is iterated over once only would be empty when asked for again.  A list is left to be what it is.
    lists: list[Any] = [each if isinstance(each, (list, tuple)) else _as_tuple(each) for each in (rlist, wlist, xlist)]
    seconds = _seconds(timeout)
    if seconds is _WRONG:
        return _select(*lists, timeout)  # type: ignore[no-any-return]
    has_waited = False

    def ask() -> Lists:
        try:
            return _ask(lists, 0)
        except ValueError:
            if has_waited and any(number_of(each) < 0 for some in lists for each in some):
                raise closed_error() from None  # it was open
            raise

    def interests(hub: Any) -> tuple[dict[int, int], dict[int, int], dict[int, Handle]]:
        nonlocal has_waited
        has_waited = True
        return _interests(lists, hub)

    return find(ask, lambda: _ask(lists, seconds), any, interests, seconds)


def _seconds(timeout: Any) -> Any:
    """Return *timeout* as the original understands it, and `_WRONG` if that has an error for it."""
    if timeout is None or isinstance(timeout, float) and 0 <= timeout < _LONGEST:
        return timeout
    try:
        seconds = operator.index(timeout)
    except TypeError:
        return _WRONG
    return seconds if 0 <= seconds < _LONGEST else _WRONG


def _interests(lists: Sequence[Any], hub: Any) -> tuple[dict[int, int], dict[int, int], dict[int, Handle]]:
    wanted: dict[int, int] = {}
    owned: dict[int, Handle] = {}
    for some, event in zip(lists, (READ, WRITE)):
        for each in some:
            fd = number_of(each)
            wanted[fd] = wanted.get(fd, 0) | event
            if isinstance(each, socket) and (each._hub is None or each._hub is hub):
                handle = register(each)
                if handle is not None:
                    owned[fd] = handle
    return wanted, {number_of(each): getattr(_stdlib, "POLLPRI", 0) for each in lists[2]}, owned


def _as_tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    try:
        return tuple(values)
    except TypeError:
        raise TypeError("arguments 1-3 must be sequences") from None


def _ask(lists: Sequence[Any], timeout: float | None) -> Lists:
    try:
        return _select(*lists, timeout)  # type: ignore[no-any-return]
    except ValueError:
        if _poll is None or not any(number_of(each) >= _LARGEST for some in lists for each in some):
            raise
    return _ask_beyond(lists, timeout)


def _ask_beyond(lists: Sequence[Any], timeout: float | None) -> Lists:
    """Ask poll(2) about descriptors that select(2) has no room for.

    What counts as readable, writable and exceptional is Linux's own table, in `fs/select.c`.
    """
    readable, writable = _stdlib.POLLIN | _stdlib.POLLHUP | _stdlib.POLLERR, _stdlib.POLLOUT | _stdlib.POLLERR
    masks: dict[int, int] = {}
    for some, mask in zip(lists, (_stdlib.POLLIN, _stdlib.POLLOUT, _stdlib.POLLPRI)):
        for each in some:
            masks[number_of(each)] = masks.get(number_of(each), 0) | mask
    poller = _poll()
    for fd, mask in masks.items():
        poller.register(fd, mask)
    found: dict[int, int] = dict(poller.poll(None if timeout is None else timeout * 1000))
    if any(mask & _stdlib.POLLNVAL for mask in found.values()):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    told = zip(lists, (readable, writable, _stdlib.POLLPRI))
    one, two, three = ([each for each in some if found.get(number_of(each), 0) & bits] for some, bits in told)
    return one, two, three
