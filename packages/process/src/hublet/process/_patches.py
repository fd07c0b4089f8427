"""What this distribution replaces in the standard library.

Of `subprocess` only `Popen`: the functions beside it look it up when they are called, so that those become cooperative
too that a program has imported by name before anything was patched.
"""

from __future__ import annotations

import sys

from hublet.core.patching import Patch

__all__ = ["PATCHES"]

PATCHES: tuple[Patch, ...] = ()


def _adopt_handlers() -> None:
    from ._handlers import adopt  # late: imported with the other replacements, not with the records

    adopt()


def _patch(feature: str, module: str, *names: str, **options: object) -> Patch:
    replacement = f"{__package__}.{module}"
    return Patch(feature, feature, replacement, names, distribution="hublet-process", **options)  # type: ignore[arg-type]


if sys.platform != "win32":
    PATCHES = (
        _patch("subprocess", "subprocess", "Popen"),
        _patch("os", "os", "fork", "forkpty", "wait", "wait3", "wait4", "waitid", "waitpid"),
        _patch(
            "signal",
            "signal",
            *("getsignal", "pause", "signal", "sigtimedwait", "sigwait", "sigwaitinfo"),
            hook=_adopt_handlers,
        ),
        _patch("sys", "_sys", "stdin", "stdout", "stderr"),
        _patch("builtins", "_input", "input"),
    )
