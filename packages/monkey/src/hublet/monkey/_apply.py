"""Putting replacements in the place of originals, and remembering those.

A record is applied when its target is there: at once, or right after the program has imported it.  A replacement is imported
only then.  What is applied together is imported and looked up first, and only then is anything replaced: one that cannot be
imported must leave everything as it was.
"""

from __future__ import annotations

import sys
from importlib import import_module

from hublet.core.patching import Patch, original, saved

from . import _late, _self_check
from ._imports import Imports
from .errors import MonkeyPatchWarning, PatchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    # The record, and of each name: the module or class that has it, itself, and what is to be there.
    _Prepared: TypeAlias = tuple[Patch, list[tuple[Any, str, Any]]]

__all__ = [
    "apply",
    "apply_waiting",
    "get_original",
    "is_anything_patched",
    "is_module_patched",
    "is_object_patched",
    "saved",
]

# What an import raises that would wait for another thread which waits for this one.  Private, and so for as long as that
# has been found out, since Python 3.3.
_DeadlockError: type[BaseException] = sys.modules["_frozen_importlib"].__dict__["_DeadlockError"]

_place: dict[Patch, int] = {}  # all records that were ever asked for, in the order in which they are applied
_waiting: dict[str, list[Patch]] = {}  # the module of the target -> records that are applied when it is imported
_done: dict[str, list[Patch]] = {}  # the same for those that were
_renewed: set[Patch] = set()  # those of `_waiting` whose target had been patched before it was there once more
_replaced_by: dict[int, tuple[Any, Any]] = {}  # the identity of a replacement -> itself, and the original


def apply(records: Iterable[Patch], stacklevel: int = 2) -> None:
    """Replace what *records* name, in their order; those that were applied before are left alone.  Never switches.

    Those whose target is not imported wait for that.  What modules that are loaded hold of what is replaced is replaced
    there too (`_late`).  Raises `PatchError` if a replacement does not exist, and whatever importing it raises; nothing is
    replaced then.  Warns if this Python differs from those that the records know; *stacklevel* is the caller's whom that
    concerns.
    """
    fresh = [record for record in records if record not in _place]
    for record in fresh:
        _place[record] = len(_place)
        _waiting.setdefault(_module_of(record), []).append(record)
        _imports.follow(_module_of(record, record.replacement).partition(".")[0])
        _imports.watch(_module_of(record))
    try:
        apply_waiting(stacklevel=stacklevel + 1)
    except BaseException:
        for record in fresh:
            del _place[record]
            _waiting[_module_of(record)].remove(record)
        raise


def _module_of(record: Patch, path: str = "") -> str:
    return (path or record.target).partition(":")[0]


def _has_run(module: str) -> None:
    # If it was patched before, it was reloaded, or this is another one by that name.
    again = _done.pop(module, [])
    _renewed.update(again)
    _waiting[module] = again + _waiting.get(module, [])


def apply_waiting(before: set[str] | None = None, stacklevel: int = 2) -> None:
    """Apply the records whose target is there now, however that came about.  Never switches.

    Modules that were loaded *before* hold nothing of it.
    """
    different: list[tuple[str, str]] = []
    with _imports:
        # Once more, for what the hooks import.
        while prepared := _prepare_ready():
            different += _self_check.differences(record for record, _ in prepared)
            _replace(prepared, before)
    if different:
        import warnings  # late: not needed otherwise

        warnings.warn(_self_check.explain(different), MonkeyPatchWarning, stacklevel=stacklevel + 1)


_imports = Imports(_has_run, apply_waiting)


def _prepare_ready() -> list[_Prepared]:
    """Import and look up what the records need whose target is there, and return it in the order in which to apply it."""
    taken: list[Patch] = []
    prepared: list[_Prepared] = []
    try:
        # Whatever is imported for one may be the target of another.
        while records := _take_ready():
            taken += records
            prepared += [(record, found) for record in records if (found := _prepare(record)) is not None]
    except BaseException:
        _put_back(taken)
        raise
    if len(prepared) < len(taken):
        ready = {record for record, _ in prepared}
        _put_back(record for record in taken if record not in ready)
    prepared.sort(key=lambda each: _place[each[0]])
    return prepared


def _take_ready() -> list[Patch]:
    """Take the records out of those that wait whose target has been imported."""
    found = []
    for module in [each for each in _waiting if sys.modules.get(each) is not None and not _imports.is_running(each)]:
        found += _waiting.pop(module, [])  # another thread may have been faster
    return found


def _put_back(records: Iterable[Patch]) -> None:
    for record in records:
        _waiting.setdefault(_module_of(record), []).append(record)


