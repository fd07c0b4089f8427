"""Run a program patched: ``python -m hublet.monkey [--no-FEATURE ...] script args`` or ``-m module args``.

The program finds everything as Python itself would have set it up: `sys.argv`, `sys.path[0]`, a `__main__` of its own, the
exit code, and tracebacks without our frames.
"""

from __future__ import annotations

import io
import os
import pkgutil
import runpy
import sys
from functools import partial
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

from ._discover import features
from ._features import FEATURES
from ._patch import patch_all

__all__ = ["main"]

USAGE = """\
usage: python -m hublet.monkey [--no-FEATURE ...] script.py [argument ...]
       python -m hublet.monkey [--no-FEATURE ...] -m module [argument ...]
       python -m hublet.monkey doctor [--strict] [--as-is] [--no-FEATURE ...] script.py [argument ...]

Make the standard library cooperative, then run a program as Python itself would run it.
What is not installed is not patched.

The doctor runs the program and then lists on standard error each reference to something that blocks and that patching could
not reach, with file and line; --strict makes it an error that there are any, and --as-is leaves the patching to the program.
"""


class _Arguments(Exception):
    """The command line cannot be understood."""


def main() -> None:
    """Act on `sys.argv`.  Leaves as the program does: returns, or raises what it raises."""
    arguments = sys.argv[1:]
    examined = bool(arguments) and arguments[0] == "doctor"
    doctor: dict[str, bool] = {}
    try:
        if examined:
            from . import _doctor  # late: it loads `ast`

            del arguments[0]
            doctor = _doctor.take_options(arguments)
        switches = _take_switches(arguments)
        as_module = bool(arguments) and arguments[0] == "-m"
        if as_module:
            del arguments[0]
        if not arguments:
            raise _Arguments("a module is missing after -m" if as_module else "a program to run is missing")
    except _Arguments as error:
        sys.stderr.write(f"{USAGE}\n{error}\n")
        sys.exit(2)
    if not doctor.get("--as-is"):
        patch_all(**switches)
    program = partial(_run_module if as_module else _run_path, arguments)
    try:
        if examined:
            _doctor.examine(program, doctor["--strict"])
        else:
            program()
    except SystemExit:
        raise
    except BaseException as error:
        _hide_our_frames(error)
        raise


def _take_switches(arguments: list[str]) -> dict[str, bool]:
    """Remove the options from the front of *arguments* and return what they switch."""
    switches: dict[str, bool] = {}
    while arguments and arguments[0].startswith("-") and arguments[0] not in ("-m", "-"):
        option = arguments.pop(0)
        if option == "--":
            break
        if option in ("-h", "--help"):
            print(f"{USAGE}\nfeatures:")
            for name in features():
                print(f"  {name:<11} {FEATURES[name].meaning if name in FEATURES else ''}".rstrip())
            sys.exit(0)
        feature = option.removeprefix("--no-")
        if feature == option or feature not in features():
            raise _Arguments(f"unknown option {option}; known: --help, --no-" + ", --no-".join(features()))
        switches[feature] = False
    return switches


def _run_module(arguments: list[str]) -> None:
    """Run a module by its name, as ``python -m``.  The first of `sys.path` is right already: we were run so too."""
    sys.argv[:] = ["-m", *arguments[1:]]
    _make_main()
    # Private, and yet what `python -m` itself calls, by this name, since 2.6.
    runpy._run_module_as_main(arguments[0])  # type: ignore[attr-defined]


def _run_path(arguments: list[str]) -> None:
    """Run a file, or the `__main__` of a folder or of an archive, as ``python path``."""
    script = arguments[0]
    sys.argv[:] = arguments
    if pkgutil.get_importer(script) is not None:
        _set_first_path(os.path.abspath(script))
        _make_main()
        runpy._run_module_as_main("__main__", False)  # type: ignore[attr-defined]
        return
    path = os.path.abspath(script)
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    main = _make_main()
    code = _read_code(path, main)
    exec(code, main.__dict__)


def _set_first_path(folder: str) -> None:
    # In safe-path mode Python puts nothing there, neither for us nor for the program.
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        sys.path[0] = folder


def _make_main() -> ModuleType:
    """Put a fresh `__main__` in the place of ours, which stays reachable by its own name."""
    sys.modules[f"{__package__}.__main__"] = sys.modules["__main__"]
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__dict__.update(__builtins__=sys.modules["builtins"], __annotations__={})
    return main


def _read_code(path: str, main: ModuleType) -> CodeType:
    """Return what the file at *path* compiles to, and let *main* say that it came from there."""
    try:
        with io.open_code(path) as file:
            compiled = pkgutil.read_code(file)
        with io.open_code(path) as file:
            source = file.read()
    except OSError as error:
        _refuse(f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}")
    main.__file__ = path
    main.__dict__["__cached__"] = None
    if compiled is not None:
        main.__loader__ = SourcelessFileLoader("__main__", path)
        return compiled  # type: ignore[no-any-return]
    main.__loader__ = SourceFileLoader("__main__", path)
    return compile(source, path, "exec", dont_inherit=True)


def _refuse(message: str) -> NoReturn:
    sys.stderr.write(f"{sys.executable}: {message}\n")
    sys.exit(2)


def _hide_our_frames(error: BaseException) -> None:
    """Let the interpreter print the traceback of *error*, which ends the program, from the program's first frame on.

    It goes on to collect frames while it passes through ours, so the cut is made when it is printed.
    """
    kept: TracebackType | None = error.__traceback__
    each = kept
    while each is not None:
        if each.tb_frame.f_code.co_filename == __file__:
            kept = each.tb_next
        each = each.tb_next
    hook = sys.excepthook  # whatever the program has put there

    def show(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> Any:
        if value is error:
            traceback = value.__traceback__ = kept
        hook(kind, value, traceback)

    sys.excepthook = show
