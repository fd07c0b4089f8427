"""Build hublet-net: its hot paths compiled where that is possible, interpreted everywhere else.

Everything that can be said once is in `pyproject.toml`.  This file finds what can be compiled: every `.py` that has a `.pxd`
of the same name beside it, and every `.pyx`, whose `.py` of the same name is its interpreted twin.  It is all of them or none.
The environment variable `HUBLET_PURE` decides:

- unset: compile; if that does not work, say so and install the interpreted modules;
- `1`: compile nothing;
- `0`: compile, and fail if that does not work.

Elsewhere than on Linux the `.pyx` are not compiled: what is in C there is the system's calls, and others have others.
"""

import importlib.util
import os
import re
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = Path("src")
PACKAGE = SOURCES / "hublet" / "net"

DIRECTIVES = {
    "language_level": 3,
    # C types are written as such; annotations are for readers and type checkers.
    "annotation_typing": False,
}


def core_declarations():
    """Return the folder that has the `.pxd` files of core under `hublet/core`, or `None`: beside this, or installed."""
    beside = Path("..", "core", "src")
    if (beside / "hublet" / "core" / "capi.pxd").exists():
        return str(beside)
    found = importlib.util.find_spec("hublet.core") if importlib.util.find_spec("hublet") else None
    if found is None or not Path(found.origin).with_name("capi.pxd").exists():
        return None
    return str(Path(found.origin).parents[2])


def find_extensions():
    """Return one `Extension` for each module that can be compiled."""
    declared = {declaration.with_suffix(".py") for declaration in PACKAGE.rglob("*.pxd")}
    sources = {source for source in declared if source.exists()}  # what has none is C for another
    twins = {source.with_suffix(".py") for source in PACKAGE.rglob("*.pyx")}
    sources = sources - twins | {twin.with_suffix(".pyx") for twin in twins & sources}
    if sys.platform.startswith("linux"):
        sources |= set(PACKAGE.rglob("*.pyx"))
    # The full dotted name: in a namespace package Cython would otherwise drop its first part.
    return [
        Extension(".".join(source.relative_to(SOURCES).with_suffix("").parts), [source.as_posix()], optional=True)
        for source in sorted(sources)
    ]


def greenlet_include():
    """Return the folder from which `#include "greenlet/greenlet.h"` works, or `None` without greenlet."""
    found = importlib.util.find_spec("greenlet")
    return None if found is None else str(Path(found.origin).parents[1])


class CannotCompileError(Exception):
    """Something that compiling needs is missing, or an extension did not build."""


class BuildAllOrNone(build_ext):
    """Build every extension, or none of them."""

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count()

    def run(self):
        insist = os.environ.get("HUBLET_PURE") == "0"
        try:
            super().run()
        except Exception as error:  # whatever it is: a build that is optional must not stop the install
            if insist:
                raise
            for extension in self.extensions:
                Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
            self.warn(f"hublet.net will run interpreted: {error}")

    def build_extensions(self):
        try:
            from Cython.Build import cythonize  # late: not needed when nothing is compiled
        except ImportError:
            raise CannotCompileError("Cython is not installed") from None
        include = greenlet_include()
        if include is None:
            raise CannotCompileError("greenlet is not installed, and its header is needed")
        declarations = core_declarations()
        if declarations is None:
            raise CannotCompileError("hublet-core is not installed, and its declarations are needed")
        self._try_the_compiler()
        made = cythonize(
            self.extensions,
            include_path=[str(SOURCES), declarations],  # where the `.pxd` files are
            build_dir=os.path.join(self.build_temp, "cython"),  # generated C stays out of the source tree
            compiler_directives=DIRECTIVES,
            force=True,  # it does not see every change of a `.pxd`
        )
        generated = {each.name: each.sources for each in made}
        for extension in self.extensions:
            extension.sources = generated[extension.name]
            extension.include_dirs = [include]
        super().build_extensions()
        missing = [each.name for each in self.extensions if not os.path.exists(self.get_ext_fullpath(each.name))]
        if missing:
            raise CannotCompileError(f"{', '.join(missing)} did not compile")

    def _try_the_compiler(self):
        # One small file first: without a compiler, one clear line instead of an error for each module.
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("#include <Python.h>\n")
            try:
                self.compiler.compile([str(source)], output_dir=folder)
            except Exception as error:  # each compiler has its own
                raise CannotCompileError(f"there is no working C compiler ({error})") from error


if os.environ.get("HUBLET_PURE") == "1" or sys.implementation.name != "cpython":
    setup()
else:
    # From a source distribution, with nothing beside it, the declarations are those of an installed core.
    core = re.search(r'"(hublet-core==[^"]+)"', Path("pyproject.toml").read_text(encoding="utf-8"))
    setup(
        ext_modules=find_extensions(),
        cmdclass={"build_ext": BuildAllOrNone},
        setup_requires=[core[1]] if core_declarations() is None else [],
    )
