"""What net replaces in the standard library.

`socket.create_server`, `fromfd`, `socketpair` and `getfqdn` are not here: they call what is replaced, by name, when
they are called.  `SocketType` is the class in C, of which ours is a subclass.

Of `ssl` and `selectors` it is attributes of classes, so that what a program has imported or derived from them by then
becomes cooperative too.
"""

from __future__ import annotations

import select
import selectors
from importlib.util import find_spec

from hublet.core.patching import Patch

__all__ = ["PATCHES"]

_DISTRIBUTION = "hublet-net"

_METHODS = (
    "__del__",
    "__init__",
    "_real_close",
    "_sendfile_use_sendfile",
    "accept",
    "bind",
    "connect",
    "connect_ex",
    "detach",
    "getblocking",
    "gettimeout",
    "recv",
    "recv_into",
    "recvfrom",
    "recvfrom_into",
    "recvmsg",
    "recvmsg_into",
    "send",
    "sendall",
    "sendmsg",
    "sendmsg_afalg",
    "sendto",
    "setblocking",
    "settimeout",
    "timeout",
)


def _give_what_methods_need() -> None:
    from ._in_place import give_what_methods_need  # late: it is imported with the replacements, not with the records

    give_what_methods_need()


PATCHES: tuple[Patch, ...] = (
    Patch(
        "dns",
        target="socket",
        replacement=f"{__package__}.socket",
        names=("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo"),
        distribution=_DISTRIBUTION,
    ),
    Patch(
        "socket",
        target="socket",
        replacement=f"{__package__}.socket",
        names=("socket",),
        distribution=_DISTRIBUTION,
    ),
    Patch(
        "socket",
        target="socket",
        replacement=f"{__package__}._stdlib",
        names=("create_connection",),
        distribution=_DISTRIBUTION,
    ),
    # The original class in place.  First what the methods need, or another thread might be in one without it.
    Patch(
        "socket",
        target="socket:socket",
        replacement=f"{__package__}._in_place:InPlace",
        names=(),
        distribution=_DISTRIBUTION,
        hook=_give_what_methods_need,
    ),
    Patch(
        "socket",
        target="socket:socket",
        replacement=f"{__package__}._in_place:InPlace",
        names=_METHODS,
        distribution=_DISTRIBUTION,
        relies_on=(
            "socket:socket._real_close(self, _ss)",
            "socket:socket._sendfile_use_sendfile(self, file, offset, count)",
            "socket:socket._closed",
            "socket:socket._io_refs",
            "socket:_GLOBAL_DEFAULT_TIMEOUT",
        ),
    ),
)

if find_spec("_ssl") is not None:
    PATCHES += (
        Patch(
            "ssl",
            target="ssl",
            replacement=f"{__package__}._ssl_in_place",
            names=("create_connection",),
            distribution=_DISTRIBUTION,
        ),
        Patch(
            "ssl",
            target="ssl:SSLContext",
            replacement=f"{__package__}._ssl_in_place",
            names=("sslsocket_class",),
            distribution=_DISTRIBUTION,
        ),
        Patch(
            "ssl",
            target="ssl:SSLSocket",
            replacement=f"{__package__}._ssl_in_place",
            names=("_create",),
            distribution=_DISTRIBUTION,
        ),
    )


def _remove_blocking() -> None:
    """Take out of `select` what programs choose there by looking whether it exists, and what would block.

    `epoll` is replaced before, so that it counts as patched and its original can be found.  Ours stays in
    `hublet.net.select`.
    """
    for name in ("epoll", "kqueue", "kevent", "devpoll"):
        if hasattr(select, name):
            delattr(select, name)


PATCHES += (
    Patch(
        "select",
        target="select",
        replacement=f"{__package__}.select",
        names=tuple(name for name in ("select", "poll", "epoll") if hasattr(select, name)),
        distribution=_DISTRIBUTION,
        hook=_remove_blocking,
    ),
    Patch(
        "selectors",
        target="selectors:SelectSelector",
        replacement=f"{__package__}._selectors",
        names=("_select",),
        distribution=_DISTRIBUTION,
    ),
)
PATCHES += tuple(
    Patch(
        "selectors",
        target=f"selectors:{name}",
        replacement=f"{__package__}._selectors:{name}",
        names=("_selector_cls",),
        distribution=_DISTRIBUTION,
    )
    for name in ("PollSelector", "EpollSelector")
    if hasattr(selectors, name)
)
if any(hasattr(selectors, name) for name in ("KqueueSelector", "DevpollSelector")):
    # Those block, and they are the default where they exist.
    PATCHES += (
        Patch(
            "selectors",
            target="selectors",
            replacement=f"{__package__}.selectors",
            names=("DefaultSelector",),
            distribution=_DISTRIBUTION,
        ),
    )
