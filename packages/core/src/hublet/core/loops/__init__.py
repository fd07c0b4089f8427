"""The loops: what turns the readiness of descriptors into wake-ups, and the choice among them.

`native` is edge-triggered epoll, compiled, on Linux; `selectors` is plain Python on every platform; `pyuv` is libuv.
"""

from __future__ import annotations

from importlib import import_module

from .._config import config
from ._protocol import READ, WRITE, Handle, Loop

__all__ = ["LOOPS", "READ", "WRITE", "Handle", "Loop", "default_loop", "make_loop"]

LOOPS = {
    "native": ("._epoll", "EpollLoop"),
    "selectors": ("._selectors", "SelectorsLoop"),
    "pyuv": ("._pyuv", "PyuvLoop"),
}
"""The known loops: name -> module and class, imported when they are asked for."""


def make_loop(name: str | None = None) -> Loop:
    """Make a loop: the one of that *name*, or as configured (`HUBLET_LOOP`), or the best that there is.

    Raises `ValueError` for a name that is not known and `ImportError`, which says what to do, for one that is not built or
    installed here.
    """
    if name is None:
        name = config.loop
    if name is None:
        name = default_loop()
    try:
        module_name, class_name = LOOPS[name]
    except KeyError:
        raise ValueError(f"there is no loop {name!r} (argument, or HUBLET_LOOP); known loops: {', '.join(LOOPS)}") from None
    loop: Loop = getattr(import_module(module_name, __name__), class_name)()
    return loop


def default_loop() -> str:
    """Return the name of the best loop that there is: native where it was built, otherwise selectors."""
    try:
        import_module(LOOPS["native"][0], __name__)
    except ImportError:
        return "selectors"
    return "native"
