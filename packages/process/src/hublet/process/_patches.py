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


def _adopt_children() -> None:
    from ._popen import adopt  # late: as above

    adopt()


def _adopt_connections() -> None:
    from ._multiprocessing import adopt_connections  # late: as above

    adopt_connections()


def _patch(feature: str, module: str, *names: str, **options: object) -> Patch:
    replacement = f"{__package__}.{module}"
    return Patch(feature, feature, replacement, names, distribution="hublet-process", **options)  # type: ignore[arg-type]


_OF_POPEN = tuple(
    f"subprocess:Popen.{name}"
    for name in (
        "_check_timeout(self, endtime, orig_timeout, stdout_seq, stderr_seq, skip_check_and_raise)",
        "_communicate(self, input, endtime, orig_timeout)",
        "_execute_child",
        "_get_handles(self, stdin, stdout, stderr)",
        "_handle_exitstatus",
        "_remaining_time(self, endtime)",
        "_save_input(self, input)",
        "_translate_newlines(self, data, encoding, errors)",
        "_try_wait(self, wait_flags)",
        "_wait(self, timeout)",
    )
)

if sys.platform != "win32":
    PATCHES = (
        _patch("subprocess", "subprocess", "Popen", hook=_adopt_children, relies_on=_OF_POPEN),
        _patch("os", "_forking", "fork", "forkpty"),
        _patch("os", "_reaper", "wait", "wait3", "wait4", "waitid", "waitpid"),
        _patch(
            "signal",
            "signal",
            *("getsignal", "pause", "signal", "sigtimedwait", "sigwait", "sigwaitinfo"),
            hook=_adopt_handlers,
        ),
        _patch("sys", "_sys", "stdin", "stdout", "stderr"),
        _patch("builtins", "_input", "input"),
        Patch(
            "subprocess",
            target="multiprocessing.connection",
            replacement=f"{__package__}._multiprocessing",
            names=(),
            distribution="hublet-process",
            hook=_adopt_connections,
            relies_on=(
                "multiprocessing.connection:Connection._recv(self, size, read)",
                "multiprocessing.connection:Connection._send(self, buf, write)",
            ),
        ),
        Patch(
            "subprocess",
            target="multiprocessing.synchronize:SemLock",
            replacement=f"{__package__}._multiprocessing:SemLock",
            names=("__enter__", "_make_methods"),
            distribution="hublet-process",
            relies_on=("multiprocessing.synchronize:SemLock._make_methods(self)",),
        ),
    )
