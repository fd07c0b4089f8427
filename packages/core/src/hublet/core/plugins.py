"""The one door to what other distributions offer: entry points, in groups named after the module that reads them.

A group is ``<this package's parent>.<module>``, so a copy of core under another name reads groups of its own and never
loads what was written for the original.  They are read late, once a group, and only here.

`importlib.metadata` takes 14 to 70 ms to import, much of that `email` and `zipfile`, which is a large part of the time that
a patched program takes to start.  So what is installed in folders, as nearly everything is, is read here by its format
(packaging.python.org, "Entry points specification"), and it is asked only where something else may be installed.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["PluginError", "load", "names"]

_groups: dict[str, dict[str, Point]] = {}


class PluginError(ImportError):
    """A plug-in is installed but could not be loaded; the cause says why."""


class Point:
    """One entry point: its name, the object that it stands for as "module:attribute", and who brings it."""

    __slots__ = ("distribution", "name", "value")

    def __init__(self, name: str, value: str, distribution: str) -> None:
        self.name = name
        self.value = value
        self.distribution = distribution

    def load(self) -> Any:
        """Import the object."""
        module, _, path = self.value.partition("[")[0].partition(":")
        found = import_module(module.strip())
        for attribute in path.strip().split(".") if path.strip() else ():
            found = getattr(found, attribute)
        return found


def _points(group: str) -> dict[str, Point]:
    if group not in _groups:
        points = _read_folders(group) if _are_all_folders() else _ask_importlib(group)
        # By name, so that the order does not depend on that of the file system.
        _groups[group] = {point.name: point for point in sorted(points, key=lambda point: point.name)}
    return _groups[group]


def _are_all_folders() -> bool:
    """Say whether all that can be installed is found by looking into folders."""
    for finder in sys.meta_path:
        of_python = getattr(finder, "__module__", "").startswith("_frozen_importlib")
        if hasattr(finder, "find_distributions") and not of_python:
            return False
    return not any(os.path.isfile(path) for path in sys.path)


def _ask_importlib(group: str) -> list[Point]:
    from importlib.metadata import entry_points  # late: slow, and imports sockets and threads

    return [Point(each.name, each.value, each.dist.name if each.dist else "") for each in entry_points(group=group)]


def _read_folders(group: str) -> list[Point]:
    found = []
    seen = set()
    for folder in sys.path:
        try:
            entries = sorted(os.listdir(folder or "."))
        except OSError:
            continue
        for entry in entries:
            stem, suffix = os.path.splitext(entry)
            if suffix not in (".dist-info", ".egg-info"):
                continue
            distribution = stem.partition("-")[0].replace("_", "-").lower()
            # Of two versions the one that comes first on the path is the one that is imported.
            if distribution not in seen:
                seen.add(distribution)
                found += [Point(name, value, distribution) for name, value in _read(os.path.join(folder, entry), group)]
    return found


def _read(folder: str, group: str) -> Iterator[tuple[str, str]]:
    try:
        with open(os.path.join(folder, "entry_points.txt"), encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return
    section = ""
    for line in text.splitlines() if f"[{group}]" in text else ():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == group and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def names(group: str) -> list[str]:
    """Return the names of the plug-ins of *group* that are installed, sorted.  Never switches."""
    return list(_points(group))


def load(group: str, name: str) -> Any:
    """Import the plug-in *name* of *group* and return the object that it names.

    Never switches.  Raises `KeyError` if there is none of that name and `PluginError` if importing it fails.
    """
    point = _points(group)[name]
    try:
        return point.load()
    except Exception as error:
        raise PluginError(
            f"the plug-in {name!r} ({point.value}) is installed but cannot be loaded: {error}; "
            f"reinstall the distribution {point.distribution or point.value!r}, or what it needs"
        ) from error
