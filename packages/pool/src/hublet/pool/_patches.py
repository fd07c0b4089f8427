"""What pool replaces in the standard library: what each thread has for itself."""

from __future__ import annotations

from hublet.core.patching import Patch

__all__ = ["PATCHES"]

_REPLACEMENT = f"{__package__}._as_thread"

PATCHES = (
    Patch("thread", "_thread", _REPLACEMENT, ("_local",), distribution="hublet-pool"),
    Patch("thread", "threading", _REPLACEMENT, ("local",), distribution="hublet-pool"),
)
