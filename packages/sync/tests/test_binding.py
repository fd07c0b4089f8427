"""`with` uses bound methods again that nobody has any more; nobody else may notice."""

from __future__ import annotations

import contextlib
import gc
import inspect
import sys
import types
import weakref
from typing import Any

import pytest

from hublet.core import compiled, joinall, sleep, spawn
from hublet.sync import BoundedSemaphore, CapacityLimiter, Lock, RLock, Semaphore

KINDS: list[Any] = [Semaphore, BoundedSemaphore, Lock, RLock, lambda: CapacityLimiter(1)]

each_kind = pytest.mark.parametrize("make", KINDS, ids=["Semaphore", "BoundedSemaphore", "Lock", "RLock", "CapacityLimiter"])


@each_kind
def test_a_bound_method_that_is_kept_stays_with_its_lock(make: Any) -> None:
    first, second = make(), make()
    enter, leave = first.__enter__, first.__exit__
    with second:
        assert enter.__self__ is first
        enter()
        assert first.locked() if hasattr(first, "locked") else first.borrowed_tokens == 1
    leave(None, None, None)
    assert (enter.__self__, enter.__name__) == (first, "__enter__")
    assert (leave.__self__, leave.__name__) == (first, "__exit__")


@each_kind
def test_a_lock_is_freed_with_the_last_that_uses_it(make: Any) -> None:
    lock = make()
    with lock:
        pass
    freed = weakref.ref(lock)
    del lock
    assert freed() is None


def test_a_bound_method_that_its_own_lock_keeps_is_collected_with_it() -> None:
    class Kept(Semaphore):
        enter: Any

    lock = Kept()
    lock.enter = lock.__enter__
    freed = weakref.ref(lock)
    del lock
    gc.collect()
    assert freed() is None


def test_what_the_collector_frees_is_used_again_by_others() -> None:
    class Kept(Semaphore):
        enter: Any
        leave: Any

    for _ in range(100):
        locks = [Kept() for _ in range(20)]
        for lock in locks:
            lock.enter, lock.leave = lock.__enter__, lock.__exit__
        freed = [weakref.ref(lock) for lock in locks]
        del lock, locks
        gc.collect()
        assert not any(each() for each in freed)
        with Semaphore() as entered:
            assert entered


@pytest.mark.skipif(not compiled or sys.version_info >= (3, 14), reason="nothing is kept to be used again")
def test_a_bound_method_that_was_given_back_is_bound_to_nothing() -> None:
    lock = Lock()
    kind: Any = type(lock.__enter__)
    kept = [each for each in gc.get_objects() if type(each) is kind and each.__self__ is None]

    assert kept
    for each in kept:
        assert repr(each)
        with pytest.raises(TypeError, match="bound to nothing"):
            each()
    del kept, each
    with lock:
        assert lock.locked()


def test_a_weak_reference_to_a_bound_method_ends_with_it() -> None:
    lock = Lock()
    enter = lock.__enter__
    ended = weakref.ref(enter)
    del enter
    assert ended() is None
    other = lock.__enter__
    assert ended() is None
    assert other.__self__ is lock


def test_bound_methods_of_one_lock_are_equal() -> None:
    lock = Lock()
    assert lock.__enter__ == lock.__enter__
    assert lock.__enter__ != Lock().__enter__
    assert hash(lock.__exit__) == hash(lock.__exit__)


def test_a_subclass_may_override_entering_and_call_what_it_overrides() -> None:
    class Counting(Semaphore):
        entered = 0

        def __enter__(self) -> bool:
            self.entered += 1
            return super().__enter__()

    lock = Counting()
    with lock:
        assert lock.locked()
    assert (lock.entered, lock.counter) == (1, 1)


def test_an_exit_stack_enters_by_the_class() -> None:
    lock = RLock()
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock)
        assert lock.locked()
    assert not lock.locked()


@pytest.mark.skipif(not compiled, reason="a function of Python takes any object")
def test_entering_an_object_of_another_class_is_a_type_error() -> None:
    enter: Any = Semaphore.__enter__
    with pytest.raises(TypeError):
        enter(RLock())
    with pytest.raises(TypeError):
        enter.__get__(RLock(), RLock)


def test_what_enters_looks_like_any_method() -> None:
    kind = types.BuiltinMethodType if compiled else types.MethodType
    assert isinstance(Lock().__exit__, kind)
    assert list(inspect.signature(Lock().__exit__).parameters) == ["exc_type", "value", "traceback"]
    assert list(inspect.signature(Lock.__exit__).parameters) == ["self", "exc_type", "value", "traceback"]


def test_many_enter_at_once_and_each_leaves_what_it_entered() -> None:
    locks = [Semaphore() for _ in range(10)]
    inside = [0] * len(locks)

    def use(own: int) -> None:
        for i in range(20):
            with locks[own % 10], locks[(own % 10 + 1 + i % 3) % 10] if own % 10 < 6 else contextlib.nullcontext():
                inside[own % 10] += 1
                sleep(0)
                assert inside[own % 10] == 1
                inside[own % 10] -= 1

    joinall([spawn(use, i) for i in range(60)], raise_error=True)
    assert [lock.counter for lock in locks] == [1] * 10
