"""Callbacks that are told when something becomes ready.

A callback runs in the hub of the thread that linked it, wherever the event comes from; if that thread has no hub, in the hub of
the thread where the event happens; and if that has none either, right there.  It runs once and is unlinked by that.
Until it runs it can be unlinked.

The links of an object are a plain list: appending, removing and looking for an item are single steps of C that nothing can
come between, and a link that two threads fire is taken out of the list by one of them only.
"""

from __future__ import annotations

from hublet.core.lowlevel import Waiter, get_hub_if_exists, report_fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Link", "Wake", "fire", "link", "unlink"]


class Link:
    """A callback to be called with *source*, once."""

    __slots__ = ("callback", "hub", "while_ready")

    def __init__(self, source: Any, callback: Callable[[Any], object], while_ready: bool) -> None:
        scheduler = Waiter(source).scheduler
        self.callback = callback
        self.hub: Any = None if scheduler is None else scheduler.greenlet
        self.while_ready = while_ready

    def fire(self, source: Any, links: list[Any]) -> None:
        """Let the callback be called soon.  Never switches."""
        hub = self.hub or get_hub_if_exists()
        if hub is None:
            self.run(source, links)
        else:
            hub.call_soon_threadsafe(self.run, source, links)

    def run(self, source: Any, links: list[Any]) -> None:
        """Call the callback, unless it was unlinked meanwhile, or waits for a *source* that is ready at that moment."""
        if self.while_ready and not source.ready():
            return
        try:
            links.remove(self)
        except ValueError:
            return
        try:
            self.callback(source)
        except BaseException as error:
            report_fault((self.callback, source), error, self.hub)


class Wake:
    """A waiter that is woken as links are."""

    __slots__ = ("waiter",)

    def __init__(self, waiter: Waiter) -> None:
        self.waiter = waiter

    def fire(self, source: Any, links: list[Any]) -> None:
        """Wake it.  Never switches."""
        self.waiter.unpark()


def link(source: Any, links: list[Any], callback: Callable[[Any], object], while_ready: bool = False) -> None:
    """Add a callback to *links*, the list of *source*.

    With *while_ready* it is called only if *source* is still ready when its turn comes, and stays linked otherwise.
    """
    if not callable(callback):
        raise TypeError(f"a link must be callable, not {callback!r}")
    links.append(Link(source, callback, while_ready))
    if source.ready():
        fire(source, links)


def unlink(links: list[Any], callback: Callable[[Any], object]) -> None:
    """Remove the first link to *callback*; nothing happens if there is none."""
    for each in list(links):
        if isinstance(each, Link) and each.callback == callback:
            try:
                links.remove(each)
            except ValueError:
                continue  # it was called, or unlinked by another thread, this very moment
            return


def fire(source: Any, links: list[Any]) -> None:
    """Tell all of *links* that *source* is ready.  Never switches."""
    for each in list(links):
        each.fire(source, links)
