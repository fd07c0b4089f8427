"""Primitives, pools and locals of asyncio."""

from coroutines import Asyncio
from rows import cases

CASES = cases(Asyncio("asyncio"))
