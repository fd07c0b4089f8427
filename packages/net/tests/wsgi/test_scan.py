"""What looks at the bytes of a head, in C where that is compiled, and in Python always."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import hublet.net.wsgi
from hublet.net.wsgi import _scan

SOURCE = Path(hublet.net.wsgi.__file__).with_name("_scan.py")


def load_twin() -> Any:
    spec = importlib.util.spec_from_file_location("interpreted_scan", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("scan", [_scan, load_twin()], ids=["as built", "interpreted"])
@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"", 0),
        (b"a\r\n", 1),
        (b"a\r\nb\r\n\r\n", 3),
        (b"a\r\nb", 1),
        (b"a\n", -1),
        (b"\na\r\n", -1),
        (b"a\r", -1),
        (b"a\rb\r\n", -1),
        (b"a\r\r\n", -1),
        (b"a\r\n\n", -1),
        (b"a\0b\r\n", -1),
        (b"a\r\n b\r\n", -1),
        (b"a\r\n\tb\r\n", -1),
        (b"a\tb\x0b\x0c\r\n", 1),
    ],
)
def test_lines_are_counted_if_they_are_whole(scan: Any, data: bytes, count: int) -> None:
    assert scan.count_lines(data, 0, len(data)) == count
    # What is around it does not matter.
    assert scan.count_lines(b"\n\0" + data + b" \r\0", 2, 2 + len(data)) == count


@pytest.mark.parametrize("scan", [_scan, load_twin()], ids=["as built", "interpreted"])
def test_visible_is_every_ascii_character_but_blanks_and_controls(scan: Any) -> None:
    assert scan.is_visible(b"")
    assert [byte for byte in range(256) if scan.is_visible(b"a" + bytes([byte]))] == list(range(0x21, 0x7F))
