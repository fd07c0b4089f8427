"""Looking for what still blocks: references to originals that patching could not reach, with the places that hold them.

The garbage collector knows who refers to an object.  From each original the way leads up, through cells, tuples and dicts,
to a module, a class, a function or an instance, and to the line where that is written.
"""

from __future__ import annotations

import ast
import gc
import sys
from types import CellType, FrameType, FunctionType, ModuleType
from typing import Any, NamedTuple

from ._apply import apply_waiting, is_object_patched, lock_makers, patched_in_place, saved
from ._late import modules

__all__ = ["Finding", "findings"]

_BLOCKING = {
    "fcntl": ("flock", "lockf"),
    "os": ("fork", "forkpty", "system", "wait", "wait3", "wait4", "waitid", "waitpid"),
    "queue": ("SimpleQueue",),
    "select": ("devpoll", "epoll", "kqueue", "poll", "select"),
    "signal": ("pause", "sigtimedwait", "sigwait", "sigwaitinfo"),
    "socket": ("getaddrinfo", "gethostbyaddr", "gethostbyname", "gethostbyname_ex", "getnameinfo"),
    "subprocess": ("Popen",),
    "threading": ("Lock", "RLock"),
    "time": ("sleep",),
}
"""What blocks a native thread, patched or not."""

_NEVER_WAIT = {
    ("subprocess", "_waitpid"),
    ("subprocess", "Popen._internal_poll"),
    ("threading", "_thread_local_info"),  # of native threads
}
"""Holders in the standard library that use what they hold only in ways that do not block."""

_MADE_OF_LOCKS = {"queue": ("LifoQueue", "PriorityQueue", "Queue")}
"""Classes that wait for nothing but locks of `threading`, so that the originals block only if those do."""

_STEPS = 4  # how far from an original to look for who holds it


