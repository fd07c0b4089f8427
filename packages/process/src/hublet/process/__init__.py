"""Child processes, signals and files that a greenlet can wait for while the others run.

`subprocess`, `os` and `signal` here are the standard library's modules of those names, cooperative: import the one you
need.  The file objects are here.
"""

import sys

from ._fileobject import FileObject, FileObjectThread

__all__ = ["FileObject", "FileObjectThread"]

if sys.platform != "win32":
    from ._fileobject import FileObjectPosix

    __all__ += ["FileObjectPosix"]
