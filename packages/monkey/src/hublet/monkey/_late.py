"""What was imported or made before the patching: found among what the loaded modules hold, and replaced there too.

``from time import sleep`` binds the function itself, and replacing it in `time` does not reach that.  So what modules that
are loaded have imported by name is replaced in them, and locks that classes have as attributes by new ones if nobody holds
them.  What lies deeper (defaults of parameters, containers, instances) and what a
program has put aside (``real_sleep = time.sleep``) stays, and the doctor reports it.

Some hold originals on purpose.  They are left alone: extension modules, hublet itself and other copies of its core, other
libraries of this kind, debuggers, and every package with a module that says ``__keeps_originals__ = True``.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType
    from typing import Any

__all__ = ["leave_alone", "modules", "rebind", "renew_locks_of_classes"]

_OURS = __package__.rpartition(".")[0]  # `hublet`, or whatever this is a part of
_LEFT_ALONE = {_OURS, "gevent", "eventlet", "greenlet", "pydevd", "_pydevd_bundle", "_pydev_bundle", "debugpy"}
_STDLIB = sys.stdlib_module_names
_Module: type[ModuleType] = type(sys)


def modules() -> Iterator[tuple[str, ModuleType]]:
    """Yield the loaded modules that are written in Python and hold no originals on purpose, with their names."""
    loaded = [(name, module) for name, module in sys.modules.copy().items() if isinstance(module, _Module)]
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


def rebind(replaced: Iterable[tuple[str, Any, Any]], before: set[str] | None = None) -> None:
    """Replace what modules have imported by name; *replaced* has the name, the original and the replacement of each.

    Modules whose names are in *before* are passed over.  Never switches.
    """
    new: dict[int, Any] = {}
    names: dict[int, set[str]] = {}
    for name, original, replacement in replaced:
        new[id(original)] = replacement
        names.setdefault(id(original), set()).add(name)
    for module_name, module in modules() if new else ():
        if before is not None and module_name in before:
            continue
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


def renew_locks_of_classes(makers: dict[type, Any]) -> None:
    """Replace locks that classes have as attributes, whose type is a key of *makers*, by what the value makes.

    Only those that nobody holds.  Never switches.  Those of modules and of instances are the business of who patches
    `threading`.
    """
    for name, module in modules():
        for owner in list(module.__dict__.values()):
            if isinstance(owner, type) and owner.__module__ == name:
                for key, value in list(vars(owner).items()):
                    # It says so in all versions, and nothing else tells whether somebody holds a re-entrant one.
                    if type(value) in makers and repr(value).startswith("<unlocked"):
                        setattr(owner, key, makers[type(value)]())
