"""`time.sleep` for greenlets, with the argument checks of the original."""

from __future__ import annotations

from ._spawn import sleep as _sleep

__all__ = ["sleep"]


def sleep(seconds: float, /) -> None:
    """Let other greenlets run for *seconds*.  Parks.  As `time.sleep`: a negative number is a `ValueError`."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    _sleep(seconds)
