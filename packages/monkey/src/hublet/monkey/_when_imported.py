"""Doing something when the program imports a module, right after that has run and before anybody uses it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["when_imported"]

_waiting: dict[str, list[Callable[[], object]]] = {}


def when_imported(module: str, action: Callable[[], object]) -> None:
    """Call *action* when *module*, which is not imported yet, has been.  What it raises, the import raises."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    _waiting.setdefault(module, []).append(action)


class _Finder:
    """Lets the others find a module, and has its loader call back."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in _waiting:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if finder is self or find is None else find(name, path, target)
            if spec is not None:
                self._follow(name, spec.loader)
                return spec
        return None

    def _follow(self, name: str, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module  # once is enough: it is the class's again
            execute(module)
            for action in _waiting.pop(name, []):
                action()

        loader.exec_module = exec_module
