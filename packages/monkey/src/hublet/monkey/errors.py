"""The exceptions and the warning of monkey, and nothing else."""

from __future__ import annotations

__all__ = ["MissingPatchError", "MonkeyPatchWarning", "PatchError"]


class MissingPatchError(ImportError):
    """What was asked for comes with a distribution that is not installed; `name` is that distribution."""


class PatchError(RuntimeError):
    """Patch records that cannot be applied: they contradict each other or what they name does not exist."""


class MonkeyPatchWarning(RuntimeWarning):
    """Something was patched in a way that is probably not what was meant."""
