"""CPython's own tests of `threading.local` and of executors with threads, run against ours.

What does not apply is listed below, with the reason.
"""

from __future__ import annotations

import _threading_local
import doctest
import importlib
import threading
import unittest

import pytest

from hublet.core import wait
from hublet.core.lowlevel import get_hub_if_exists
from hublet.pool import ThreadPoolExecutor, local

NATIVE_THREADS = "looks for the `Thread` objects in an executor; ours has none"
OTHER_EXECUTOR = "runs a program that uses the standard library's executor"

NOT_FOR_US = {
    "test_saturation": NATIVE_THREADS,
    "test_idle_thread_reuse": NATIVE_THREADS,
    "test_threads_terminate": NATIVE_THREADS,
    "test_context_manager_shutdown": NATIVE_THREADS,
    "test_del_shutdown": NATIVE_THREADS,
    "test_shutdown_no_wait": NATIVE_THREADS,
    "test_thread_names_assigned": NATIVE_THREADS,
    "test_thread_names_default": NATIVE_THREADS + ", and no names unless it is asked for them",
    "test_cancel_futures": "expects that a thread has begun before `submit` returns",
    "test_cancel_futures_wait_false": OTHER_EXECUTOR,
    "test_hang_global_shutdown_lock": OTHER_EXECUTOR,
    "test_hang_issue12364": "takes more than a second, and waits for real time",
    "test_interpreter_shutdown": OTHER_EXECUTOR,
    "test_submit_after_interpreter_shutdown": OTHER_EXECUTOR,
    "test_no_stale_references": "counts references, of which a hub holds one until its next turn",
    "test_initializer": "its initializer counts in a logger of the standard library's executor",
}


def adapted(name: str, *bases: type, **attributes: object) -> type:
    """Return a test case of ours made of some of CPython's."""
    members = dict(attributes)
    for method, reason in NOT_FOR_US.items():
        if any(hasattr(base, method) for base in bases):
            members[method] = unittest.skip(reason)(lambda self: None)
    return type(name, bases, members)


def module(name: str):
    """Import one of CPython's tests, or return `None`: not every Python was installed with them, and they have moved."""
    try:
        return importlib.import_module(name)
    except (ImportError, unittest.SkipTest):
        return None


of_local = module("test.test_threading_local")
if of_local is not None:

    class ThreadLocalTest(unittest.TestCase, of_local.BaseLocalTest):
        _local = local

    def test_the_documentation_of_threading_local_is_true_of_ours(monkeypatch):
        monkeypatch.setattr(_threading_local, "local", local)

        failed, attempted = doctest.testmod(_threading_local)

        assert failed == 0 and attempted > 10


def of_futures(name: str):
    """Return a class of CPython's tests of `concurrent.futures`, which up to 3.11 are one module, and a folder later."""
    places = ("", ".util", ".test_thread_pool", ".test_wait", ".test_as_completed", ".test_shutdown")
    found = (getattr(module(f"test.test_concurrent_futures{place}"), name, None) for place in places)
    return next(each for each in found if each is not None)


if module("test.test_concurrent_futures") is not None:
    mixin = type("OurMixin", (of_futures("ThreadPoolMixin"),), {"executor_type": ThreadPoolExecutor})
    base = of_futures("BaseTestCase")
    ThreadPoolExecutorTest = adapted("ThreadPoolExecutorTest", mixin, of_futures("ThreadPoolExecutorTest"))
    ThreadPoolWaitTests = adapted("ThreadPoolWaitTests", mixin, of_futures("ThreadPoolWaitTests"))
    ThreadPoolAsCompletedTests = adapted("ThreadPoolAsCompletedTests", mixin, of_futures("AsCompletedTests"), base)
    ThreadPoolShutdownTest = adapted("ThreadPoolShutdownTest", mixin, of_futures("ThreadPoolShutdownTest"))


@pytest.fixture(autouse=True)
def _settled(reports):
    """Let calls end that a test has cancelled or forgotten, and threads that it has started."""
    yield
    if get_hub_if_exists() is not None:
        wait(timeout=10)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(10)
    reports.take_errors()
