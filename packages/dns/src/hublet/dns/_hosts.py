"""The hosts file: names and addresses that are known without asking anybody, as the system's resolver reads it."""

from __future__ import annotations

import _socket
from typing import NamedTuple

from ._watched import Watched

__all__ = ["Host", "Hosts"]

_LOOPBACK6 = _socket.inet_pton(_socket.AF_INET6, "::1")
_MAPPED = b"\0" * 10 + b"\xff\xff"


class Host:
    """What is known of a host."""

    __slots__ = ("addresses", "aliases", "name")

    def __init__(self, name: str, aliases: list[str], addresses: list[str]) -> None:
        self.name = name
        self.aliases = aliases
        self.addresses = addresses

    def as_tuple(self) -> tuple[str, list[str], list[str]]:
        """Return what `gethostbyname_ex` and `gethostbyaddr` return of it."""
        return self.name, self.aliases, self.addresses


class _Line(NamedTuple):
    packed: bytes  # the address: 4 or 16 bytes
    names: list[str]  # the first is the host's own


class _Table:
    """The parsed file."""

    def __init__(self, text: str) -> None:
        self.lines: list[_Line] = []
        self.by_name: dict[str, list[_Line]] = {}
        for line in text.splitlines():
            address, *names = line.partition("#")[0].split() or [""]
            packed = _pack(address)
            if packed is None or not names:
                continue
            entry = _Line(packed, names)
            self.lines.append(entry)
            for name in dict.fromkeys(name.lower() for name in names):
                self.by_name.setdefault(name, []).append(entry)


class Hosts:
    """The hosts file at *path*, read again when it changes.  Never switches."""

    def __init__(self, path: str = "/etc/hosts") -> None:
        self._file = Watched(path, _Table)

    def by_name(self, name: str, family: int) -> Host | None:
        """Return what all lines with *name* say, for addresses of *family* (`AF_UNSPEC`: any); `None` if none says anything.

        The name is that of the first line, with the aliases of all, as glibc gives it with ``multi on``.
        """
        table = self._file.get()
        found: Host | None = None
        for line in table.by_name.get(name.lower(), ()):
            address = _address(line.packed, family)
            if address is None:
                continue
            if found is None:
                found = Host(line.names[0], line.names[1:], [address])
            else:
                found.addresses.append(address)
                found.aliases.extend(line.names[1:])
                if line.names[0] != found.name:
                    found.aliases.append(line.names[0])
        return found

    def by_address(self, address: str) -> Host | None:
        """Return what the first line with *address*, without a scope, says; `None` if there is none."""
        family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
        packed = _pack(address)
        for line in self._file.get().lines:
            shown = _address(line.packed, family)
            if shown is not None and _pack(shown) == packed:
                return Host(line.names[0], line.names[1:], [address])
        return None


def _pack(address: str) -> bytes | None:
    try:
        return _socket.inet_pton(_socket.AF_INET6 if ":" in address else _socket.AF_INET, address)
    except OSError:
        return None


def _address(packed: bytes, family: int) -> str | None:
    """Return *packed* as an address of *family*, or `None` if it is none.

    To a question for IPv4, glibc answers with what IPv6 can say of IPv4: mapped addresses, and 127.0.0.1 for ::1.
    """
    if len(packed) == 4:
        return None if family == _socket.AF_INET6 else _socket.inet_ntop(_socket.AF_INET, packed)
    if family != _socket.AF_INET:
        return _socket.inet_ntop(_socket.AF_INET6, packed)
    if packed.startswith(_MAPPED):
        return _socket.inet_ntop(_socket.AF_INET, packed[12:])
    return "127.0.0.1" if packed == _LOOPBACK6 else None
