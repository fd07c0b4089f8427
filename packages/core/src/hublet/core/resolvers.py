"""The resolvers: who turns names of hosts into addresses, and the choice among them.

A resolver has `getaddrinfo`, `gethostbyname`, `gethostbyname_ex`, `gethostbyaddr` and `getnameinfo`, each as in `socket`,
and `close`.  Each is named by its distribution in the entry-point group of this module.  Core has `thread`, which asks the
system's functions in native threads, and `blocking`, which just asks them.
"""

from __future__ import annotations

import socket as _socket
from typing import Any, Protocol

from . import plugins
from ._config import config
from ._threads import call_in_thread

__all__ = ["BlockingResolver", "Resolver", "ThreadResolver", "known", "make_resolver", "use"]

# Taken now: patching `socket` must not make a resolver ask itself.
_getaddrinfo = _socket.getaddrinfo
_gethostbyname = _socket.gethostbyname
_gethostbyname_ex = _socket.gethostbyname_ex
_gethostbyaddr = _socket.gethostbyaddr
_getnameinfo = _socket.getnameinfo


class Resolver(Protocol):
    """What a resolver offers.  Each method parks, unless it can answer at once, and raises as the `socket` function.

    Its hub refers to it weakly, so a class that has slots needs `__weakref__` among them.
    """

    def getaddrinfo(self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        """As `socket.getaddrinfo`."""

    def gethostbyname(self, hostname: str) -> str:
        """As `socket.gethostbyname`."""

    def gethostbyname_ex(self, hostname: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyname_ex`."""

    def gethostbyaddr(self, ip_address: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyaddr`."""

    def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        """As `socket.getnameinfo`."""

    def close(self) -> None:
        """Give back what it holds.  Called when its hub is destroyed, if anybody has it then; may be called twice."""


class BlockingResolver:
    """The system's functions, called where they are asked for: nothing else runs meanwhile.  For debugging."""

    def __init__(self, hub: Any = None) -> None:
        pass

    def _call(self, function: Any, *args: Any) -> Any:
        return function(*args)

    def getaddrinfo(self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        """As `socket.getaddrinfo`."""
        return self._call(_getaddrinfo, host, port, family, type, proto, flags)

    def gethostbyname(self, hostname: str) -> str:
        """As `socket.gethostbyname`."""
        return self._call(_gethostbyname, hostname)  # type: ignore[no-any-return]

    def gethostbyname_ex(self, hostname: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyname_ex`."""
        return self._call(_gethostbyname_ex, hostname)  # type: ignore[no-any-return]

    def gethostbyaddr(self, ip_address: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyaddr`."""
        return self._call(_gethostbyaddr, ip_address)  # type: ignore[no-any-return]

    def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        """As `socket.getnameinfo`."""
        return self._call(_getnameinfo, sockaddr, flags)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


class ThreadResolver(BlockingResolver):
    """The system's functions, called in native threads.  Parks for each question."""

    def _call(self, function: Any, *args: Any) -> Any:
        return call_in_thread(function, *args)


# Entry points as well.  But a copy of core under another name has none, and to look for them takes a millisecond.
_OWN = {"blocking": BlockingResolver, "thread": ThreadResolver}


def known() -> list[str]:
    """Return the names of the resolvers that can be used, sorted.  Never switches."""
    return sorted({*_OWN, *plugins.names(__name__)})


def make_resolver(hub: Any, name: str | None = None) -> Any:
    """Make a resolver for *hub*: the one of that *name*, or as configured (`HUBLET_RESOLVER`).

    The hub closes it when it is destroyed, and does not keep it.
    Raises `ValueError` for a name that is not known and `PluginError` for one that cannot be loaded.
    """
    if name is None:
        name = config.resolver
    factory = _OWN.get(name)
    if factory is None:
        if name not in plugins.names(__name__):
            raise ValueError(
                f"there is no resolver {name!r} (argument, or HUBLET_RESOLVER); known resolvers: {', '.join(known())}; "
                "others come with hublet-dns"
            )
        factory = plugins.load(__name__, name)
    resolver = factory(hub)
    hub.add_resolver(resolver)
    return resolver


def use(name: str) -> Any:
    """Let the hub of this thread use the resolver *name* from now on, and return it.  Raises as `make_resolver`.

    The one before is not closed, since look-ups may be under way; it is gone when nobody has it any more.
    """
    from ._hub import get_hub  # late: a name that is not needed elsewhere

    hub = get_hub()
    hub.resolver = make_resolver(hub, name)
    return hub.resolver
