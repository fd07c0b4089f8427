"""Everything in the standard library's `signal`, with handlers that may park, and waiting that lets others run.

No signal is taken over, not SIGCHLD either: a program's own handlers and its `waitpid` see every child.
"""

from __future__ import annotations

import signal as _stdlib

# A star, because what there is differs with platform and version.  Ours come after.
from signal import *  # noqa: F403
from typing import Any

from ._handlers import getsignal, pause, signal

if hasattr(_stdlib, "sigtimedwait"):
    from ._handlers import sigtimedwait, sigwait, sigwaitinfo  # type: ignore[assignment]  # noqa: F401

__all__ = ["getsignal", "pause", "signal"]
__all__ += [name for name in dir(_stdlib) if not name.startswith("_") and name not in __all__]


def __getattr__(name: str) -> Any:
    return getattr(_stdlib, name)
