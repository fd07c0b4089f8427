"""Where the access log and the error log go."""

from __future__ import annotations

import sys
from typing import Any

from hublet.core import Greenlet, spawn_later

__all__ = ["BufferedLog", "LoggingLogAdapter", "NoLog", "make_log"]


class NoLog:
    """A log that keeps nothing."""

    def write(self, text: str, /) -> None:
        """Forget *text*."""

    def writelines(self, lines: Any, /) -> None:
        """Forget *lines*."""

    def flush(self) -> None:
        """Do nothing."""


class LoggingLogAdapter:
    """A file to write to, every line of which becomes a record of *logger* with *level*.

    Attributes that it does not have are those of the logger.
    """

    __slots__ = ("_level", "_logger")

    def __init__(self, logger: Any, level: int = 20) -> None:
        self._logger = logger
        self._level = level

    def write(self, text: str, /) -> None:
        """Log *text*, unless it is blank.  Switches if a handler of the logger does."""
        text = text.rstrip()
        if text:
            self._logger.log(self._level, "%s", text)

    def writelines(self, lines: Any, /) -> None:
        """Log each of *lines*."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing: handlers of loggers flush by themselves."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._logger, name)


class BufferedLog:
    """Collects lines and writes them to *stream* together: after *seconds*, or when there are *size* characters.

    Writing blocks, as writing to a file does; so the fewer times the better.  What was collected when the process is killed
    by a signal that it cannot catch is lost.
    """

    def __init__(self, stream: Any, seconds: float = 1.0, size: int = 65_536) -> None:
        self.stream = stream
        self._seconds = seconds
        self._room = self._size = size
        self._lines: list[str] = []
        self._later: Greenlet[None] | None = None  # what is going to flush

    def write(self, text: str, /) -> None:
        """Collect *text*.  Never switches, unless the stream does."""
        lines = self._lines
        lines.append(text)
        self._room -= len(text)
        if self._room <= 0:
            self.flush()
        elif len(lines) == 1:
            self._later = spawn_later(self._seconds, self._flush_later, lines)

    def writelines(self, lines: Any, /) -> None:
        """Collect each of *lines*."""
        for line in lines:
            self.write(line)

    def _flush_later(self, lines: list[str]) -> None:
        self._later = None
        if lines is self._lines:  # otherwise they were too many to wait
            self.flush()

    def flush(self) -> None:
        """Write what was collected.  Raises what the stream raises; the lines are lost then."""
        later, self._later = self._later, None
        if later is not None:
            later.kill(block=False)
        lines, self._lines = self._lines, []
        self._room = self._size
        if lines:
            self.stream.write("".join(lines))
            if hasattr(self.stream, "flush"):
                self.stream.flush()


def make_log(log: Any, level: int) -> Any:
    """Return a log with `write` and `flush` for the argument *log* of a server.

    "default" is standard error, `None` no log, a logger is told with *level*, and anything else is the log itself.
    """
    if log == "default":
        return sys.stderr
    if log is None:
        return NoLog()
    if not hasattr(log, "write") and hasattr(log, "log"):
        return LoggingLogAdapter(log, level)
    return log
