"""Finding the application that a command line names."""

from __future__ import annotations

import importlib
import re
from typing import Any

__all__ = ["LoadError", "load_application"]

_SPEC = re.compile(r"([\w.]+)(?::([\w.]+)(\(\))?)?")


class LoadError(Exception):
    """What was named is not there, or is no application; the message says which."""


def load_application(spec: str) -> Any:
    """Return the application that *spec* names: ``module:name``, ``module:factory()``, or a module that has the usual name.

    Raises `LoadError` if there is none, and whatever importing the module raises.
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise LoadError(f"{spec!r} names no application: write module:name, such as mysite.wsgi:application")
    module_name, path, call = match.groups()
    try:
        found = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise  # the module is there, and what it imports is not
        raise LoadError(f"there is no module {error.name!r}; it is looked for in the current folder first") from None
    if path is None:
        for path in ("application", "app"):
            if hasattr(found, path):
                break
        else:
            raise LoadError(f"the module {module_name!r} has neither 'application' nor 'app': write {module_name}:name")
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise LoadError(f"the module {module_name!r} has no {path!r}") from None
    if call:
        found = found()  # type: ignore[operator]
    if not callable(found):
        raise LoadError(f"{spec!r} is {found!r}, and a WSGI application is a callable")
    return found
