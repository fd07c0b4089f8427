"""What somebody who waits is woken with when it is not an item, and what is returned when there is none."""

from __future__ import annotations

from typing import Any

__all__ = ["LOOK", "NOTHING", "TAKEN"]


class _Word:
    """A value that is only compared by identity."""

    __slots__ = ("_meaning",)

    def __init__(self, meaning: str) -> None:
        self._meaning = meaning

    def __repr__(self) -> str:
        return f"<{self._meaning}>"


NOTHING: Any = _Word("nothing")
LOOK: Any = _Word("look again")
TAKEN: Any = _Word("taken")
