"""Putting replacements in the place of originals, and remembering those.

First everything is imported and looked up, and only then is anything replaced: a replacement that is imported while half
of the standard library is patched already would take the wrong half for the original, and one that cannot be imported
must leave everything as it was.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

from hublet.core.patching import Patch

from . import _late, _self_check
from ._when_imported import when_imported
from .errors import MonkeyPatchWarning, PatchError

__all__ = ["apply", "get_original", "is_anything_patched", "is_module_patched", "is_object_patched", "saved"]

saved: dict[str, dict[str, Any]] = {}
"""What was replaced: the target, a module, or a class as ``"module:Class"`` -> name -> the original."""

_applied: list[Patch] = []
_waiting: list[Patch] = []  # those that are applied when their target is imported


class _Replacement(NamedTuple):
    owner: Any  # the module or class that has the name
    target: str
    name: str
    new: Any


def apply(records: Iterable[Patch], stacklevel: int = 2) -> None:
    """Replace what *records* name, in their order; those that were applied before are left alone.  Never switches.

    What modules that are loaded already hold of it is replaced there too (`_late`).  Raises `PatchError` if a replacement
    does not exist, and whatever importing it raises; nothing is replaced then.  Warns if this Python differs from those
    that the records know; *stacklevel* is the caller's whom that concerns.
    """
    fresh = [record for record in records if record not in _applied and not _is_to_wait(record)]
    prepared = [(record, _prepare(record)) for record in fresh]
    different = _self_check.differences(fresh)
    if different:
        warnings.warn(_self_check.explain(different), MonkeyPatchWarning, stacklevel=stacklevel + 1)
    replaced: list[tuple[str, Any, Any]] = []
    for record, replacements in prepared:
        _applied.append(record)
        _late.leave_alone(record.replacement)
        for each in replacements:
            originals = saved.setdefault(each.target, {})
            before = getattr(each.owner, each.name)
            # The first one is the original, whoever comes later.
            original = originals.setdefault(each.name, before)
            setattr(each.owner, each.name, each.new)
            if ":" not in each.target and callable(original):
                replaced.append((each.name, original, each.new))
        if record.hook is not None:
            record.hook()
    in_place = patched_in_place()
    _late.rebind(each for each in replaced if id(each[1]) not in in_place)
    if any(record.feature == "thread" for record in fresh):
        _late.renew_locks_of_classes(lock_makers())


def _is_to_wait(record: Patch) -> bool:
    """Say whether *record* waits until its target is imported, and see to it that it is applied then."""
    module = record.target.partition(":")[0]
    if not record.lazy or module in sys.modules:
        return False
    if record not in _waiting:
        _waiting.append(record)
        when_imported(module, partial(apply, [record]))
    return True


def patched_in_place() -> set[int]:
    """Return the identities of the original classes that have had methods replaced: they are no longer what blocks."""
    return {id(_find(target)) for target in saved if ":" in target}


def lock_makers() -> dict[type, Any]:
    """Return the types of locks that were replaced, each with what makes one now."""
    import threading  # late: only if it is patched, and then it is loaded

    makers: dict[type, Any] = {}
    for name in ("Lock", "RLock"):
        original = _original("threading", name)
        if is_object_patched("threading", name):
            makers[type(original())] = getattr(threading, name)
    return makers


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
    """Return the module of that name, imported, or with ``"module:Class"`` what it had by that name when unpatched."""
    module, _, inner = path.partition(":")
    found: Any = import_module(module)
    names = inner.split(".") if inner else []
    if names and names[0] in saved.get(module, {}):
        found = saved[module][names.pop(0)]
    for name in names:
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
