"""Run a program, then say what in it still blocks: ``python -m hublet.monkey doctor [options] script args``."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ._apply import is_anything_patched
from ._findings import findings

__all__ = ["examine", "take_options"]

def take_options(arguments: list[str]) -> dict[str, bool]:
    """Remove the doctor's own options from the front of *arguments*; return which of them are there."""
    given = {"--strict": False, "--as-is": False}
    while arguments and arguments[0] in given:
        given[arguments.pop(0)] = True
    return given


def examine(program: Callable[[], None], strict: bool) -> None:
    """Call *program* and report, however it ends, what blocks.  Leaves as it does; with *strict*, exits with 1 at best."""
    code: object = None
    try:
        program()
    except SystemExit as error:
        code = error.code
        if not _report() or not strict or code not in (None, 0):
            raise
    except BaseException:
        _report()
        raise
    else:
        if not _report() or not strict:
            return
    sys.exit(1)


def _report() -> int:
    """Write to standard error what is found, and return how much that is."""
    sys.stdout.flush()
    found = findings()
    for each in found:
        print(each, file=sys.stderr)
    if not is_anything_patched():
        print("hublet.monkey doctor: the program has patched nothing", file=sys.stderr)
    count = f"{len(found)} reference{'' if len(found) == 1 else 's'} to what blocks"
    print(f"hublet.monkey doctor: {count if found else 'nothing that blocks was found'}", file=sys.stderr)
    return len(found)
