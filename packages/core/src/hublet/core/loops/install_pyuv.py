"""Build and install pyuv 1.4.0, which the libuv loop needs: ``python -m hublet.core.loops.install_pyuv``.

As published it does not compile on CPython 3.10 and later.  It does with the header in `pyuv_compat` first on the include
path, and no requirement or extra can say so to pip; hence this command.  Everything else is pip's: what follows ``--`` goes
to it (``-- --user``, ``-- --index-url https://...``).
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path

__all__ = ["COMMAND", "REQUIREMENT", "main"]

REQUIREMENT = "pyuv==1.4.0"

COMMAND = f"python -m {__package__}.install_pyuv"

HEADERS = Path(__file__).resolve().with_name("pyuv_compat")

# Looks at what a loop of hublet's needs, in the Python that it was installed into.
CHECK = """
import pyuv
loop = pyuv.Loop()
called = []
wake = pyuv.Async(loop, called.append)
wake.send()
loop.run(pyuv.UV_RUN_NOWAIT)
assert called == [wake], called
wake.close()
loop.run()
print("Installed pyuv", pyuv.__version__, "with libuv", pyuv.LIBUV_VERSION)
"""


def main(arguments: list[str] | None = None) -> None:
    """Install pyuv into the running interpreter.  Raises `SystemExit` with what to do about it if that cannot be done."""
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description=f"Build and install {REQUIREMENT} for the loop named pyuv (HUBLET_LOOP=pyuv).",
        epilog="What follows -- is given to `pip install`.",
    )
    parser.add_argument(
        "--use-system-libuv",
        action="store_true",
        help="link to the libuv of the system, 1.44 or later, instead of to the libuv 1.13 that comes with pyuv",
    )
    parser.add_argument("pip", nargs="*", metavar="-- OPTIONS", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)

    obstacle = find_obstacle(options.use_system_libuv)
    if obstacle is not None:
        raise SystemExit(f"pyuv cannot be installed: {obstacle}")
    with tempfile.TemporaryDirectory() as folder:
        environment = make_environment(Path(folder), options.use_system_libuv)
        if subprocess.run(make_command(options.pip), env=environment, check=False).returncode != 0:
            raise SystemExit("pyuv was not installed: what pip printed above says why")
    if subprocess.run([sys.executable, "-c", CHECK], check=False).returncode != 0:
        raise SystemExit("pyuv was installed, but does not work")


def find_obstacle(use_system_libuv: bool = False) -> str | None:
    """Return what makes it pointless to begin, and the cure; `None` if nothing does."""
    if sys.implementation.name != "cpython":
        return f"it is an extension for CPython, and this is {sys.implementation.name}; use the selectors loop"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it relies on the GIL, which this build of CPython does not have; use the selectors loop"
    if sys.platform == "win32":
        return "its sources need more help on Windows than this command gives; use the selectors loop"
    if find_spec("pip") is None:
        return f"there is no pip in this environment; get it with: {shlex.quote(sys.executable)} -m ensurepip"
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    try:
        compile_nothing(compiler, "")
    except (OSError, subprocess.CalledProcessError) as error:
        return (
            f"there is no working C compiler ({error}); install one (Debian: build-essential, Fedora: gcc, "
            "macOS: xcode-select --install), or say in the variable CC which to use"
        )
    try:
        compile_nothing(compiler, "#include <Python.h>")
    except subprocess.CalledProcessError:
        return (
            f"the C compiler does not find Python.h in {sysconfig.get_path('include')}; install the headers of this "
            "Python (Debian: python3-dev, Fedora: python3-devel)"
        )
    if use_system_libuv:
        try:
            compile_nothing(compiler, "#include <uv.h>\n#if UV_VERSION_HEX < 0x012c00\n#error\n#endif")
        except subprocess.CalledProcessError:
            return (
                "the C compiler does not find the header of libuv 1.44 or later; install it (Debian: libuv1-dev, "
                "Fedora: libuv-devel, macOS: brew install libuv), or leave --use-system-libuv out"
            )
    return None


def compile_nothing(compiler: list[str], source: str) -> None:
    """Let the compiler look at *source*.  Raises `OSError` or `CalledProcessError`."""
    flags = shlex.split(os.environ.get("CPPFLAGS", ""))
    include = sysconfig.get_path("include")
    command = [*compiler, *flags, "-I", include, "-fsyntax-only", "-x", "c", "-"]
    subprocess.run(command, input=source.encode(), capture_output=True, check=True)


def make_environment(folder: Path, use_system_libuv: bool = False) -> dict[str, str]:
    """Return the environment for pip.  *folder* is where files that it refers to may be written."""
    environment = dict(os.environ)
    # Not CFLAGS, which would replace those that Python was compiled with.
    environment["CPPFLAGS"] = f'-I"{HEADERS}" {environment.get("CPPFLAGS", "")}'
    # An old pip would otherwise build with whatever setuptools there is, or is not, in this environment.
    environment["PIP_USE_PEP517"] = "1"
    if use_system_libuv:
        # The one way to give an option to `build_ext` that is the same for every pip.
        settings = folder / "extra.cfg"
        settings.write_text("[build_ext]\nuse_system_libuv = 1\n")
        environment["DIST_EXTRA_CONFIG"] = str(settings)
    return environment


def make_command(options: list[str]) -> list[str]:
    """Return the call of pip."""
    return [
        *(sys.executable, "-m", "pip", "install"),
        # Always build, with the header as it is now; and replace what was built otherwise.
        *("--no-binary", "pyuv", "--no-cache-dir", "--force-reinstall", "--no-deps"),
        *options,
        REQUIREMENT,
    ]


if __name__ == "__main__":
    main()
