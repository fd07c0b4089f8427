"""The standard library's `Popen` with everything that waits replaced: the pipes' files, `wait` and `communicate`.

The child is started by the standard library, as each Python does it.  What is overridden are a few underscored methods
that have been the same since Python 3.3; `_ENDS` finds the places of their arguments by name, so that a Python that
moved them fails at import and not in somebody's program.
"""

from __future__ import annotations

import gc
import io
import os
import subprocess as _subprocess
from functools import wraps
from typing import TYPE_CHECKING, Any, AnyStr, cast

from hublet.core.lowlevel import deadline_in

from ._open import open_pipe, take_unread
from ._raw import PIPE_BUF
from ._ready import READ, WRITE, wait_ready
from ._reaper import wait_until_reaped

__all__ = ["Popen", "adopt"]

_original = cast(Any, _subprocess.Popen)
_TimeoutExpired = _subprocess.TimeoutExpired
_CHUNK = 65536
_read, _write, _close = os.read, os.write, os.close

# Where our ends of the pipes are among the arguments of `_execute_child`.
# (`inspect.signature` would say the same; `inspect` is slow to import.)
_CODE = cast(Any, _subprocess.Popen)._execute_child.__code__
_EXECUTE_CHILD = list(_CODE.co_varnames[1 : _CODE.co_argcount])
_ENDS = {
    "stdin": _EXECUTE_CHILD.index("p2cwrite"),
    "stdout": _EXECUTE_CHILD.index("c2pread"),
    "stderr": _EXECUTE_CHILD.index("errread"),
}


