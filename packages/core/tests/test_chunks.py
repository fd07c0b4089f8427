"""The cache of data-stack chunks: what it keeps, what it gives back, and that it may be asked anywhere, at any time.

The cache is for the whole process.  The tests in this process put it back as they found it; one that hooks, forks or
exits runs a script in an interpreter of its own.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib.machinery
import importlib.util
import operator
import os
import shutil
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from greenlet import getcurrent, greenlet

from hublet.core import _chunks, joinall, killall, sleep, spawn
from hublet.core.lowlevel import ParkingLot
from hublet.core.testing import wait_all_parked

COMPILED = not _chunks.__file__.endswith(".py")
needs_cache = pytest.mark.skipif(
    not COMPILED or sys.version_info < (3, 11), reason="needs the extension and a Python with data-stack chunks"
)
needs_small_chunks = pytest.mark.skipif(
    not COMPILED or not (3, 11) <= sys.version_info < (3, 14), reason="needs the extension and Python 3.11 to 3.13"
)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@pytest.fixture
def cache() -> Iterator[None]:
    limit = _chunks.info()["limit"]
    _chunks.uninstall()
    _chunks.install(limit=1024)
    gc.disable()  # a finalizer in Python, or a callback of a test tool's, would be the first call of some greenlet
    yield
    gc.enable()
    _chunks.uninstall()
    if limit:
        _chunks.install(limit)


def park() -> None:
    getcurrent().parent.switch()


def parked(count: int, *, small: bool = False) -> list[greenlet]:
    """Start *count* greenlets that switch back here, with a small first chunk if they can have one."""
    greenlets = [greenlet(in_small_chunk(park) if small else park) for _ in range(count)]
    for each in greenlets:
        each.switch()
    return greenlets


def finish(greenlets: list[greenlet]) -> None:
    for each in greenlets:
        each.switch()
        assert each.dead


def in_small_chunk(body: Callable[[], object]) -> Callable[[], object]:
    """A `run` that asks for a small first chunk and then calls *body*, once.

    As the compiled kernel would, it does so without a Python frame of its own, which would bring an ordinary chunk.
    """
    if sys.version_info < (3, 11):
        return body
    return functools.partial(deque, map(operator.call, (_chunks.use_small_first_chunk, body)), 0)


def nested(depth: int) -> int:
    return nested(depth - 1) + 1 if depth else 0


def second_copy(directory: str) -> ModuleType:
    """Load the extension again from another file, as a vendored copy of the core would be."""
    loader = importlib.machinery.ExtensionFileLoader("vendored._chunks", shutil.copy(_chunks.__file__, directory))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Allocator(ctypes.Structure):
    """CPython's arena allocator, taken now; `restore` sets it again, past whoever has hooked in the meantime."""

    _fields_ = [("ctx", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p)]

    def __init__(self) -> None:
        ctypes.pythonapi.PyObject_GetArenaAllocator(ctypes.byref(self))

    def restore(self) -> None:
        ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(self))


@pytest.fixture
def deep() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(12_000)
    yield
    sys.setrecursionlimit(limit)


@pytest.fixture
def run(script: Callable[..., str]) -> Callable[[str], str]:
    """Run code in an interpreter of its own, with the names of this file."""
    return lambda code: script("from hublet.core import _chunks\nfrom test_chunks import *\n" + code)


