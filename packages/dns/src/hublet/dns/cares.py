"""The resolver `cares`: c-ares, through pycares, sends the questions and takes the replies apart.

It comes with ``hublet-dns[cares]``.
"""

from __future__ import annotations

import os
from weakref import WeakSet

from ._channel import Channel
from ._questions import Attempt, Sender
from ._resolv_conf import Server, Settings
from ._resolver import NetworkResolver

__all__ = ["Resolver"]


class _Sender:
    """A channel for each server."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._channels: dict[Server, Channel] = {}
        self._all: WeakSet[Channel] = WeakSet()  # also those of earlier settings that somebody waits for
        self._pid = os.getpid()

    def send(self, attempt: Attempt) -> None:
        """Hand it to the channel of its server.  As `Sender.send`."""
        if os.getpid() != self._pid:
            # A forked child would read what its parent is sent.
            self._pid = os.getpid()
            self.close()
        if attempt.settings is not self._settings:
            self._settings = attempt.settings
            self._channels.clear()
        channel = self._channels.get(attempt.server)
        if channel is None:
            channel = self._channels[attempt.server] = Channel(attempt.server, attempt.settings)
            self._all.add(channel)
        channel.send(attempt)

    def close(self) -> None:
        """Destroy all channels.  As `Sender.close`."""
        self._channels.clear()
        for channel in list(self._all):
            channel.close()


class Resolver(NetworkResolver):
    """A resolver that asks the name servers of ``resolv.conf`` from the greenlets of one hub."""

    def make_sender(self) -> Sender:
        """Return who sends the questions."""
        return _Sender()
