"""Primitives, pools and locals of uvloop (asyncio's, on its loop)."""

from coroutines import Asyncio
from rows import cases

CASES = cases(Asyncio("uvloop"))
