"""What core replaces in the standard library: the clock's sleep."""

from __future__ import annotations

from .patching import Patch

__all__ = ["PATCHES"]

PATCHES = (
    Patch("time", target="time", replacement=f"{__package__}._time", names=("sleep",), distribution="hublet-core"),
)