class Popen(_subprocess.Popen[AnyStr]):
    """A child process.  As `subprocess.Popen`, but only the calling greenlet waits, never the thread.

    `wait`, `communicate`, leaving the `with` block, and reading and writing `stdin`, `stdout` and `stderr` park; the
    constructor, `poll` and the signals never switch.  A kill or a timeout in the middle of any of them leaves a child
    that can be waited for and communicated with as before.  It may be used from any thread, with a hub or without.
    """

    _bufsize: int
    _unopened: dict[str, int]  # our ends on which there is no file yet

    if TYPE_CHECKING:
        # Of the base class, which typeshed does not tell of.
        text_mode: Any
        encoding: Any
        errors: Any
        _waitpid_lock: Any
        _communication_started: bool
        _input: Any  # what is to be sent, as bytes; `None` before `_save_input`, or if there is none
        _input_offset: int
        _try_wait: Any
        _handle_exitstatus: Any
        _save_input: Any
        _check_timeout: Any
        _remaining_time: Any
        _translate_newlines: Any
    else:
        # Its types are those of the base class; here only for what the base class does not keep.
        @wraps(_subprocess.Popen.__init__)
        def __init__(self, args, bufsize=-1, *others, **options):
            self._bufsize = -1 if bufsize is None else bufsize
            self._unopened = {}
            try:
                super().__init__(args, bufsize, *others, **options)
            except BaseException:
                for fd in self._unopened.values():
                    _close(fd)
                raise

    # Starting

    def _get_handles(self, stdin: Any, stdout: Any, stderr: Any) -> tuple[int, ...]:
        """Make the pipes, but keep our ends from `__init__`, which would open blocking files on them."""
        handles: tuple[int, ...] = super()._get_handles(stdin, stdout, stderr)  # type: ignore[misc]
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite = handles
        ends = (("stdin", p2cwrite), ("stdout", c2pread), ("stderr", errread))
        self._unopened = {name: fd for name, fd in ends if fd != -1}
        return p2cread, -1, -1, c2pwrite, -1, errwrite

    def _execute_child(self, *arguments: Any) -> None:
        """Open our files on our ends, and start the child, which is told of them to close them."""
        passed = list(arguments)
        for name, fd in list(self._unopened.items()):
            passed[_ENDS[name]] = fd
            self._open_end(name, fd)
        super()._execute_child(*passed)  # type: ignore[misc]

    def _open_end(self, name: str, fd: int) -> None:
        line_buffering = bool(self.text_mode) and self._bufsize == 1
        mode = "wb" if name == "stdin" else "rb"
        file = open_pipe(fd, mode, -1 if line_buffering else self._bufsize)
        setattr(self, name, file)
        del self._unopened[name]
        if not self.text_mode:
            return
        if mode == "wb":
            file = io.TextIOWrapper(
                file, self.encoding, self.errors, write_through=True, line_buffering=line_buffering
            )
        else:
            file = io.TextIOWrapper(file, self.encoding, self.errors)
        setattr(self, name, file)

    # Its end

    def _wait(self, timeout: float | None) -> int:
        if not wait_until_reaped(self.pid, self._is_reaped, deadline_in(timeout)):
            assert timeout is not None
            raise _TimeoutExpired(self.args, timeout)
        return cast(int, self.returncode)

    def _is_reaped(self) -> bool:
        """Reap the child if it has ended, and say whether somebody has."""
        # As in the base class, the lock keeps two threads from reaping it at once, one of which would get nothing.
        if self.returncode is None and self._waitpid_lock.acquire(False):
            try:
                if self.returncode is None:
                    pid, status = self._try_wait(os.WNOHANG)
                    if pid == self.pid:
                        self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode is not None

    # Talking to it

    def _communicate(self, input: AnyStr | None, endtime: float | None, orig_timeout: float) -> tuple[Any, Any]:
        """Serve all pipes at once.  A second call goes on where a first was interrupted, with its input too."""
        if not self._communication_started:
            self._save_input(input)
            self._received: dict[Any, list[bytes]] = {}
            for file in filter(None, (self.stdout, self.stderr)):
                self._received[file] = [unread] if (unread := take_unread(file)) else []
        received = [None if file is None else self._received[file] for file in (self.stdout, self.stderr)]
        if self.stdin is not None:
            self._flush_input()
        self._move_data(endtime, orig_timeout, *received)
        try:
            self.wait(timeout=self._remaining_time(endtime))
        except _TimeoutExpired:
            if endtime is None:
                raise  # somebody else's
            self._check_timeout(endtime, orig_timeout, *received, skip_check_and_raise=True)
        return self._decoded(self.stdout), self._decoded(self.stderr)

    def _flush_input(self) -> None:
        """Send what the user has written before, so that it comes before the input; without input, that is all."""
        stdin: Any = self.stdin
        try:
            stdin.flush()
        except BrokenPipeError:
            pass  # the child has closed its end, which is no error of `communicate`
        except ValueError:
            if not stdin.closed:
                raise
        if not self._input:
            _close_quietly(stdin)

    def _move_data(self, endtime: Any, orig_timeout: Any, output: Any, errors: Any) -> None:
        """Write the input and read the output, whichever can be done next, until every pipe is closed."""
        files: dict[int, Any] = {}
        wanted: dict[int, int] = {}
        for file, event in ((self.stdin, WRITE), (self.stdout, READ), (self.stderr, READ)):
            if file is not None and not file.closed:
                files[file.fileno()] = file
                wanted[file.fileno()] = event
        view = memoryview(self._input or b"").cast("B")
        while wanted:
            ready = wait_ready(wanted, deadline_in(self._remaining_time(endtime)))
            self._check_timeout(endtime, orig_timeout, output, errors, skip_check_and_raise=not ready)
            for fd in ready:
                file = files[fd]
                try:
                    goes_on = self._send(fd, view) if file is self.stdin else self._receive(fd, file)
                except BlockingIOError:
                    continue  # somebody made it non-blocking, and was faster
                except BrokenPipeError:
                    goes_on = False
                if not goes_on:
                    del wanted[fd]
                    _close_quietly(file)

    def _send(self, fd: int, view: memoryview) -> bool:
        """Write the next part of *view*; false if that was the last."""
        self._input_offset += _write(fd, view[self._input_offset : self._input_offset + PIPE_BUF])
        return self._input_offset < len(view)

    def _receive(self, fd: int, file: Any) -> bool:
        """Keep what can be read; false at the end."""
        data = _read(fd, _CHUNK)
        if data:
            self._received[file].append(data)
        return bool(data)

    def _decoded(self, file: Any) -> Any:
        if file is None:
            return None
        data = b"".join(self._received[file])
        return self._translate_newlines(data, file.encoding, file.errors) if self.text_mode else data


def _close_quietly(file: Any) -> None:
    try:
        file.close()
    except BrokenPipeError:
        pass


def adopt() -> None:
    """Let subclasses of the standard library's `Popen` that were defined before, and children that run, wait as ours do.

    Ours has no more than it, so that a class may be given ours as its base, and an object ours as its class.  The pipes of
    such a child are the blocking files that they were; `communicate` and `wait` park.  Never switches.
    """
    for each in _original.__subclasses__():
        if each is not Popen and not each.__module__.startswith("gevent."):
            each.__bases__ = tuple(Popen if base is _original else base for base in each.__bases__)
    for running in gc.get_referrers(_original):
        if type(running) is _original:
            running.__class__ = Popen
            running._bufsize, running._unopened = -1, {}
            if running._communication_started:
                running._received = running._fileobj2output
