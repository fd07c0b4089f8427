"""Links that call back in a greenlet of their own, so that what they call may wait."""

from __future__ import annotations

from ._greenlet import Greenlet

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["FailureSpawnedLink", "SpawnedLink", "SuccessSpawnedLink"]


class SpawnedLink:
    """A link whose callback runs in a greenlet of its own, so that it may wait."""

    __slots__ = ("callback",)

    def __init__(self, callback: Any) -> None:
        if not callable(callback):
            raise TypeError(f"a link must be callable, not {callback!r}")
        self.callback: Any = callback

    def __call__(self, source: Any) -> None:
        Greenlet.spawn(self.callback, source)

    def __eq__(self, other: object) -> bool:
        """Equal to its callback too, so that `unlink` finds it."""
        return self.callback == getattr(other, "callback", other)  # type: ignore[no-any-return]

    def __hash__(self) -> int:
        return hash(self.callback)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.callback!r}>"


class SuccessSpawnedLink(SpawnedLink):
    """A `SpawnedLink` for greenlets that finish without an error."""

    __slots__ = ()

    def __call__(self, source: Any) -> None:
        if source.successful():
            SpawnedLink.__call__(self, source)


class FailureSpawnedLink(SpawnedLink):
    """A `SpawnedLink` for greenlets that finish with an error."""

    __slots__ = ()

    def __call__(self, source: Any) -> None:
        if not source.successful():
            SpawnedLink.__call__(self, source)
