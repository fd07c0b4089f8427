"""Build and install pyuv 1.4.0, which the libuv loop needs: ``python -m hublet.core.loops.install_pyuv``.

As published it does not compile on CPython 3.10 and later.  It does with the header in `pyuv_compat` first on the include
path, and no requirement or extra can say so to pip; hence this command.  Everything else is pip's: what follows ``--``
goes to it (``-- --index-url ...``, ``-- --user``).

With ``--use-system-libuv`` it is linked to the system's libuv, 1.44 or later, instead of to libuv 1.13, which it brings.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

__all__ = ["COMMAND", "REQUIREMENT", "main"]

REQUIREMENT = "pyuv==1.4.0"
COMMAND = f"{Path(sys.executable).name or 'python'} -m {__name__ if __name__ != '__main__' else __spec__.name}"

HEADERS = Path(__file__).with_name("pyuv_compat")

CHECK = """
import pyuv
loop = pyuv.Loop()
called = []
wake = pyuv.Async(loop, called.append)
wake.send()
loop.run(pyuv.UV_RUN_NOWAIT)
wake.close()
loop.run()
assert called == [wake], called
print(f"pyuv {pyuv.__version__} with libuv {pyuv.LIBUV_VERSION} works.")
"""


def main(arguments: list[str] | None = None) -> None:
    """Install pyuv into the running interpreter.  Raises `SystemExit`, with what to do about it, if that cannot be."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.partition("\n\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--use-system-libuv", action="store_true", help="link to the system's libuv (1.44 or later)")
    parser.add_argument("pip", nargs="*", metavar="-- pip's options", help="what else to say to `pip install`")
    options = parser.parse_args(arguments)

