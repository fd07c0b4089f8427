"""Putting replacements in the place of originals, and remembering those.

First everything is imported and looked up, and only then is anything replaced: a replacement that is imported while half
of the standard library is patched already would take the wrong half for the original, and one that cannot be imported
must leave everything as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple

from hublet.core.patching import Patch

from .errors import PatchError

__all__ = ["apply", "get_original", "is_anything_patched", "is_module_patched", "is_object_patched", "saved"]

saved: dict[str, dict[str, Any]] = {}
"""What was replaced: the target, a module, or a class as ``"module:Class"`` -> name -> the original."""

_applied: list[Patch] = []


class _Replacement(NamedTuple):
    owner: Any  # the module or class that has the name
    target: str
    name: str
    new: Any


def apply(records: Iterable[Patch]) -> None:
    """Replace what *records* name, in their order; those that were applied before are left alone.  Never switches.

    Raises `PatchError` if a replacement does not exist, and whatever importing it raises; nothing is replaced then.
    """
    fresh = [record for record in records if record not in _applied]
    prepared = [(record, _prepare(record)) for record in fresh]
    for record, replacements in prepared:
        _applied.append(record)
        for each in replacements:
            originals = saved.setdefault(each.target, {})
            # The first one is the original, whoever comes later.
            originals.setdefault(each.name, getattr(each.owner, each.name))
            setattr(each.owner, each.name, each.new)
        if record.hook is not None:
            record.hook()


def _prepare(record: Patch) -> list[_Replacement]:
    owner, replacement = _find(record.target), _find(record.replacement)
    found = []
    for name in record.names:
        if not hasattr(replacement, name):
            raise PatchError(f"{record.replacement} has no {name!r}, which it is to replace in {record.target}: {record!r}")
        # A name that the target does not have is one that this platform or version of Python does not have.
        if hasattr(owner, name):
            found.append(_Replacement(owner, record.target, name, getattr(replacement, name)))
    return found


def _find(path: str) -> Any:
    """Return the module of that name, imported, or with ``"module:Class"`` what it has by that name."""
    module, _, inner = path.partition(":")
    found: Any = import_module(module)
    for name in inner.split(".") if inner else ():
        found = getattr(found, name)
    return found


def get_original(module: str, names: str | Iterable[str]) -> Any:
    """Return what *module* had by the name *names* before it was patched, or a list if *names* are several.

    For what was never patched, that is what it has now; *module* is imported if need be.  Never switches.  Raises
    `AttributeError` for a name that it has not.
    """
    if isinstance(names, str):
        return _original(module, names)
    return [_original(module, name) for name in names]


def _original(module: str, name: str) -> Any:
    originals = saved.get(module, {})
    return originals[name] if name in originals else getattr(_find(module), name)


def is_module_patched(module: str) -> bool:
    """Say whether anything in *module* is patched.  Never switches."""
    return any(target == module or target.startswith(module + ":") for target in saved)


def is_object_patched(module: str, name: str) -> bool:
    """Say whether *name* in *module* is patched.  Never switches."""
    return name in saved.get(module, {})


def is_anything_patched() -> bool:
    """Say whether anything at all is patched.  Never switches."""
    return bool(saved)
