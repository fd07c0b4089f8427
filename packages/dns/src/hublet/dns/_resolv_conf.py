"""``resolv.conf``: which servers to ask, for how long, and which domains to search, as resolv.conf(5) has it."""

from __future__ import annotations

import _socket
import os
from typing import Any, NamedTuple

from ._watched import Watched

__all__ = ["ResolvConf", "Server", "Settings"]

MAX_SERVERS = 3  # as glibc: more would only make a failure slower


class Server(NamedTuple):
    """A name server: what a socket must be made with and connected to."""

    family: int
    address: tuple[str, int] | tuple[str, int, int, int]

    @classmethod
    def at(cls, host: str, port: int = 53) -> Server:
        """Return the server at *host*, a numeric address, maybe with a scope.  Raises `OSError` if it is not numeric."""
        found = _socket.getaddrinfo(host, port, 0, _socket.SOCK_DGRAM, 0, _socket.AI_NUMERICHOST)[0]
        return cls(found[0], found[4])  # type: ignore[arg-type]


class Settings:
    """How to ask.  Times are in seconds.  Not to be changed."""

    __slots__ = ("attempts", "edns", "ndots", "rotate", "search", "servers", "timeout", "use_tcp")

    def __init__(
        self,
        servers: tuple[Server, ...],
        search: tuple[str, ...],
        ndots: int = 1,
        timeout: float = 5,
        attempts: int = 2,
        rotate: bool = False,
        use_tcp: bool = False,
        edns: bool = False,
    ) -> None:
        self.servers = servers
        self.search = search  # domains, without a dot at the end
        self.ndots = ndots  # a name with so many dots is tried as it is before the domains are searched
        self.timeout = timeout  # for each server in the first round; doubled, and shared among them, in each further one
        self.attempts = attempts  # rounds through all servers
        self.rotate = rotate  # begin each question at another server
        self.use_tcp = use_tcp  # do not try UDP
        self.edns = edns  # say that replies may be larger than 512 bytes


class ResolvConf:
    """The file at *path*, read again when it changes.  What *fixed* gives stands for what the file says.  Never switches.

    The environment variables `LOCALDOMAIN` and `RES_OPTIONS` count as for the system's resolver.
    """

    def __init__(self, path: str = "/etc/resolv.conf", **fixed: Any) -> None:
        self._fixed = {name: value for name, value in fixed.items() if value is not None}
        self._file = Watched(path, self._parse)

    def get(self) -> Settings:
        """Return the settings that hold now."""
        return self._file.get()

    @property
    def version(self) -> int:
        """How many times the settings have been read: another number may mean other answers."""
        return self._file.version

    def _parse(self, text: str) -> Settings:
        servers: list[Server] = []
        search: list[str] | None = None
        options: list[str] = []
        for line in text.splitlines():
            keyword, *values = line.split() if line[:1] not in ("#", ";", " ", "\t") else [""]
            if keyword == "nameserver" and values and len(servers) < MAX_SERVERS:
                try:
                    servers.append(Server.at(values[0]))
                except OSError:
                    pass  # not an address: the system's resolver passes over it too
            elif keyword in ("domain", "search") and values:
                search = values[:1] if keyword == "domain" else values
            elif keyword == "options":
                options += values
        if "LOCALDOMAIN" in os.environ:
            search = os.environ["LOCALDOMAIN"].split()
        if search is None:
            search = [domain] if (domain := _socket.gethostname().partition(".")[2]) else []
        options += os.environ.get("RES_OPTIONS", "").split()
        found: dict[str, Any] = {
            "servers": tuple(servers) or (Server.at("127.0.0.1"),),
            "search": tuple(domain.strip(".") for domain in search),
            "ndots": _number(options, "ndots", 1, 0, 15),
            "timeout": _number(options, "timeout", 5, 1, 30),
            "attempts": _number(options, "attempts", 2, 1, 5),
            "rotate": "rotate" in options,
            "use_tcp": "use-vc" in options,
            "edns": "edns0" in options,
        }
        return Settings(**(found | self._fixed))


def _number(options: list[str], name: str, default: int, least: int, most: int) -> int:
    """Return the number that the last option ``name:number`` gives, kept between *least* and *most*."""
    for option in reversed(options):
        key, _, text = option.partition(":")
        if key == name and text.isdigit():
            return min(max(int(text), least), most)
    return default
