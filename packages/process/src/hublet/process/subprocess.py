"""The standard library's `subprocess`, cooperative: everything that is there is here, and what waits only parks.

`Popen` is a subclass of the standard library's; `run`, `call`, `check_call`, `check_output`, `getoutput` and
`getstatusoutput` use it.  Exceptions, constants and `CompletedProcess` are the standard library's own objects.  For
POSIX.
"""

from __future__ import annotations

import subprocess as _subprocess
import sys
from subprocess import (
    DEVNULL,
    PIPE,
    STDOUT,
    CalledProcessError,
    CompletedProcess,
    SubprocessError,
    TimeoutExpired,
    list2cmdline,
)
from typing import TYPE_CHECKING, Any

if sys.platform == "win32":
    raise ImportError("hublet.process.subprocess needs POSIX so far; on Windows use `subprocess` itself, which blocks")

from ._popen import Popen

if TYPE_CHECKING:
    # What they return depends on ten of their arguments: the overloads that typeshed has say it best.
    from subprocess import call, check_call, check_output, getoutput, getstatusoutput, run
else:
    from ._run import call, check_call, check_output, getoutput, getstatusoutput, run

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "CalledProcessError",
    "CompletedProcess",
    "Popen",
    "SubprocessError",
    "TimeoutExpired",
    "call",
    "check_call",
    "check_output",
    "getoutput",
    "getstatusoutput",
    "list2cmdline",
    "run",
]


def __getattr__(name: str) -> Any:
    # What the standard library has without saying so, and programs use all the same.
    return getattr(_subprocess, name)