class Finding(NamedTuple):
    """One place that holds something that blocks."""

    module: str
    file: str
    line: int
    holder: str
    """What holds it: a global, an attribute, a default."""
    what: str
    """What it holds: the original, as "module.name"."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.module}: {self.holder} is {self.what}, which blocks"


def findings() -> list[Finding]:
    """Return every place in the loaded modules that holds something that blocks, sorted.  Never switches."""
    apply_waiting()  # what the program has put into `sys.modules` itself
    return sorted(set(_Search().run()))


def _targets() -> dict[int, tuple[Any, str]]:
    """Return what blocks, by identity, each with how it is called."""
    found: dict[int, tuple[Any, str]] = {}
    harmless = patched_in_place()
    if is_object_patched("threading", "Lock"):
        harmless |= {id(saved[module][name]) for module, names in _MADE_OF_LOCKS.items() if module in saved for name in names}
    for target, originals in saved.items():
        for name, original in originals.items() if ":" not in target else ():
            if callable(original) and id(original) not in harmless:
                found[id(original)] = (original, f"the original of {target}.{name}")
    for module, names in _BLOCKING.items():
        for name in names:
            value = getattr(sys.modules.get(module), name, None)
            if value is not None and not is_object_patched(module, name):
                found.setdefault(id(value), (value, f"{module}.{name}"))
    return found


class _Search:
    def __init__(self) -> None:
        self.namespaces = {id(module.__dict__): (name, module) for name, module in modules()}
        self.others = {id(m.__dict__) for m in list(sys.modules.values()) if isinstance(m, ModuleType)}
        self.others -= self.namespaces.keys()
        self.names = {name for name, _ in self.namespaces.values()}
        self.found: list[Finding] = []

    def run(self) -> list[Finding]:
        level = _targets()
        for original, what in list(level.values()):
            subclasses: list[type] = original.__subclasses__() if isinstance(original, type) else []
            for subclass in subclasses:
                self._add(subclass.__module__, _class_line(subclass), f"the base of {subclass.__qualname__}", what)
        self._note_instances(level)
        kinds = tuple(lock_makers()) if is_object_patched("threading", "Lock") else ()
        for each in gc.get_objects() if kinds else ():
            if type(each) in kinds:
                level[id(each)] = (each, "a lock that was made before patching")
        seen = set(level)
        labels = {key: what for key, (_, what) in level.items()}
        for _ in range(_STEPS):
            following: dict[int, tuple[Any, str]] = {}
            held = [each for each, _ in level.values()]
            ours = {id(level), id(held), id(following), *map(id, level.values())}
            for holder in gc.get_referrers(*held) if held else ():
                if id(holder) in ours or id(holder) in seen or isinstance(holder, FrameType):
                    continue
                for inner in {id(each): each for each in gc.get_referents(holder) if id(each) in level}.values():
                    if self._is_end(holder, inner, level[id(inner)][1], labels):
                        continue
                    seen.add(id(holder))
                    following[id(holder)] = (holder, level[id(inner)][1])
            level = following
        return self.found

    def _note_instances(self, targets: dict[int, tuple[Any, str]]) -> None:
        """Note the globals that are objects of the blocking kinds, or have one: what polls is unknown to the collector."""
        kinds = {original: what for original, what in targets.values() if isinstance(original, type)}
        for original, what in targets.values():
            if what.endswith("select.poll"):
                kinds[type(original())] = what
        for name, module in self.namespaces.values():
            for key, value in list(module.__dict__.items()):
                if type(value) in kinds and (name, key) not in _NEVER_WAIT:
                    self._add(name, _line_of(module, key), f"the global {key!r}", f"made by {kinds[type(value)]}")
                elif not isinstance(value, (type, ModuleType)):
                    for inner in list(getattr(value, "__dict__", {}).values()):
                        if type(inner) in kinds:
                            what = f"made by {kinds[type(inner)]}"
                            self._add(name, _line_of(module, key), f"what the global {key!r} has", what)

    def _is_end(self, holder: Any, inner: Any, what: str, labels: dict[int, str]) -> bool:
        """Note what *holder* is, if that can be told; false if whoever holds *holder* is to be asked."""
        if id(holder) in self.others or isinstance(holder, ModuleType):
            return True
        if id(holder) in self.namespaces:
            name, module = self.namespaces[id(holder)]
            for key, value in list(holder.items()):
                if value is inner and not _defines(name, inner, key):
                    if (name, key) not in _NEVER_WAIT:
                        self._add(name, _line_of(module, key), f"the global {key!r}", what)
            return True
        if isinstance(holder, FunctionType):
            where = holder.__code__
            if (holder.__module__, holder.__qualname__) not in _NEVER_WAIT:
                held_by = f"a default or variable of {holder.__qualname__}()"
                self._add(holder.__module__, where.co_firstlineno, held_by, what)
            return True
        if isinstance(holder, type):
            for key, value in vars(holder).items():
                if what == labels.get(id(value)):
                    self._add(holder.__module__, _class_line(holder), f"the attribute {holder.__qualname__}.{key}", what)
            return True
        if isinstance(holder, (dict, tuple, list, set, frozenset, CellType)):
            return False
        owner = type(holder)
        if owner.__module__ in self.names and owner.__module__.partition(".")[0] not in sys.stdlib_module_names:
            self._add(owner.__module__, _class_line(owner), f"an instance of {owner.__qualname__}", what)
            return True
        return owner.__module__ not in ("functools", "builtins")

    def _add(self, name: str | None, line: int, holder: str, what: str) -> None:
        if name in self.names:
            file = str(sys.modules[name].__dict__.get("__file__"))
            self.found.append(Finding(str(name), file, line, holder, what))


def _defines(module: str, value: Any, key: str) -> bool:
    """Say whether *value* is at home in *module*, where nothing but what patches it could replace it."""
    return bool(getattr(value, "__module__", None) == module and getattr(value, "__name__", None) == key) or (
        key in _BLOCKING.get(module, ())
    )


def _tree(module: ModuleType) -> ast.Module | None:
    try:
        with open(str(module.__dict__.get("__file__")), "rb") as file:
            return ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return None


def _line_of(module: ModuleType, key: str) -> int:
    """Return the line where *module* binds the global *key* last, outside of functions; 0 if that cannot be told."""
    tree = _tree(module)
    line = 0
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound = {node.name}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound = {node.id}
        else:
            continue
        if key in bound:
            line = max(line, node.lineno)
    return line


def _class_line(owner: type) -> int:
    tree = _tree(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__:
            return node.lineno
    return 0
