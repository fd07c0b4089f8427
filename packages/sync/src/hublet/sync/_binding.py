"""What `with` costs beside the lock: the interpreter makes two bound methods, and drops them again.

`_binding.pyx` is the same where methods are in C, and is imported instead of this file where it was built.
"""

from __future__ import annotations

__all__ = ["bind_quickly"]


def bind_quickly(cls: type) -> None:
    """Nothing to do: what binds a function of Python is the interpreter's own."""
