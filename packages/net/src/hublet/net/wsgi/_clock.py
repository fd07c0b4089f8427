"""The date as HTTP and the access log write it, worked out once a second."""

from __future__ import annotations

import time

__all__ = ["date_header", "log_date"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_time = time.time

# Names of days and months by hand: strftime would write them in the language of the locale.
_header_second = -1
_header = b""
_log_second = -1
_log = ""


def date_header() -> bytes:
    """Return the `Date` header of this second, as a line with its end.  Never switches."""
    global _header, _header_second
    now = int(_time())
    if now != _header_second:
        year, month, day, hour, minute, second, weekday, *_ = time.gmtime(now)
        _header = (
            f"Date: {_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{second:02} GMT\r\n"
        ).encode("ascii")
        _header_second = now
    return _header


def log_date() -> str:
    """Return this second as the common log format writes it, in local time: ``26/Nov/2026:00:39:21 +0000``."""
    global _log, _log_second
    now = int(_time())
    if now != _log_second:
        local = time.localtime(now)
        minutes = (local.tm_gmtoff or 0) // 60
        sign = "-" if minutes < 0 else "+"
        hours, minutes = divmod(abs(minutes), 60)
        _log = (
            f"{local.tm_mday:02}/{_MONTHS[local.tm_mon - 1]}/{local.tm_year}:"
            f"{local.tm_hour:02}:{local.tm_min:02}:{local.tm_sec:02} {sign}{hours:02}{minutes:02}"
        )
        _log_second = now
    return _log
