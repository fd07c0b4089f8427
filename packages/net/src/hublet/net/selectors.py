"""Everything in the standard library's `selectors`; its selectors are cooperative, on `hublet.net.select`.

`KqueueSelector` and `DevpollSelector`, where they exist, are as they were; `DefaultSelector` is none of them.
"""

from __future__ import annotations

import selectors as _stdlib

# A star, because what there is differs with platform and version, and type checkers are to see it.  Ours come after.
from selectors import *  # noqa: F403

from ._selectors import DefaultSelector, SelectSelector  # type: ignore[assignment]

if hasattr(_stdlib, "PollSelector"):
    from ._selectors import PollSelector  # noqa: F401

if hasattr(_stdlib, "EpollSelector"):
    from ._selectors import EpollSelector  # noqa: F401

__all__ = ["DefaultSelector", "SelectSelector"]
__all__ += [name for name in vars(_stdlib) if not name.startswith("_") and name not in __all__]