@pytest.fixture
def fallback() -> ModuleType:
    """`_chunks.py`, whether or not an extension hides it."""
    spec = importlib.util.spec_from_file_location("fallback", Path(_chunks.__file__).with_name("_chunks.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_fallback_says_that_it_is_not_installed(fallback: ModuleType):
    assert fallback.install() is False
    assert fallback.installed() is False
    assert fallback.use_small_first_chunk() is None
    assert fallback.uninstall() is None
    assert set(fallback.info().values()) == {0}


def test_the_fallback_has_the_names_and_the_counters_of_the_real_thing(fallback: ModuleType):
    assert {name for name in dir(fallback) if name[0] != "_"} - {"annotations"} <= set(dir(_chunks))
    assert list(fallback.info()) == list(_chunks.info())


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="is about Pythons without data-stack chunks")
def test_a_python_without_chunks_declines():
    assert _chunks.install() is False
    assert _chunks.installed() is False


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_an_error_that_names_the_cure(limit: int):
    with pytest.raises(ValueError, match=r"at least 1 chunk.*uninstall\(\)"):
        _chunks.install(limit)


@needs_cache
def test_installing_is_idempotent_and_can_be_taken_back(cache: None):
    assert _chunks.install() is True
    assert _chunks.install() is True
    assert _chunks.installed()

    _chunks.uninstall()
    _chunks.uninstall()

    assert not _chunks.installed()


@needs_cache
def test_a_finished_greenlet_leaves_its_chunk_to_the_next(cache: None):
    finish(parked(1))
    before = _chunks.info()

    for _ in range(100):
        finish(parked(1))

    after = _chunks.info()
    assert after["hits"] - before["hits"] == 100
    assert after["misses"] == before["misses"]
    assert after["cached"] == before["cached"] == 1


@needs_cache
def test_a_chunk_from_before_the_installation_is_kept_too(cache: None):
    _chunks.uninstall()
    greenlets = parked(3)
    _chunks.install()

    finish(greenlets)

    assert _chunks.info()["cached"] == 3


@needs_cache
def test_no_more_chunks_are_kept_than_the_limit(cache: None):
    _chunks.install(limit=4)

    finish(parked(50))

    assert _chunks.info()["cached"] == _chunks.info()["limit"] == 4


@needs_cache
def test_a_lower_limit_frees_what_is_above_it(cache: None):
    finish(parked(50))

    _chunks.install(limit=4)

    assert _chunks.info()["cached"] <= 4


@needs_cache
def test_uninstalling_drains_the_cache_and_keeps_nothing_afterwards(cache: None):
    alive = parked(5)
    finish(parked(5))
    assert _chunks.info()["cached"] == 5

    _chunks.uninstall()
    assert _chunks.info()["cached"] == 0
    finish(alive)

    assert _chunks.info()["cached"] == 0


@needs_cache
def test_a_recursion_of_ten_thousand_frames_takes_its_chunks_from_the_cache(cache: None, deep: None):
    reached = []
    greenlet(lambda: reached.append(nested(10_000))).switch()
    before = _chunks.info()

    greenlet(lambda: reached.append(nested(10_000))).switch()

    assert reached == [10_000, 10_000]
    assert _chunks.info()["hits"] - before["hits"] > 20
    assert _chunks.info()["misses"] == before["misses"]


@needs_cache
def test_greenlets_of_one_thread_may_be_dropped_in_another(cache: None):
    made, dropped = threading.Event(), threading.Event()
    greenlets: list[greenlet] = []

    def maker() -> None:
        greenlets.extend(parked(200))
        made.set()
        dropped.wait()
        finish(parked(1))  # greenlet buries here what was dropped elsewhere

    thread = threading.Thread(target=maker)
    thread.start()
    made.wait()
    del greenlets[:]
    dropped.set()
    thread.join()

    assert _chunks.info()["cached"] >= 200


@needs_cache
def test_a_thread_may_end_with_greenlets_alive(cache: None, eventually: Callable[..., bool]):
    greenlets: list[greenlet] = []
    thread = threading.Thread(target=lambda: greenlets.extend(parked(200)))
    thread.start()
    thread.join()

    del greenlets[:]

    assert eventually(lambda: _chunks.info()["cached"] >= 200)


@needs_small_chunks
def test_a_greenlet_that_asks_first_gets_a_small_chunk_and_no_other(cache: None):
    finish(parked(1, small=True))
    before = _chunks.info()

    finish(parked(1, small=True))

    after = _chunks.info()
    assert after["small_hits"] - before["small_hits"] == 1
    assert after["hits"] + after["misses"] == before["hits"] + before["misses"]
    assert after["small_cached"] == 1


@needs_small_chunks
def test_each_of_many_greenlets_gets_a_small_chunk_wherever_malloc_puts_it(cache: None):
    before = _chunks.info()

    greenlets, between = [], []
    for i in range(2000):
        greenlets += parked(1, small=True)
        between.append(bytearray(600 + 16 * (i % 256)))  # makes the addresses differ, also by where in a page they are
    finish(greenlets)

    after = _chunks.info()
    assert after["small_hits"] + after["small_misses"] - before["small_hits"] - before["small_misses"] == 2000
    assert after["hits"] + after["misses"] == before["hits"] + before["misses"]


@needs_small_chunks
def test_asking_for_a_small_chunk_after_the_first_call_does_nothing(cache: None):
    before = _chunks.info()

    greenlet(lambda: _chunks.use_small_first_chunk()).switch()

    after = _chunks.info()
    assert (after["small_hits"], after["small_misses"]) == (before["small_hits"], before["small_misses"])


@needs_small_chunks
def test_calls_too_deep_for_a_small_chunk_go_on_in_ordinary_ones(cache: None, deep: None):
    reached = []
    before = _chunks.info()

    def body() -> None:
        for depth in (*range(30), 10_000, *range(30)):
            reached.append(nested(depth))

    greenlet(in_small_chunk(body)).switch()

    assert reached == [*range(30), 10_000, *range(30)]
    assert _chunks.info()["hits"] > before["hits"]
    assert _chunks.info()["small_cached"] == 1


@needs_small_chunks
def test_no_more_small_chunks_are_kept_than_the_limit(cache: None):
    _chunks.install(limit=4)

    finish(parked(50, small=True))

    assert _chunks.info()["small_cached"] == 4


@needs_small_chunks
def test_a_small_chunk_outlives_the_uninstallation(cache: None):
    greenlets = parked(50, small=True)

    _chunks.uninstall()
    finish(greenlets)

    assert _chunks.info()["small_cached"] == 0


@needs_small_chunks
def test_while_not_installed_nobody_gets_a_small_chunk(cache: None):
    _chunks.uninstall()
    before = _chunks.info()

    finish(parked(1, small=True))

    after = _chunks.info()
    assert (after["small_hits"], after["small_misses"]) == (before["small_hits"], before["small_misses"])


@needs_small_chunks
def test_a_greenlet_killed_in_a_small_chunk_gives_it_back(cache: None):
    greenlets = parked(10, small=True)

    del greenlets[:]

    assert _chunks.info()["small_cached"] == 10


@needs_small_chunks
def test_a_small_chunk_goes_round_among_greenlets_in_which_only_c_waits(cache: None):
    before = _chunks.info()

    greenlets = [spawn(sleep, 0.001) for _ in range(100)]
    wait_all_parked()

    after = _chunks.info()
    assert after["small_misses"] - before["small_misses"] == 1
    assert after["small_cached"] == 1
    joinall(greenlets)
    assert _chunks.info()["small_misses"] == after["small_misses"]


@needs_small_chunks
def test_a_greenlet_that_lent_its_small_chunk_has_one_again_for_the_calls_that_follow(cache: None):
    lot = ParkingLot()

    def wait_in_a_frame() -> None:
        lot.park()

    def wait_twice() -> Callable[[], object]:
        return functools.partial(deque, map(operator.call, (lot.park, wait_in_a_frame)), 0)

    greenlets = [spawn(wait_twice()) for _ in range(10)]
    wait_all_parked()
    before = _chunks.info()
    lot.unpark_all()
    wait_all_parked()
    after = _chunks.info()
    lot.unpark_all()
    joinall(greenlets)

    assert before["small_cached"] == 1
    assert after["small_hits"] + after["small_misses"] - before["small_hits"] - before["small_misses"] == 10
    assert after["hits"] + after["misses"] == before["hits"] + before["misses"]
    assert _chunks.info()["small_cached"] == 10


@needs_small_chunks
def test_a_small_chunk_stays_where_it_is_if_there_is_no_room_to_set_it_aside(cache: None):
    _chunks.install(limit=1)
    others = parked(1, small=True)
    lot = ParkingLot()
    calls = (others.clear, lot.park, functools.partial(nested, 2))  # the first kills the other, whose chunk fills the shelf
    waiting = spawn(functools.partial(deque, map(operator.call, calls), 0))
    wait_all_parked()
    before = _chunks.info()

    lot.unpark_all()
    joinall([waiting])

    assert before["small_cached"] == 1
    assert _chunks.info() == before


@needs_small_chunks
def test_a_greenlet_killed_while_its_small_chunk_is_aside_ends_well(cache: None):
    greenlets = [spawn(sleep, 60) for _ in range(10)]
    wait_all_parked()

    killall(greenlets)

    assert all(each.successful() for each in greenlets)
    assert _chunks.info()["small_cached"] == 1


@needs_small_chunks
def test_a_thread_may_end_with_greenlets_alive_in_small_chunks(cache: None, eventually: Callable[..., bool]):
    greenlets: list[greenlet] = []
    thread = threading.Thread(target=lambda: greenlets.extend(parked(200, small=True)))
    thread.start()
    thread.join()

    del greenlets[:]

    assert eventually(lambda: _chunks.info()["small_cached"] == 200)


@needs_fork
def test_a_forked_child_goes_on_with_greenlets_and_cache(run: Callable[[str], str]):
    run("""
import os, threading
_chunks.install()
finish(parked(20, small=True)); finish(parked(20))
alive = parked(20, small=True) + parked(20)
asked, answer = threading.Event(), threading.Event()
def other():
    mine = parked(20, small=True)
    asked.set(); answer.wait()
    finish(mine)
thread = threading.Thread(target=other); thread.start(); asked.wait()
child = os.fork()
finish(alive); finish(parked(20, small=True)); finish(parked(20))
if child == 0:
    os._exit(0)
answer.set(); thread.join()
assert os.waitpid(child, 0)[1] == 0
""")


def test_the_process_may_exit_with_greenlets_alive(run: Callable[[str], str]):
    run("""
_chunks.install()
greenlets = parked(20) + parked(20, small=True)
""")


@needs_small_chunks
def test_who_replaces_the_allocator_gets_no_more_small_chunks_and_survives_the_old(run: Callable[[str], str]):
    run("""
plain = Allocator()
_chunks.install()
alive, between = parked(20), []
for i in range(2000):
    alive += parked(1, small=True)
    between.append(bytearray(600 + 16 * (i % 256)))  # so that malloc() comes to start one where a page starts
plain.restore()
before = _chunks.info()
finish(parked(20, small=True))
finish(alive)
assert _chunks.info() == before
assert _chunks.install() is True  # and does not hook a second time
finish(parked(20))
_chunks.uninstall()
""")


@needs_small_chunks
def test_a_second_copy_of_the_module_passes_on_the_small_chunks_of_the_first(run: Callable[[str], str], tmp_path: Path):
    run(f"""
vendored = second_copy({str(tmp_path)!r})
_chunks.install()
ours = parked(20, small=True)
assert vendored.install() is True
finish(ours)
assert _chunks.info()["small_cached"] == 20
assert vendored.info()["small_cached"] == 0
""")


@needs_cache
def test_uninstalling_gives_the_chunks_to_the_allocator_that_was_there_before(
    run: Callable[[str], str], tmp_path: Path
):
    run(f"""
below = second_copy({str(tmp_path)!r})
below.install()
_chunks.install()
finish(parked(20))
_chunks.uninstall()
assert below.info()["cached"] == 20
finish(parked(20))
assert below.info()["hits"] == below.info()["cached"] == 20
""")
