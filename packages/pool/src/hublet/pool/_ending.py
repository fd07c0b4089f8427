"""What a greenlet leaves behind in others is dropped when it ends, not when somebody lets go of its object.

A `Greenlet` tells of its end by a link, a native thread by dropping its thread-local objects, and with it ends its root
greenlet.  Raw greenlets tell nobody: for them, and for whatever ends without telling, the end is that the object is freed.
"""

from __future__ import annotations

from _weakref import ref  # as that of `weakref`, which is slower to import

from hublet.core.patching import original

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import _local as thread_local
    from collections.abc import Callable
    from typing import Any
else:
    thread_local = original("_thread", "_local")  # the interpreter's own: it may be one of ours by now

__all__ = ["Ending"]


class Ending:
    """Call ``store.forget(key)`` once *greenlet*, the current one, has ended.  Keeps neither of the two."""

    __slots__ = ("_greenlet", "_key", "_source", "_store")

    def __init__(self, store: Any, greenlet: Any, key: int) -> None:
        self._key = key
        self._source: Callable[[], Any] | None = None  # what tells of the end
        self._store: ref[Any] | None = ref(store, self._leave)
        if greenlet.parent is None:
            # Not even a weak reference: greenlet may free a root greenlet in another thread, at any time.
            self._greenlet = None
            source: Any = _end_of_thread()
        else:
            self._greenlet = ref(greenlet, self)
            source = greenlet
        if hasattr(source, "rawlink"):
            self._source = ref(source)
            source.rawlink(self)

    def __call__(self, greenlet: Any) -> None:
        store = None if self._store is None else self._store()
        self._leave(None)
        if store is not None:
            store.forget(self._key)

    def _leave(self, store: Any) -> None:
        """Listen no more: the store is gone."""
        source = None if self._source is None else self._source()
        self._source = self._greenlet = self._store = None  # each would keep itself alive through its callback
        if source is not None:
            source.unlink(self)


class _EndOfThread:
    """Lies among the locals of a native thread, and has links that are called when the interpreter drops those."""

    def __init__(self) -> None:
        self._links: set[Callable[[Any], object]] = set()
        self.rawlink = self._links.add
        self.unlink = self._links.discard

    def __del__(self) -> None:
        for link in list(self._links):
            link(self)


class _PerThread(thread_local):
    end: _EndOfThread | None = None


_per_thread = _PerThread()


def _end_of_thread() -> _EndOfThread:
    if _per_thread.end is None:
        _per_thread.end = _EndOfThread()
    return _per_thread.end
