"""What blocks a native thread and is meant to, whatever has been patched by now."""

from hublet.core.patching import original

__all__ = ["allocate_lock"]

allocate_lock = original("_thread", "allocate_lock")
