"""The cooperative `select`: the standard library's own, asked without waiting until there is something."""

from __future__ import annotations

import errno
import operator
import os
import select as _stdlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from hublet.core.lowlevel import READ, WRITE

from ._handles import hub_here
from ._looking import give_way, look_until

__all__ = ["number_of", "select"]

# Taken now, like everything in here: patching replaces it.
_select: Any = _stdlib.select
_poll: Any = getattr(_stdlib, "poll", None)

_LARGEST = 1024  # FD_SETSIZE, on every system that has poll(2) beside it
_LONGEST = 9.2e9  # seconds: all that the C functions take

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
    hub = hub_here()
    if hub is None or not _is_time_to_wait(timeout):
        if hub is not None:
            give_way(always=True)
        return _ask((rlist, wlist, xlist), timeout)
    # What is iterated over once only would be empty when asked for again.  A list is left to be what it is.
    lists: list[Any] = [each if isinstance(each, (list, tuple)) else _as_tuple(each) for each in (rlist, wlist, xlist)]
    give_way(always=False)
    found = _ask(lists, 0)
    if any(found):
        return found
    wanted: dict[int, int] = {}
    for each in lists[0]:
        wanted[number_of(each)] = READ
    for each in lists[1]:
        wanted[number_of(each)] = wanted.get(number_of(each), 0) | WRITE
    urgent = {number_of(each): getattr(_stdlib, "POLLPRI", 0) for each in lists[2]}
    seconds: float | None = timeout if timeout is None or isinstance(timeout, float) else operator.index(timeout)
    return look_until(lambda: _ask(lists, 0), any, hub, wanted, urgent, seconds)


def _is_time_to_wait(timeout: Any) -> bool:
    """Say whether *timeout* is one for which to wait; if not, it is 0, or the original has an error for it."""
    if timeout is None:
        return True
    if not isinstance(timeout, float):
        try:
            timeout = operator.index(timeout)
        except TypeError:
            return False
    return bool(0 < timeout < _LONGEST)


def _as_tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    try:
        return tuple(values)
    except TypeError:
        raise TypeError("arguments 1-3 must be sequences") from None


def _ask(lists: Sequence[Any], timeout: Any) -> Lists:
    try:
        return _select(*lists, timeout)  # type: ignore[no-any-return]
    except ValueError:
        if timeout != 0 or _poll is None or not any(number_of(each) >= _LARGEST for some in lists for each in some):
            raise
    return _ask_beyond(*lists)


def _ask_beyond(rlist: Any, wlist: Any, xlist: Any) -> Lists:
    """Ask poll(2), without waiting, about descriptors that select(2) has no room for.

    What counts as readable, writable and exceptional is Linux's own table, in `fs/select.c`.
    """
    readable, writable = _stdlib.POLLIN | _stdlib.POLLHUP | _stdlib.POLLERR, _stdlib.POLLOUT | _stdlib.POLLERR
    asked = [(rlist, _stdlib.POLLIN, readable), (wlist, _stdlib.POLLOUT, writable), (xlist, *[_stdlib.POLLPRI] * 2)]
    masks: dict[int, int] = {}
    for fileobjs, mask, _ in asked:
        for each in fileobjs:
            fd = number_of(each)
            masks[fd] = masks.get(fd, 0) | mask
    poller = _poll()
    for fd, mask in masks.items():
        poller.register(fd, mask)
    found: dict[int, int] = dict(poller.poll(0))
    if any(mask & _stdlib.POLLNVAL for mask in found.values()):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    one, two, three = ([each for each in some if found.get(number_of(each), 0) & bits] for some, _, bits in asked)
    return one, two, three
