"""File objects that a greenlet can wait for: on what can be polled, and, with native threads, on anything.

gevent's names.  Each is a thin skin over a file of the standard library's kind, which does the work: what that file can
do, the object can, and what it cannot (`read1` of a text file), the object has no such method.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from hublet.core.lowlevel import call_in_thread

from ._native import allocate_lock

__all__ = ["FileObject", "FileObjectPosix", "FileObjectThread"]


class _FileObject:
    """What both have: the file below, and that it is iterated over, entered and closed like one."""

    _file: Any
    _owner: Any = None  # the file that we were given, which has the descriptor

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_file":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._file, name)

    @property
    def name(self) -> Any:
        """What it was opened by, a path or a descriptor; stays when it is closed."""
        return getattr(self._file if self._owner is None else self._owner, "name", None)

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return bool(self._file.closed)

    def close(self) -> None:
        """Send what is buffered and close it, with the file that it was made of unless *closefd* was false.

        Parks if there is something to send.  May be called twice.
        """
        try:
            self._file.close()
        finally:
            if self._owner is not None:
                self._owner.close()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._file!r}>"


def _mode_of(file: Any) -> str:
    """Return the mode in which to open the descriptor of *file* once more."""
    mode = getattr(file, "mode", None)
    if isinstance(mode, str):
        return mode
    mode = ("r" if file.readable() else "") or "w"
    return mode if isinstance(file, io.TextIOBase) else mode + "b"


def _text_options(file: Any, mode: str, encoding: Any, errors: Any) -> tuple[Any, Any]:
    if "b" in mode or not isinstance(file, io.TextIOBase):
        return encoding, errors
    return encoding or file.encoding, errors or file.errors


if sys.platform != "win32":
    from ._open import open_file

    class FileObjectPosix(_FileObject):
        """A file on a pipe, a tty, or whatever else can be polled, whose reading and writing parks.

        *fobj* is a path, a descriptor or a file; the rest is as for `io.open`, and what is not given is as *fobj* has it.
        *mode* is "r" for what has none, *bufsize* another word for *buffering*.  With a file as *fobj*, what that file
        has read ahead stays in it.  Regular files are read and written as ever: the kernel finds them always ready.
        The descriptor stays blocking.  Raises as `io.open`.
        """

        def __init__(
            self,
            fobj: Any,
            mode: str | None = None,
            buffering: int | None = None,
            encoding: str | None = None,
            errors: str | None = None,
            newline: str | None = None,
            closefd: bool = True,
            *,
            bufsize: int | None = None,
        ) -> None:
            size = -1 if buffering is None and bufsize is None else int(buffering if bufsize is None else bufsize)  # type: ignore[arg-type]
            if not hasattr(fobj, "fileno"):
                self._file = open_file(fobj, mode or "r", size, encoding, errors, newline, closefd)
                return
            mode = mode or _mode_of(fobj)
            if fobj.writable():
                fobj.flush()
            encoding, errors = _text_options(fobj, mode, encoding, errors)
            self._file = open_file(fobj.fileno(), mode, size, encoding, errors, newline, closefd=False)
            if closefd:
                self._owner = fobj


class FileObjectThread(_FileObject):
    """Any file, each of whose calls is made in a native thread, one at a time.  Parks.

    *fobj* is a path, a descriptor or a file object of any kind; the rest is as for `io.open`, and has no meaning with a
    file object.  With *lock* false, calls may overlap, and *fobj* has to bear that.  A greenlet that is killed or times
    out goes on at once; the call that it made goes on to its end, and what that reads is lost.  Raises as `io.open`.
    """

    def __init__(
        self,
        fobj: Any,
        mode: str | None = None,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        *,
        bufsize: int | None = None,
        lock: bool = True,
    ) -> None:
        self._lock = allocate_lock() if lock else None
        self._closes = True
        if hasattr(fobj, "read") or hasattr(fobj, "write"):
            self._file, self._closes = fobj, closefd
        else:
            self._file = open(fobj, mode or "r", buffering if bufsize is None else bufsize, encoding, errors, newline, closefd)

    def _call(self, name: str, args: tuple[Any, ...]) -> Any:
        method = getattr(self._file, name)
        if self._lock is None:
            return method(*args)
        with self._lock:
            return method(*args)

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        return partial(self._in_thread, name) if name in _BLOCKING else found

    def _in_thread(self, name: str, *args: Any) -> Any:
        return call_in_thread(self._call, name, args)

    def close(self) -> None:
        """Send what is buffered and close it, or, with *closefd* false, only send.  Parks."""
        self._in_thread("close" if self._closes else "flush")


_BLOCKING = frozenset(
    "read read1 readall readinto readinto1 readline readlines write writelines flush seek tell truncate peek detach".split()
)

FileObject: Any = FileObjectThread if sys.platform == "win32" else FileObjectPosix
"""The one that suits the platform."""
