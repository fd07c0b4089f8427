"""What a question about a name ends in, and how that is said as the exceptions of `socket`."""

from __future__ import annotations

import _socket
import re

__all__ = [
    "FOUND",
    "HOST_NOT_FOUND",
    "NO_DATA",
    "NO_RECOVERY",
    "TRY_AGAIN",
    "Answer",
    "LookupFailed",
    "gaierror",
    "is_hostname",
]

# The numbers that `herror` has, from <netdb.h>.
FOUND, HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA = range(5)

_HERROR = {
    HOST_NOT_FOUND: "Unknown host",
    TRY_AGAIN: "Host name lookup failure",
    NO_RECOVERY: "Unknown server error",
    NO_DATA: "No address associated with name",
}

EAI_NONAME: int = _socket.EAI_NONAME
EAI_AGAIN: int = _socket.EAI_AGAIN
EAI_NODATA: int = getattr(_socket, "EAI_NODATA", EAI_NONAME)  # gone from newer standards, so some systems lack it

_GAIERROR = {
    EAI_NODATA: "No address associated with hostname",
    EAI_NONAME: "Name or service not known",
    EAI_AGAIN: "Temporary failure in name resolution",
}

# What glibc's getaddrinfo makes of each: a server that misbehaves in other ways knows no such name.
_AS_GAIERROR = {HOST_NOT_FOUND: EAI_NONAME, TRY_AGAIN: EAI_AGAIN, NO_RECOVERY: EAI_NONAME, NO_DATA: EAI_NODATA}


class Answer:
    """The answer to one question for one kind of record.  Not to be changed."""

    __slots__ = ("aliases", "is_final", "is_timeout", "name", "status", "ttl", "values")

    def __init__(
        self,
        status: int,
        name: str = "",
        aliases: tuple[str, ...] = (),
        values: tuple[str, ...] = (),
        is_final: bool = False,
        is_timeout: bool = False,
        ttl: float = 0,
    ) -> None:
        self.status = status  # FOUND, or why there are no values
        self.name = name  # the canonical name
        self.aliases = aliases  # the names that led to it, the one asked for first
        self.values = values  # addresses or names
        self.is_final = is_final  # whether to leave off searching: found, or an alias that leads nowhere
        self.is_timeout = is_timeout  # whether the status is TRY_AGAIN since no server answered at all
        self.ttl = ttl  # seconds for which it may be kept


class LookupFailed(Exception):
    """A name or address could not be looked up; `status` says why, as one of the numbers of `herror`."""

    def __init__(self, status: int) -> None:
        super().__init__(status, _HERROR[status])
        self.status = status

    def as_gaierror(self) -> _socket.gaierror:
        """Return what `getaddrinfo` and `getnameinfo` raise for it."""
        return gaierror(_AS_GAIERROR[self.status])

    def as_herror(self) -> _socket.herror:
        """Return what `gethostbyaddr` and `gethostbyname_ex` raise for it."""
        return _socket.herror(self.status, _HERROR[self.status])


def gaierror(number: int) -> _socket.gaierror:
    """Return the error that *number*, one of the `EAI_…`, stands for."""
    return _socket.gaierror(number, _GAIERROR[number])


_HOSTNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?").fullmatch


def is_hostname(name: str) -> bool:
    """Say whether *name* is one that hosts can have, by glibc's rules: no others are asked for, or believed."""
    return _HOSTNAME(name) is not None and len(name) <= 253 + name.endswith(".")
