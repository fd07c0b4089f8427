"""What must be the interpreter's own, whatever is patched later: who the native thread is, and how it gives way.

And where an object is, which in Python makes an integer first.

`_native.pyx` is the same without a Python call, and is imported instead of this file where it was built.
"""

from __future__ import annotations

from hublet.core.patching import original

__all__ = ["address", "give_way", "thread_ident"]

compiled = False

thread_ident = original("_thread", "get_ident")
_sleep = original("time", "sleep")

address = id


def give_way() -> None:
    """Let other native threads run."""
    _sleep(0)
