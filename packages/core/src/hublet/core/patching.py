"""How a distribution says what it replaces in the standard library.

A distribution lists `Patch` records under an entry point; whoever patches finds them, imports every replacement first,
and only then replaces, in the order that `after` asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Patch"]


class Patch(NamedTuple):
    """A promise that *names* in the module *replacement* can stand for the same names in the module *target*.

    Either may be a class instead, as ``"module:Class"``: methods of a class are replaced in place, for its subclasses and
    for instances that exist.

    *feature* is the part of ``patch_all`` that switches it on ("socket", "dns", …).  *after* names features that must be
    patched before it.  *distribution* is what to install to get it.  *hook*, if given, is called without arguments once
    the names are replaced, for what cannot be said by names.  *relies_on* lists what the replacement uses of the standard
    library without its being documented, as ``"module:object"`` or, for a function, with the names of its positional
    parameters, ``"module:Class.method(self, x)"``; where a Python has it otherwise, whoever patches says so.  With *lazy*
    true the target is not imported for it: it is patched when the program imports it, or at once if that has happened.
    """

    feature: str
    target: str
    replacement: str
    names: tuple[str, ...]
    after: tuple[str, ...] = ()
    distribution: str = ""
    hook: Callable[[], None] | None = None
    relies_on: tuple[str, ...] = ()
    lazy: bool = False
