"""Which patch records there are: those of the distributions that are installed, found by entry point.

An entry point of the group names a sequence of `hublet.core.patching.Patch`.
"""

from __future__ import annotations

from hublet.core import plugins
from hublet.core.patching import Patch

from ._features import FEATURES
from .errors import MissingPatchError, PatchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["GROUP", "features", "installed", "missing", "select"]

GROUP = f"{__package__}.patches"


def installed() -> list[Patch]:
    """Return the records of all distributions that are installed, in an order that does not change.  Never switches.

    Raises `PluginError` if one of them cannot be loaded and `PatchError` if it names something other than records.
    """
    found: list[Patch] = []
    for name in plugins.names(GROUP):
        for record in plugins.load(GROUP, name):
            if not isinstance(record, Patch):
                raise PatchError(f"the entry point {name!r} of {GROUP} must name a sequence of Patch, but has {record!r}")
            found.append(record)
    return found


def features() -> list[str]:
    """Return the names of all features that are known or installed, sorted.  Never switches."""
    return sorted({*FEATURES, *(record.feature for record in installed())})


def select(records: Iterable[Patch], wanted: Collection[str]) -> list[Patch]:
    """Return those of *records* whose feature is *wanted*, each after the features that it is to come after.

    Otherwise in the order in which they came.  A feature that is not wanted is not waited for.  Raises `PatchError` if
    features wait for each other.
    """
    left = [record for record in records if record.feature in wanted]
    chosen: list[Patch] = []
    while left:
        waiting = {record.feature for record in left}
        ready = [record for record in left if not waiting & {*record.after} - {record.feature}]
        if not ready:
            circle = ", ".join(f"{record.feature!r} after {record.after}" for record in left)
            raise PatchError(f"these patches wait for each other: {circle}")
        # One at a time, so that the order is the given one wherever nothing speaks against it.
        chosen.append(ready[0])
        left.remove(ready[0])
    return chosen


def missing(feature: str, records: Iterable[Patch]) -> MissingPatchError:
    """Return the error for *feature*, for which none of *records* is."""
    if feature not in FEATURES:
        return MissingPatchError(f"no installed distribution patches {feature!r}; known: {', '.join(features())}")
    distribution = FEATURES[feature].distribution
    if any(record.distribution == distribution for record in records):
        message = (
            f"the installed {distribution} cannot patch {feature!r} yet: pip install --upgrade {distribution}, or do without it"
        )
    else:
        message = f"patching {feature!r} needs {distribution}, which is not installed: pip install {distribution}"
    return MissingPatchError(message, name=distribution)
