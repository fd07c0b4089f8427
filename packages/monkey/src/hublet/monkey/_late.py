"""What was imported or made before the patching: found among what the loaded modules hold, and replaced there too.

``from time import sleep`` binds the function itself, and replacing it in `time` does not reach that.  So what modules that
are loaded have imported by name is replaced in them.  Locks that modules and their classes have made for themselves are
replaced by new ones if nobody holds them.  What lies deeper (defaults of parameters, containers, instances) and what a
program has put aside (``real_sleep = time.sleep``) stays, and the doctor reports it.

Some hold originals on purpose.  They are left alone: extension modules, hublet itself and other copies of its core, other
libraries of this kind, debuggers, and every package with a module that says ``__keeps_originals__ = True``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

__all__ = ["leave_alone", "modules", "rebind", "renew_locks"]

_OURS = __package__.rpartition(".")[0]  # `hublet`, or whatever this is a part of
_LEFT_ALONE = {_OURS, "gevent", "eventlet", "greenlet", "pydevd", "_pydevd_bundle", "_pydev_bundle", "debugpy"}
_STDLIB = sys.stdlib_module_names


def modules() -> Iterator[tuple[str, ModuleType]]:
    """Yield the loaded modules that are written in Python and hold no originals on purpose, with their names."""
    loaded = [(name, module) for name, module in sys.modules.copy().items() if isinstance(module, ModuleType)]
    keepers = {
        module.__dict__.get("__package__") or name for name, module in loaded if "__keeps_originals__" in module.__dict__
    }
    for name, module in loaded:
        top = name.partition(".")[0]
        if top in _LEFT_ALONE or any(name == keeper or name.startswith(keeper + ".") for keeper in keepers):
            continue
        if name == "__main__" or str(module.__dict__.get("__file__", "")).endswith((".py", ".pyc")):
            yield name, module


def leave_alone(module: str) -> None:
    """Let the package of *module* keep the originals that it has."""
    _LEFT_ALONE.add(module.partition(".")[0])


def rebind(replaced: Iterable[tuple[str, Any, Any]]) -> None:
    """Replace what modules have imported by name; *replaced* has the name, the original and the replacement of each.

    Never switches.
    """
    new: dict[int, Any] = {}
    names: dict[int, set[str]] = {}
    for name, original, replacement in replaced:
        new[id(original)] = replacement
        names.setdefault(id(original), set()).add(name)
    for module_name, module in modules():
        namespace = module.__dict__
        for key, value in list(namespace.items()):
            if id(value) in new and (key in names[id(value)] or _is_imported(module_name, module, key)):
                namespace[key] = new[id(value)]


def _is_imported(module_name: str, module: ModuleType, key: str) -> bool:
    """Say whether *module* has imported what it calls *key* from another module, by another name."""
    if module_name.partition(".")[0] in _STDLIB:
        return False
    try:
        import ast  # late: seldom needed, and slow to import

        with open(str(module.__dict__.get("__file__")), "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return False
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return any(alias.asname == key for node in imports for alias in node.names)


# Locks


def renew_locks(makers: dict[type, Any]) -> None:
    """Replace locks, whose type is a key of *makers*, by what the value makes, in modules and their classes.

    Only locks that nobody holds.  Conditions, events, semaphores and queues that modules have made stand on such locks,
    and get new ones too.  Never switches.
    """
    renewed: dict[int, tuple[Any, Any]] = {}  # the old lock is kept, or another object might get its address

    def renew(lock: Any) -> Any:
        if id(lock) not in renewed:
            renewed[id(lock)] = (lock, makers[type(lock)]() if _is_free(lock) else lock)
        return renewed[id(lock)][1]

    for name, module in modules():
        for key, value in list(module.__dict__.items()):
            if type(value) in makers:
                module.__dict__[key] = renew(value)
            elif isinstance(value, type):
                if value.__module__ == name:
                    for attribute, lock in list(vars(value).items()):
                        if type(lock) in makers:
                            setattr(value, attribute, renew(lock))
            elif type(value).__module__ in _STAND_ON_LOCKS:
                _renew_inside(value, makers, renew)
    for handler in _logging_handlers():
        if type(handler.lock) in makers:
            handler.lock = renew(handler.lock)


_STAND_ON_LOCKS = ("threading", "queue")


def _renew_inside(value: Any, makers: dict[type, Any], renew: Any, depth: int = 0) -> None:
    """Renew the locks of a condition, an event, a semaphore, a barrier or a queue."""
    attributes = getattr(value, "__dict__", None)
    if not isinstance(attributes, dict) or getattr(value, "_waiters", None) or isinstance(value, _threads()):
        return  # somebody waits in it, or it is a thread, which is the business of who patches threads
    for key, inner in list(attributes.items()):
        if type(inner) in makers:
            setattr(value, key, renew(inner))
        elif depth < 2 and type(inner).__module__ in _STAND_ON_LOCKS:
            _renew_inside(inner, makers, renew, depth + 1)
    lock = attributes.get("_lock")
    if type(value).__name__ == "Condition" and lock is not None:
        # It keeps the methods of its lock as its own.
        type(value).__init__(value, lock)


def _threads() -> Any:
    return getattr(sys.modules.get("threading"), "Thread", ())


def _logging_handlers() -> list[Any]:
    logging = sys.modules.get("logging")
    references = getattr(logging, "_handlerList", [])
    return [handler for reference in references if (handler := reference()) is not None]


def _is_free(lock: Any) -> bool:
    """Say whether nobody holds *lock*, a lock or a re-entrant one of the standard library."""
    if hasattr(lock, "locked"):
        return not lock.locked()
    if lock._is_owned() or not lock.acquire(False):
        return False
    lock.release()
    return True
