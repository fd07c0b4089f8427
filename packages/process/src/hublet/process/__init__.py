"""Child processes, signals and files that a greenlet can wait for while the others run.

`subprocess`, `os` and `signal` here are the standard library's modules of those names, cooperative: import the one you
need.  The file objects are here.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._fileobject import FileObject, FileObjectThread

__all__ = ["FileObject", "FileObjectThread"]

if sys.platform != "win32":
    if TYPE_CHECKING:
        from ._fileobject import FileObjectPosix

    __all__ += ["FileObjectPosix"]


def __getattr__(name: str) -> object:
    # Late: whoever imports one module of this package does not wait for the others.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _fileobject

    return getattr(_fileobject, name)
