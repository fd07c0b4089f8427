"""Being told of what the program imports, right after it has run and before anybody uses it.

A finder in front of the others has them find a module, and puts a loader in between that tells.  Some modules are told of
only when others that import them have run as well:

- What a watched module imports.  `ssl` derives its sockets from those of `socket`, and has to find the original there.
- What is imported by modules that replace something, or by their neighbours.  They would otherwise get what they are to
  replace, and what they bring would be asked for before it is there.
"""

from __future__ import annotations

import sys

from hublet.core.patching import original

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

__all__ = ["Imports"]

_get_ident = original("_thread", "get_ident")  # of the native thread: none of these modules lets others run


class Imports:
    """What is imported, as far as it is of interest.

    ``has_run(name)`` is called when the watched module of that name has run, in whatever way it was imported.  When nothing
    of interest runs any more in that native thread, ``at_end(before)`` is, with the names of the modules that were there
    when it began, or `None` if that is not known.  What they raise, the import raises.
    """

    def __init__(self, has_run: Callable[[str], object], at_end: Callable[[set[str] | None], object]) -> None:
        self._has_run = has_run
        self._at_end = at_end
        self._watched: set[str] = set()
        self._followed: set[str] = set()  # packages
        self._running: list[str] = []  # what is watched and runs, in any thread
        self._depths: dict[int, int] = {}  # native threads in which something of interest runs: how deep they are in it
        self._is_missing = False  # something that another native thread is about to import

    def watch(self, module: str) -> None:
        """Tell of *module*."""
        self._watched.add(module)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def follow(self, package: str) -> None:
        """Tell of nothing while a module of *package*, one without a dot in its name, is running."""
        self._followed.add(package)

    def is_running(self, module: str) -> bool:
        """Say whether *module*, which is watched, is running."""
        return module in self._running

    def call_again(self) -> None:
        """Call ``at_end`` when the next module of a package that is followed has run."""
        self._is_missing = True

    def __enter__(self) -> None:
        """Tell of nothing until the end of the block."""
        self._depths[_get_ident()] = self._depths.get(_get_ident(), 0) + 1

    def __exit__(self, *exc_info: object) -> None:
        self._leave()

    def _leave(self) -> bool:
        """Go up by one; say whether that was the last."""
        me = _get_ident()
        self._depths[me] -= 1
        if self._depths[me]:
            return False
        del self._depths[me]
        return True

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Have the other finders find *name*, if it is of interest.  For the machinery of `import`."""
        if name not in self._watched and name.partition(".")[0] not in self._followed:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if finder is self or find is None else find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self)  # type: ignore[assignment]
                return spec
        return None

    def run(self, loader: Any, module: ModuleType, name: str) -> None:
        """Let *loader* run *module*, whose name is *name*."""
        is_watched = name in self._watched
        before = None if _get_ident() in self._depths else {*sys.modules} - {name}
        self.__enter__()
        if is_watched:
            self._running.append(name)
        try:
            loader.exec_module(module)
        finally:
            if is_watched:
                self._running.remove(name)
            is_last = self._leave()
        if is_watched:
            self._has_run(name)
        if is_last:
            if self._is_missing and not is_watched:
                self._is_missing, before = False, None
            self._at_end(before)


class _Loader:
    """Stands for another loader until the module is to run."""

    def __init__(self, loader: Any, imports: Imports) -> None:
        self._loader = loader
        self._imports = imports

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create = getattr(self._loader, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        assert spec is not None
        # The module finds the loader that it would have without us.
        spec.loader = module.__loader__ = self._loader
        self._imports.run(self._loader, module, spec.name)
