"""`input` for greenlets: at a terminal, who waits for a line lets the others run."""

from __future__ import annotations

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["input"]

_input = builtins.input


def input(prompt: object = "", /) -> str:
    """Read a line from standard input, after *prompt*.  As `input`; parks until there is one, if that is a terminal.

    The terminal's own line editing is there until then, that of `readline` is not.  Where standard input is no terminal,
    it parks if `sys.stdin` does (`hublet.monkey.patch_sys`).
    """
    if not (_is_terminal(sys.stdin, 0) and _is_terminal(sys.stdout, 1)):
        return _input(prompt)
    from ._ready import READ, wait_ready  # late: few programs come here

    sys.stdout.write(str(prompt))
    sys.stdout.flush()
    wait_ready({0: READ})  # a terminal says so when there is a whole line
    return _input()


def _is_terminal(file: Any, fd: int) -> bool:
    try:
        return bool(file.fileno() == fd and file.isatty())
    except (AttributeError, OSError, ValueError):
        return False
