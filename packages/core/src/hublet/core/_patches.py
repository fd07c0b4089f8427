"""What core replaces in the standard library: the clock's sleep."""

from __future__ import annotations

from .loops import load_loop
from .patching import Patch

__all__ = ["PATCHES"]

# Now, before anything is replaced: the loops take from `select` and `selectors` what they stand on.
load_loop()

PATCHES = (
    Patch("time", target="time", replacement=f"{__package__}._time", names=("sleep",), distribution="hublet-core"),
)
