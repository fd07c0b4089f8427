"""Build hublet-pool: compiled where that is possible, interpreted everywhere else.

Everything that can be said once is in `pyproject.toml`.  This file finds what can be compiled: every `.py` that has a `.pxd`
of the same name beside it; where there is a `.pyx` too, that is compiled, and the `.py` is its interpreted twin.  It is all of
them or none, since they share C types.  The environment variable `HUBLET_PURE` decides:

- unset: compile; if that does not work, say so and install the interpreted modules;
- `1`: compile nothing;
- `0`: compile, and fail if that does not work.
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
PACKAGE = SOURCES / "hublet" / "pool"

DIRECTIVES = {
    "language_level": 3,
    # Otherwise `timeout: float` becomes a C double, in the compiled build only.  C types come from the `.pxd` files;
    # annotations are for readers and type checkers.
    "annotation_typing": False,
    # A subclass that forgot to call `__init__` is an error, as in Python, and no crash.
    "nonecheck": True,
    # Methods as those of classes in C are: a call costs less, and `inspect.signature` works all the same (benchmarks/sync).
    "binding": False,
    "embedsignature": True,
    "embedsignature.format": "clinic",
}

# A class in C cannot inherit from `Generic`, which is a class in Python, nor from `Queue[T]`, which is none at all.  What is
# left out by that is for type checkers, but for subscripting, which these classes do themselves: `__class_getitem__`.
BASE_WITH_PARAMETER = re.compile(r"^(class \w+)\((\w+)\[\w+\]\):$", re.MULTILINE)


# What the `.pxd` of a module takes from core in C, its `.py` does not import as well.
TAKEN_IN_C = re.compile(r"^from hublet\.core\.capi cimport (.+)$", re.MULTILINE)
IMPORT = re.compile(r"^from ([\w.]+) import ([\w, ]+)\n", re.MULTILINE)


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
    extensions = []
    for declaration in sorted(PACKAGE.glob("*.pxd")):
        source = declaration.with_suffix(".pyx")
        if not source.exists():
            source = declaration.with_suffix(".py")
        # The full dotted name: in a namespace package Cython would otherwise drop its first part.
        module = ".".join(declaration.relative_to(SOURCES).with_suffix("").parts)
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
                raise
            self._forget()
            self.warn(f"hublet.pool will run interpreted: {error}")

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
        stage = Path(self.build_temp, "cython")
        for extension in self.extensions:
            extension.sources = [self._staged(Path(extension.sources[0]), stage)]
        made = cythonize(
            self.extensions,
            include_path=[str(SOURCES), declarations],  # where the `.pxd` files are
            build_dir=str(stage / "c"),  # generated C stays out of the source tree
            compiler_directives=DIRECTIVES,
            force=True,  # it cannot see that a copy depends on the `.pxd` files, which lie elsewhere
        )
        generated = {each.name: each.sources for each in made}
        for extension in self.extensions:
            extension.sources = generated[extension.name]
            extension.include_dirs = [include]
        super().build_extensions()
        missing = [each.name for each in self.extensions if not os.path.exists(self.get_ext_fullpath(each.name))]
        if missing:
            raise CannotCompileError(f"{', '.join(missing)} did not compile")

    def _staged(self, source, stage):
        copy = stage / source.relative_to(SOURCES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = BASE_WITH_PARAMETER.sub(self._plain_base, source.read_text(encoding="utf-8"))
        taken = TAKEN_IN_C.search(source.with_suffix(".pxd").read_text(encoding="utf-8"))
        if taken is not None:
            in_c = {name.strip() for name in taken[1].split(",")}
            text = IMPORT.sub(lambda found: self._without(in_c, found[1], found[2]), text)
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")
        return str(copy)

    @staticmethod
    def _without(in_c, module, names):
        left = [name for name in names.split(", ") if name not in in_c]
        return f"from {module} import {', '.join(left)}\n" if left else "\n"

    @staticmethod
    def _plain_base(found):
        return f"{found[1]}:" if found[2] == "Generic" else f"{found[1]}({found[2]}):"

    def _try_the_compiler(self):
        # One small file first: without a compiler, one clear line instead of an error for each module.
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("#include <Python.h>\n")
            try:
                self.compiler.compile([str(source)], output_dir=folder)
            except Exception as error:  # each compiler has its own
                raise CannotCompileError(f"there is no working C compiler ({error})") from error

    def _forget(self):
        for extension in self.extensions:
            Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)


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
