"""Make the standard library cooperative in place, so that code written without hublet in mind runs on it unchanged."""

from ._apply import get_original, is_anything_patched, is_module_patched, is_object_patched, saved
from ._patch import (
    patch_all,
    patch_builtins,
    patch_dns,
    patch_os,
    patch_queue,
    patch_select,
    patch_selectors,
    patch_signal,
    patch_socket,
    patch_ssl,
    patch_subprocess,
    patch_sys,
    patch_thread,
    patch_time,
)
from .errors import MissingPatchError, MonkeyPatchWarning, PatchError

__all__ = [
    "MissingPatchError",
    "MonkeyPatchWarning",
    "PatchError",
    "get_original",
    "is_anything_patched",
    "is_module_patched",
    "is_object_patched",
    "patch_all",
    "patch_builtins",
    "patch_dns",
    "patch_os",
    "patch_queue",
    "patch_select",
    "patch_selectors",
    "patch_signal",
    "patch_socket",
    "patch_ssl",
    "patch_subprocess",
    "patch_sys",
    "patch_thread",
    "patch_time",
    "saved",
]
