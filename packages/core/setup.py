"""Build hublet-core: compiled where that is possible, interpreted everywhere else.

Everything that can be said once is in `pyproject.toml`.  This file finds what can be compiled: every `.pyx`, and every
`.py` that has a `.pxd` of the same name beside it.  Where `X.py` and `X.pyx` both exist the `.pyx` is compiled and the
`.py` is its interpreted twin.

The modules share C types, so a compiled one does not import unless those that it shares them with are compiled too: it
is all of them or none.  The environment variable `HUBLET_PURE` decides:

- unset: compile; if that does not work, say so and install the interpreted modules;
- `1`: compile nothing;
- `0`: compile, and fail if that does not work.
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = Path("src")
CORE = SOURCES / "hublet" / "core"

# Modules that exist on some platforms only: what `sys.platform` has to start with.
PLATFORMS = {
    "hublet.core.loops._epoll": "linux",
}

DIRECTIVES = {
    "language_level": 3,
    # Otherwise `seconds: float` becomes a C double and `name: str` rejects a subclass, in the compiled build only.
    # C types come from the `.pxd` files; annotations are for readers and type checkers.
    "annotation_typing": False,
    # `None` where an object of ours is due is a TypeError, not a crash.
    "allow_none_for_extension_args": False,
}


def find_extensions():
    """Return one `Extension` for each module that can be compiled on this platform."""
    extensions = []
    for declaration in sorted([*CORE.rglob("*.pxd"), *CORE.rglob("*.pyx")]):
        module = ".".join(declaration.relative_to(SOURCES).with_suffix("").parts)
        source = declaration.with_suffix(".pyx")
        if not source.exists():
            source = declaration.with_suffix(".py")
        known = any(extension.name == module for extension in extensions)
        if source.exists() and not known and sys.platform.startswith(PLATFORMS.get(module, "")):
            # The full dotted name: in a namespace package Cython would otherwise drop its first part.
            extensions.append(Extension(module, [source.as_posix()], optional=True))
    return extensions


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
                raise SystemExit(f"HUBLET_PURE=0, and hublet.core cannot be compiled: {error}") from error
            self._forget()
            self.warn(f"hublet.core will run interpreted: {error}")

    def build_extensions(self):
        try:
            from Cython.Build import cythonize  # late: not needed when nothing is compiled
        except ImportError:
            raise CannotCompileError("Cython is not installed") from None
        include = greenlet_include()
        if include is None:
            raise CannotCompileError("greenlet is not installed, and its header is needed")
        self._try_the_compiler(include)
        made = cythonize(
            self.extensions,
            include_path=[str(SOURCES)],  # without it the `.pxd` of a `.pyx` is silently not found
            build_dir=os.path.join(self.build_temp, "cython"),  # generated C stays out of the source tree
            compiler_directives=DIRECTIVES,
        )
        generated = {each.name: each.sources for each in made}
        for extension in self.extensions:
            extension.sources = generated[extension.name]
            extension.include_dirs.append(include)
        super().build_extensions()
        missing = [each.name for each in self.extensions if not os.path.exists(self.get_ext_fullpath(each.name))]
        if missing:
            raise CannotCompileError(f"{', '.join(missing)} did not compile")

    def _try_the_compiler(self, include):
        # One small file first: without a compiler, one clear line instead of an error for each module.
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text('#include <Python.h>\n#include "greenlet/greenlet.h"\n')
            try:
                self.compiler.compile([str(source)], output_dir=folder, include_dirs=[include])
            except Exception as error:  # each compiler has its own
                raise CannotCompileError(f"there is no working C compiler ({error})") from error

    def _forget(self):
        for extension in self.extensions:
            Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)


if os.environ.get("HUBLET_PURE") == "1" or sys.implementation.name != "cpython":
    setup()
else:
    setup(ext_modules=find_extensions(), cmdclass={"build_ext": BuildAllOrNone})
