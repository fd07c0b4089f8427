"""What must be the interpreter's own, whatever is patched later: who the native thread is, and how it gives way.

And where an object is, which in Python makes an integer first.

`_native.pyx` is the same without a Python call, and is imported instead of this file where it was built.
"""

from __future__ import annotations

from _thread import get_ident as thread_ident
from time import sleep as _sleep

__all__ = ["address", "give_way", "thread_ident"]

compiled = False

address = id


def give_way() -> None:
    """Let other native threads run."""
    _sleep(0)
