"""What this distribution replaces in the standard library.

Of `subprocess` only `Popen`: the functions beside it look it up when they are called, so that those become cooperative
too that a program has imported by name before anything was patched.
"""

from __future__ import annotations

import sys

from hublet.core.patching import Patch

__all__ = ["PATCHES"]

PATCHES: tuple[Patch, ...] = ()

if sys.platform != "win32":
    PATCHES = (
        Patch(
            "subprocess",
            target="subprocess",
            replacement="hublet.process.subprocess",
            names=("Popen",),
            distribution="hublet-process",
        ),
        Patch("os", target="os", replacement="hublet.process.os", names=("waitpid",), distribution="hublet-process"),
    )