def _replace(prepared: Iterable[_Prepared], before: set[str] | None) -> None:
    replaced: list[tuple[str, Any, Any]] = []
    has_threads = False
    for record, replacements in prepared:
        _renewed.discard(record)
        _done.setdefault(_module_of(record), []).append(record)
        _late.leave_alone(record.replacement)
        has_threads = has_threads or record.feature == "thread"
        originals = saved.setdefault(record.target, {})
        for owner, name, new in replacements:
            found = getattr(owner, name)
            # It may have come from a module that is patched.
            found = _replaced_by.get(id(found), (None, found))[1]
            if found is new:
                continue  # it differs only in a second copy of the module
            # The first one is the original, whoever comes later.
            first = originals.setdefault(name, found)
            if first is not new:
                _replaced_by[id(new)] = new, first
            setattr(owner, name, new)
            if ":" not in record.target and callable(found):
                replaced.append((name, found, new))
        if record.hook is not None:
            record.hook()
    in_place = patched_in_place()
    _late.rebind((each for each in replaced if id(each[1]) not in in_place), before)
    if has_threads:
        _late.renew_locks_of_classes(lock_makers())


def patched_in_place() -> set[int]:
    """Return the identities of the original classes that have had methods replaced: they are no longer what blocks."""
    return {id(_find(target)) for target in saved if ":" in target}


def lock_makers() -> dict[type, Any]:
    """Return the types of locks that were replaced, each with what makes one now."""
    import threading  # late: only if it is patched, and then it is loaded

    # What `threading.RLock` was is a function that looks up by name what it makes, and would make one of ours now.
    native = {"Lock": original("_thread", "allocate_lock"), "RLock": original("_thread", "RLock")}
    replaced = saved.get("threading", {})
    return {type(make()): getattr(threading, name) for name, make in native.items() if name in replaced}


def _prepare(record: Patch) -> list[tuple[Any, str, Any]] | None:
    """Return what *record* replaces: the module or class, the name, and what is to be there.

    `None` if another native thread is importing the replacement, and waits for us.
    """
    # What the target does not have is what this platform or version of Python does not have.
    owner = _find(record.target, record in _renewed, None)
    if owner is None:
        return []
    try:
        replacement = _find(record.replacement)
    except _DeadlockError:
        _imports.call_again()
        return None
    found = []
    for name in record.names:
        if hasattr(owner, name):
            if not hasattr(replacement, name):
                text = f"{record.replacement} has no {name!r}, which it is to replace in {record.target}: {record!r}"
                raise PatchError(text)
            found.append((owner, name, getattr(replacement, name)))
    return found


def _find(path: str, is_new: bool = False, *default: Any) -> Any:
    """Return the module of that name, imported, or with ``"module:Class"`` what it had by that name when unpatched.

    If it *is_new*, it is what it has now.  A class that is not there is an `AttributeError`, or the *default*.
    """
    module, _, inner = path.partition(":")
    found: Any = import_module(module)
    names = inner.split(".") if inner else []
    if names and names[0] in saved.get(module, {}) and not is_new:
        found = saved[module][names.pop(0)]
    for name in names:
        found = getattr(found, name, *default)
    return found


def _make_sure(module: str) -> None:
    """Import *module* if it waits for that to be patched."""
    module = module.partition(":")[0]
    if module in _waiting:
        import_module(module)
        apply_waiting()  # if the program itself has put it into `sys.modules`


def get_original(module: str, names: str | Iterable[str]) -> Any:
    """Return what *module* had by the name *names* before it was patched, or a list if *names* are several.

    For what was never patched, that is what it has now; *module* is imported if need be.  Never switches.  Raises
    `AttributeError` for a name that it has not.
    """
    _make_sure(module)
    if isinstance(names, str):
        return _original(module, names)
    return [_original(module, name) for name in names]


def _original(module: str, name: str) -> Any:
    originals = saved.get(module, {})
    return originals[name] if name in originals else getattr(_find(module), name)


def is_module_patched(module: str) -> bool:
    """Say whether anything in *module* is patched, or will be when it is imported.  Never switches."""
    return module in _done or bool(_waiting.get(module)) or module in saved


def is_object_patched(module: str, name: str) -> bool:
    """Say whether *name* in *module* is patched; to be able to, import *module* if it is one that is to be patched.

    Never switches.
    """
    _make_sure(module)
    return name in saved.get(module, {})


def is_anything_patched() -> bool:
    """Say whether anything at all is patched, or will be when it is imported.  Never switches."""
    return bool(_done) or any(_waiting.values())
