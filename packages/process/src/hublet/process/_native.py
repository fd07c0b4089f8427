"""What blocks a native thread and is meant to, taken before anything is patched."""

from _thread import allocate_lock

__all__ = ["allocate_lock"]
