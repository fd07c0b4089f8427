"""The cache of data-stack chunks, where it cannot be had: the names of `_chunks.pyx`, which do nothing.

There is no condition that chooses between the two.  When `_chunks.pyx` is built, the import finds the extension first.
"""

from __future__ import annotations


def use_small_first_chunk() -> None:
    """Do nothing."""


def set_small_chunk_aside() -> bool:
    """Do nothing."""
    return False


def install(limit: int = 1024) -> bool:
    """Decline: only a compiled hook can be called without the GIL.

    Raises `ValueError` for a limit below 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1 chunk, not {limit!r}; to keep none, call uninstall()")
    return False


def uninstall() -> None:
    """Do nothing."""


def installed() -> bool:
    """False."""
    return False


def info() -> dict[str, int]:
    """Count nothing."""
    return dict.fromkeys(("hits", "misses", "cached", "limit", "small_hits", "small_misses", "small_cached"), 0)
