"""Whether this Python has what replacements use of it without its being documented."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hublet.core.patching import Patch

__all__ = ["differences", "explain"]


def differences(records: Iterable[Patch]) -> list[tuple[str, str]]:
    """Return what each of *records* relies on and this Python has otherwise: the distribution, and what differs."""
    found = []
    for record in records:
        for claim in record.relies_on:
            difference = _difference(claim)
            if difference is not None and (record.distribution, difference) not in found:
                found.append((record.distribution, difference))
    return found


def explain(found: list[tuple[str, str]]) -> str:
    """Put *found*, as of `differences`, into words."""
    lines = [f"  {what} ({distribution or 'a distribution without a name'} uses it)" for distribution, what in found]
    return (
        f"this Python, {sys.version.split()[0]}, differs from those that hublet knows in private parts of the standard "
        "library; what is patched there may not work:\n" + "\n".join(lines) + "\nupgrade hublet, or report this"
    )


def _difference(claim: str) -> str | None:
    path, has_parameters, parameters = claim.partition("(")
    path, uses_names, names = path.partition("[")
    module, _, inner = path.partition(":")
    try:
        found: Any = import_module(module)
        for name in inner.split(".") if inner else ():
            found = getattr(found, name)
    except (ImportError, AttributeError):
        return f"{path} does not exist"
    if not has_parameters and not uses_names:
        return None
    # Of a method that was replaced in place meanwhile nothing can be said, hence the check comes before the patching.
    code = getattr(getattr(found, "__func__", found), "__code__", None)
    if code is None:
        return f"{path} is not a function written in Python"
    if uses_names:
        missing = [name for name in _split(names, "]") if name not in code.co_names]
        return f"{path} does not use {', '.join(missing)}" if missing else None
    expected = _split(parameters, ")")
    actual = list(code.co_varnames[: code.co_argcount])
    return None if actual == expected else f"{path} takes ({', '.join(actual)}), not ({', '.join(expected)})"


def _split(names: str, end: str) -> list[str]:
    return [name.strip() for name in names.rstrip(end).split(",") if name.strip()]
