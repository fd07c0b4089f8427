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

_MOST_GIVEN_UP = 64  # questions; a channel that drags more of them along is left to those who wait for it

_QUESTIONS_A_PORT = 64  # after so many c-ares takes another port, so that none is in use for long

_generation = 0  # how often this process is a forked child


def _count_generation() -> None:
    global _generation
    _generation += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_generation)


class _Sender:
    """A channel for each server."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._channels: dict[Server, Channel] = {}
        self._all: WeakSet[Channel] = WeakSet()  # also those of earlier settings that somebody waits for
        self._generation = _generation

    def send(self, attempt: Attempt) -> None:
        """Hand it to the channel of its server.  As `Sender.send`."""
        if self._generation != _generation:
            # A forked child would read what its parent is sent.
            self._generation = _generation
            self.close()
        if attempt.settings is not self._settings:
            self._settings = attempt.settings
            self._channels.clear()
        if attempt.is_alone:
            self._new_channel(attempt, 1).send(attempt)
            return
        channel = self._channels.get(attempt.server)
        if channel is None or channel.given_up >= _MOST_GIVEN_UP:
            channel = self._channels[attempt.server] = self._new_channel(attempt, _QUESTIONS_A_PORT)
        channel.send(attempt)

    def _new_channel(self, attempt: Attempt, questions_a_port: int) -> Channel:
        channel = Channel(attempt.server, attempt.settings, questions_a_port)
        self._all.add(channel)
        return channel

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
