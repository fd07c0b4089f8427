"""What takes the place of names in `_thread` and `threading`, by those names."""

from __future__ import annotations

from ._local import local

__all__ = ["_local", "local"]

_local = local
