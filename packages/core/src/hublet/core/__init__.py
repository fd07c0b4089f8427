"""Greenlets, the hub that runs them, and the loops under it: plain blocking style, one native thread."""

from ._config import config
from ._fork import reinit
from ._greenlet import Greenlet
from ._hub import Hub, get_hub
from ._scopes import fail_after, move_on_after, shield
from ._spawn import idle, sleep, spawn, spawn_later, spawn_raw
from ._switch import compiled
from ._switch import current as getcurrent
from ._timeout import Timeout, with_timeout
from ._wait import iwait, joinall, kill, killall, wait
from .errors import (
    BlockingSwitchOutError,
    ConcurrentObjectUseError,
    Deadlock,
    GreenletExit,
    HubDestroyed,
    InvalidSwitchError,
    InvalidThreadUseError,
    LoopExit,
)

__all__ = [
    "BlockingSwitchOutError",
    "ConcurrentObjectUseError",
    "Deadlock",
    "Greenlet",
    "GreenletExit",
    "Hub",
    "HubDestroyed",
    "InvalidSwitchError",
    "InvalidThreadUseError",
    "LoopExit",
    "Timeout",
    "compiled",
    "config",
    "fail_after",
    "get_hub",
    "getcurrent",
    "idle",
    "iwait",
    "joinall",
    "kill",
    "killall",
    "move_on_after",
    "reinit",
    "shield",
    "sleep",
    "spawn",
    "spawn_later",
    "spawn_raw",
    "wait",
    "with_timeout",
]
