"""The one door to what other distributions offer: entry points, in groups named after the module that reads them.

A group is ``<this package's parent>.<module>``, so a copy of core under another name reads groups of its own and never
loads what was written for the original.  `importlib.metadata` is slow and imports much that may be patched, so it is read
late, once, and only here.
"""

from __future__ import annotations

from typing import Any

__all__ = ["PluginError", "load", "names"]

_groups: dict[str, dict[str, Any]] = {}


class PluginError(ImportError):
    """A plug-in is installed but could not be loaded; the cause says why."""


def _points(group: str) -> dict[str, Any]:
    if group not in _groups:
        from importlib.metadata import entry_points  # late: 14 to 70 ms, and imports sockets and threads

        # By name, so that the order does not depend on that of the file system.
        _groups[group] = {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}
    return _groups[group]


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
            f"reinstall the distribution {point.dist.name if point.dist else point.value!r}, or what it needs"
        ) from error
