"""c-ares as pycares brings it: how a channel is made, and what its numbers mean.

This and `_cares` are all that knows pycares, and they go below its class `Channel`, to the functions of c-ares (documented at
c-ares.org) that pycares wraps with cffi, for three reasons.  `Channel` drops the records of a negative answer, among which
is for how long that may be kept.  It does not let c-ares's own cache be switched off, which keeps an empty answer without a
SOA record for an hour.  And it destroys channels in a thread of `threading`, which is a greenlet if somebody has patched
that, and then blocks the hub for ever.
"""

from __future__ import annotations

import _socket
from typing import Any

from ._answers import HOST_NOT_FOUND, NO_RECOVERY, TRY_AGAIN
from ._resolv_conf import Server, Settings

try:
    import pycares
    from cffi import FFI
    from pycares._cares import ffi, lib
except ImportError as error:
    raise ImportError(
        "the resolver 'cares' needs pycares 5.1 or later, which is not installed: pip install 'hublet-dns[cares]'"
    ) from error

__all__ = [
    "NOBODY",
    "ON_SOCKET",
    "REPLY",
    "STATUSES",
    "TIMED_OUT",
    "TYPES",
    "ffi",
    "get_flags",
    "get_rcode",
    "lib",
    "make_channel",
    "set_functions",
]

ON_SOCKET: Any = dict(ffi.typeof("struct ares_options").fields)["sock_state_cb"].type
"""The type of the function that c-ares tells what it waits for."""

REPLY = 1
"""The flag of a message that is a reply."""

NOBODY: int = lib.ARES_SOCKET_BAD
"""In the place of a descriptor that is not ready."""

TIMED_OUT: int = lib.ARES_ETIMEOUT
"""The status of a question that was sent several times in vain."""

TYPES: dict[str, int] = {"A": pycares.QUERY_TYPE_A, "AAAA": pycares.QUERY_TYPE_AAAA, "PTR": pycares.QUERY_TYPE_PTR}
STATUSES: dict[int, int] = {
    lib.ARES_ENOTFOUND: HOST_NOT_FOUND,
    lib.ARES_ESERVFAIL: TRY_AGAIN,
    lib.ARES_ENOTIMP: TRY_AGAIN,
    lib.ARES_EREFUSED: TRY_AGAIN,
    lib.ARES_EFORMERR: NO_RECOVERY,
}
"""What those statuses mean that are an answer without records.  All others are none."""

_TRIES = 3
_EDNS_PAYLOAD = 1200  # bytes: what glibc says that it takes

# Options of ares_init_options(3) that pycares has no name for.
_OPT_NOROTATE, _OPT_RESOLVCONF, _OPT_HOSTS_FILE, _OPT_UDP_MAX_QUERIES, _OPT_MAXTIMEOUTMS, _OPT_QUERY_CACHE = (
    1 << bit for bit in (16, 17, 18, 19, 20, 21)
)


def _function(name: str) -> Any:
    """Return a function of c-ares that pycares has but does not offer, as one that tells a number of a message.

    `None` where the library of pycares does not tell where it is.
    """
    more = FFI()
    more.cdef(f"int {name}(const void *);")
    try:
        return getattr(more.dlopen(pycares._cares.__file__), name)
    except (AttributeError, OSError):
        return None


# c-ares looks at neither: what is no reply, or fails in a rare way, is an empty answer to it.
get_flags: Any = _function("ares_dns_record_get_flags")
get_rcode: Any = _function("ares_dns_record_get_rcode")

set_functions: Any = _function("ares_set_socket_functions_ex")
"""What gives a channel other functions for its sockets."""


def make_channel(server: Server, settings: Settings, questions_a_port: int, on_socket: Any, number: int) -> Any:
    """Return a channel that asks *server*, so many questions from one port at most: a pointer of cffi.

    The function *on_socket* is called with *number*, as a pointer, a descriptor, and whether to wait until that is readable,
    and writable.  Raises `OSError` if c-ares refuses.
    """
    pointer, options = ffi.new("ares_channel *"), ffi.new("struct ares_options *")
    nothing, lookups = ffi.new("char[]", b"/dev/null"), ffi.new("char[]", b"b")
    options.flags = lib.ARES_FLAG_NOSEARCH | lib.ARES_FLAG_NOALIASES | lib.ARES_FLAG_NOCHECKRESP
    if settings.use_tcp:
        options.flags |= lib.ARES_FLAG_USEVC
    if settings.edns:
        options.flags |= lib.ARES_FLAG_EDNS
    # Ours are the deadlines; these are the longest pauses before a question that may have been lost is sent again.
    options.timeout = options.maxtimeout = max(250, int(settings.timeout * 1000))
    options.tries = _TRIES
    options.ndots = 1
    options.lookups = lookups
    options.resolvconf_path = options.hosts_path = nothing
    options.ednspsz = _EDNS_PAYLOAD
    options.udp_max_queries = questions_a_port
    options.qcache_max_ttl = 0
    options.sock_state_cb = on_socket
    options.sock_state_cb_data = ffi.cast("void *", number)
    mask = lib.ARES_OPT_FLAGS | lib.ARES_OPT_TIMEOUTMS | lib.ARES_OPT_TRIES | lib.ARES_OPT_NDOTS | lib.ARES_OPT_LOOKUPS
    mask |= lib.ARES_OPT_EDNSPSZ | lib.ARES_OPT_SOCK_STATE_CB | _OPT_NOROTATE | _OPT_RESOLVCONF | _OPT_HOSTS_FILE
    mask |= _OPT_UDP_MAX_QUERIES | _OPT_MAXTIMEOUTMS | _OPT_QUERY_CACHE
    _raise_for(lib.ares_init_options(pointer, options, mask))
    status = lib.ares_set_servers_csv(pointer[0], _as_csv(server))
    if status != lib.ARES_SUCCESS:
        lib.ares_destroy(pointer[0])
    _raise_for(status)
    return pointer[0]


def _raise_for(status: int) -> None:
    if status != lib.ARES_SUCCESS:
        raise OSError(f"c-ares: {ffi.string(lib.ares_strerror(status)).decode()}")


def _as_csv(server: Server) -> bytes:
    host, port, *rest = server.address
    if server.family != _socket.AF_INET6:
        return f"{host}:{port}".encode()
    scope = f"%{_socket.if_indextoname(rest[1])}" if rest and rest[1] else ""
    return f"[{str(host).partition('%')[0]}]:{port}{scope}".encode()
