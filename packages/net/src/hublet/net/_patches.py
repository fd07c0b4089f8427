"""What net replaces in the standard library.

`socket.create_server`, `fromfd`, `socketpair` and `getfqdn` are not here: they call what is replaced, by name, when
they are called.  `SocketType` is the class in C, of which ours is a subclass.
"""

from __future__ import annotations

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


PATCHES = (
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
