"""Everything in the standard library's `select`; `select`, `poll` and `epoll` are cooperative.

What other systems have beside those, `kqueue` and `devpoll`, is as it was: it blocks the native thread.
"""

from __future__ import annotations

import select as _stdlib

# Which looks by name what there is here, and some of that is to be removed.
import selectors as _  # noqa: F401

# A star, because what there is differs with platform and version, and type checkers are to see it.  Ours come after.
from select import *  # noqa: F403

from ._select import select

if hasattr(_stdlib, "poll"):
    from ._poll import poll  # type: ignore[assignment]  # noqa: F401

if hasattr(_stdlib, "epoll"):
    from ._poll import epoll  # type: ignore[assignment]  # noqa: F401

__all__ = ["select"]
__all__ += [name for name in vars(_stdlib) if not name.startswith("_") and name != "select"]
