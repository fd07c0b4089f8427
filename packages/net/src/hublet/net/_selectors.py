"""The selectors of the standard library, on our `select`, `poll` and `epoll`.

What a selector calls to wait is an attribute of its class.  A subclass with another is a cooperative selector, and so is
the class itself, with everything derived from it and imported by name, once that attribute is patched.
"""

from __future__ import annotations

import selectors as _stdlib
import sys
from typing import Any

from ._select import select

__all__ = ["DefaultSelector", "SelectSelector", "_select"]

if sys.platform == "win32":

    class SelectSelector(_stdlib.SelectSelector):
        """As `selectors.SelectSelector`; `select` parks."""

        __module__ = "hublet.net.selectors"

        def _select(self, r: Any, w: Any, _: Any, timeout: float | None = None) -> Any:
            # A connection that has failed is exceptional there, and to be told as writable.
            r, w, x = select(r, w, w, timeout)
            return r, w + x, []

    _select = SelectSelector._select
else:
    _select = staticmethod(select)

    class SelectSelector(_stdlib.SelectSelector):
        """As `selectors.SelectSelector`; `select` parks."""

        __module__ = "hublet.net.selectors"

        _select = staticmethod(select)


DefaultSelector: type[_stdlib.BaseSelector] = SelectSelector
"""The best of ours that there is."""

if hasattr(_stdlib, "PollSelector"):
    from ._poll import poll

    class PollSelector(_stdlib.PollSelector):
        """As `selectors.PollSelector`; `select` parks."""

        __module__ = "hublet.net.selectors"

        _selector_cls = poll

    DefaultSelector = PollSelector
    __all__.append("PollSelector")

if hasattr(_stdlib, "EpollSelector"):
    from ._poll import epoll

    class EpollSelector(_stdlib.EpollSelector):
        """As `selectors.EpollSelector`; `select` parks."""

        __module__ = "hublet.net.selectors"

        _selector_cls = epoll

    DefaultSelector = EpollSelector
    __all__.append("EpollSelector")
