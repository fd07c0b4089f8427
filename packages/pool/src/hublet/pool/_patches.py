"""What pool replaces in the standard library: what each thread has for itself."""

from __future__ import annotations

from hublet.core.patching import Patch

from ._local import local

__all__ = ["PATCHES", "_local", "local"]

_local = local  # its name in `_thread`

PATCHES = (
    Patch("thread", "_thread", __name__, ("_local",), distribution="hublet-pool"),
    Patch("thread", "threading", __name__, ("local",), distribution="hublet-pool"),
)
