"""Every setting of hublet in one table: its name, its environment variable, its default and what it means.

A setting is taken from the environment when it is first read, and may be assigned before that, or after, by a program:
``hublet.core.config.loop = "selectors"``.  What exists already, such as a hub that runs, keeps what it was made with.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["SETTINGS", "Config", "Setting", "config"]


def _seconds(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise ValueError("must not be negative")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("must be at least 1")
    return value


def _count_or_none(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("must not be negative")
    return value


def _switch(text: str) -> bool:
    try:
        return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}[
            text.lower()
        ]
    except KeyError:
        raise ValueError("known values: 1, true, yes, on, 0, false, no, off") from None


class Setting:
    """One row of the table."""

    __slots__ = ("default", "meaning", "name", "parse")

    def __init__(self, name: str, default: Any, parse: Callable[[str], Any], meaning: str) -> None:
        self.name = name
        self.default = default
        self.parse = parse
        self.meaning = meaning

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "HUBLET_" + self.name.upper()


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("loop", None, str, "name of the loop; unset: native where it was built, otherwise selectors"),
        Setting("resolver", "thread", str, "name of the resolver"),
        Setting("dns_cache_size", 1000, _count_or_none, "most answers that a resolver of hublet-dns keeps; 0: none"),
        Setting("threadpool_size", 10, _count, "most native threads that blocking calls of one hub may use at once"),
        Setting("threadpool_idle", 10.0, _seconds, "seconds after which an idle thread of the pool ends"),
        Setting("chunk_cache", True, _switch, "keep CPython's data-stack chunks for new greenlets (compiled, Python 3.11+)"),
        Setting("watchdog", 0.0, _seconds, "seconds without polling after which a hub says what keeps it; 0: no watchdog"),
        Setting("spawn_tree", False, _switch, "record who spawned each greenlet, from what stack; share spawn_tree_locals"),
    )
}


class Config:
    """The settings, one attribute each.

    Raises `ValueError` when a setting whose environment variable cannot be understood is read, and `AttributeError` for
    one that does not exist.
    """

    def __init__(self) -> None:
        # The setting `spawn_tree`, in a list, where each greenlet looks: that costs it nothing that can be measured.
        self.__dict__["recording"] = [False]

    # Called for what is not in the instance's dictionary, hence once a setting.
    def __getattr__(self, name: str) -> Any:
        value = self.__dict__[name] = _read(_setting(name))
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[_setting(name).name] = value
        if name == "spawn_tree":
            self.recording[0] = value

    def __dir__(self) -> list[str]:
        return sorted(SETTINGS)


def _setting(name: str) -> Setting:
    try:
        return SETTINGS[name]
    except KeyError:
        raise AttributeError(f"there is no setting {name!r}; known settings: {', '.join(sorted(SETTINGS))}") from None


def _read(setting: Setting) -> Any:
    text = os.environ.get(setting.variable, "")
    if not text:
        return setting.default
    try:
        return setting.parse(text)
    except ValueError as error:
        raise ValueError(f"{setting.variable}={text!r} cannot be used ({setting.meaning}): {error}") from None


config = Config()
