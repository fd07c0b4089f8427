"""`ThreadPoolExecutor`: `concurrent.futures`, for greenlets."""

from __future__ import annotations

import concurrent.futures
import gc
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures.thread import BrokenThreadPool
from weakref import ref

import pytest

from hublet.core import Timeout, get_hub, getcurrent, joinall, sleep, spawn, wait
from hublet.core.testing import wait_all_parked
from hublet.pool import Future, ThreadPoolExecutor


@pytest.fixture
def executor():
    with ThreadPoolExecutor(2) as executor:
        yield executor
    wait()


@pytest.fixture
def gate():
    """A lock of the interpreter that calls wait for, open when the test ends."""
    gate = threading.Lock()
    gate.acquire()
    yield gate
    if gate.locked():
        gate.release()


def through(gate):
    with gate:
        return threading.get_ident()


def test_it_is_an_executor_with_futures_of_the_standard_library(executor):
    future = executor.submit(pow, 2, 5)

    assert isinstance(executor, concurrent.futures.Executor)
    assert isinstance(future, concurrent.futures.Future)
    assert future.result() == 32
    assert list(executor.map(pow, [2, 3], [2, 2])) == [4, 9]


def test_greenlets_run_while_one_waits_for_a_result(executor, gate):
    future = executor.submit(through, gate)
    waiting = [spawn(future.result), spawn(future.exception)]
    wait_all_parked()

    assert not any(each.ready() for each in waiting) and not future.ready() and not future.successful()
    gate.release()
    assert waiting[0].get() != threading.get_ident()
    assert waiting[1].get() is None
    assert future.ready() and future.successful()


def test_an_error_is_raised_by_result_and_returned_by_exception(executor):
    future = executor.submit(divmod, 1, 0)

    with pytest.raises(ZeroDivisionError):
        future.result()
    assert isinstance(future.exception(), ZeroDivisionError)
    assert not future.successful()


class Failed(Exception):
    pass


def fail():
    raise Failed


@pytest.mark.parametrize("method", ["result", "exception"])
def test_an_error_is_freed_without_the_collector(method):
    executor = ThreadPoolExecutor(1)
    gc.disable()
    try:
        future = executor.submit(fail)
        concurrent.futures.wait([future], timeout=30)
        try:
            getattr(future, method)()
        except Failed:
            pass
        error = ref(future.exception())
        del future
        executor.submit(int).result()  # the one thread has nothing of the earlier call any more
        wait()
        assert error() is None
    finally:
        gc.enable()
        executor.shutdown()


def test_result_gives_up_when_the_time_is_up(executor, gate):
    future = executor.submit(through, gate)

    with pytest.raises(concurrent.futures.TimeoutError):
        future.result(timeout=0.001)
    with pytest.raises(concurrent.futures.TimeoutError):
        future.exception(timeout=0.001)
    with pytest.raises(Timeout), Timeout(0.001):
        future.result()


def test_calls_beyond_its_workers_wait_in_line_and_can_be_cancelled(executor, gate):
    begun = [executor.submit(through, gate) for _ in range(2)]
    waiting = executor.submit(through, gate)
    wait_for_start(begun)
    result = spawn(waiting.result)
    wait_all_parked()

    assert waiting.cancel() and not begun[0].cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        waiting.result()
    result.join()
    assert isinstance(result.exception, concurrent.futures.CancelledError)
    assert not waiting.successful()


@pytest.fixture(autouse=True)
def _expect_cancelled(reports):
    yield
    reports.records = [each for each in reports.records if each.exc_info[0] is not concurrent.futures.CancelledError]


def wait_for_start(futures):
    while not all(each.running() or each.done() for each in futures):
        sleep(0)


def test_callbacks_run_in_the_hub_and_their_errors_do_not_break_it(executor, reports):
    told = []
    future = executor.submit(int)

    def fail(future):
        raise KeyError(future)

    future.add_done_callback(fail)
    future.add_done_callback(lambda future: told.append((getcurrent(), future.result())))
    future.result()
    wait()
    future.add_done_callback(told.append)
    wait()

    assert told == [(get_hub(), 0), future]
    assert [type(error) for error in reports.take_errors()] == [KeyError]


def test_core_waits_for_futures(executor, gate):
    slow, quick = executor.submit(through, gate), executor.submit(int)

    assert wait([slow, quick], count=1) == [quick]
    assert wait([slow], timeout=0.001) == []
    gate.release()
    assert set(wait([slow, quick])) == {slow, quick}


def test_waiting_in_vain_leaves_nothing_behind_in_a_future(executor, gate):
    future = executor.submit(through, gate)

    for _ in range(100):
        assert wait([future], timeout=0) == []

    assert len(future._done_callbacks) <= 1
    gate.release()
    assert wait([future]) == [future]


def test_links_are_called_once_in_the_hub_and_their_errors_do_not_stop_the_others(executor, gate, reports):
    future, told = executor.submit(through, gate), []

    def fail(source):
        raise KeyError(source)

    for link in (fail, told.append, told.clear, lambda source: told.append(getcurrent())):
        future.rawlink(link)
    future.unlink(told.clear)
    future.unlink(told.clear)
    gate.release()
    future.result()
    wait()
    assert told == [future, get_hub()]
    assert [type(error) for error in reports.take_errors()] == [KeyError]

    future.rawlink(told.append)
    wait()
    assert told[2:] == [future]


def test_the_functions_of_the_standard_library_take_its_futures(executor):
    futures = [executor.submit(pow, i, 2) for i in range(10)]

    done, left = concurrent.futures.wait(futures, timeout=30)

    assert done == set(futures) and not left
    assert sorted(each.result() for each in concurrent.futures.as_completed(futures, timeout=30)) == [i * i for i in range(10)]


def test_any_thread_may_submit_and_wait(executor, in_threads):
    def use():
        assert [executor.submit(pow, i, 2).result(timeout=30) for i in range(20)] == [i * i for i in range(20)]

    def with_hub():
        joinall([spawn(use) for _ in range(3)], raise_error=True)

    main = spawn(use)
    executor.submit(lambda: in_threads(use, with_hub, with_hub)).result()
    main.get()


def test_a_call_may_submit_another(executor):
    assert executor.submit(lambda: executor.submit(int).result(timeout=30)).result() == 0


def test_shutdown_waits_for_all_and_refuses_more(executor, gate):
    futures = [executor.submit(through, gate) for _ in range(4)]
    closing = spawn(executor.shutdown)
    wait_all_parked()
    assert not closing.ready()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(int)

    gate.release()
    closing.get()

    assert all(each.done() for each in futures)
    executor.shutdown()


def test_shutdown_may_cancel_what_has_not_begun(executor, gate):
    futures = [executor.submit(through, gate) for _ in range(5)]
    wait_for_start(futures[:2])

    executor.shutdown(wait=False, cancel_futures=True)
    gate.release()
    executor.shutdown()

    assert [each.cancelled() for each in futures] == [False] * 2 + [True] * 3


def test_an_initializer_is_called_in_each_thread_before_its_first_call():
    ready = []

    def initialize(word):
        ready.append((threading.get_ident(), word))

    with ThreadPoolExecutor(2, initializer=initialize, initargs=("x",), thread_name_prefix="worker") as executor:
        gate = threading.Barrier(2)
        idents = {each.result() for each in [executor.submit(lambda: (gate.wait(10), threading.get_ident())[1])] * 1 + [
            executor.submit(lambda: (gate.wait(10), threading.get_ident())[1])]}
        name = executor.submit(lambda: threading.current_thread().name).result()
    wait()

    assert {ident for ident, word in ready} == idents and len(ready) == 2
    assert name.startswith("worker_")


def test_an_initializer_that_fails_breaks_the_executor(reports):
    def initialize():
        raise KeyError("no")

    executor = ThreadPoolExecutor(1, initializer=initialize)
    futures = [executor.submit(int) for _ in range(3)]

    for each in futures:
        with pytest.raises(BrokenThreadPool):
            each.result()
    with pytest.raises(BrokenThreadPool):
        executor.submit(int)
    executor.shutdown()
    wait()
    assert [type(error) for error in reports.take_errors()] == [KeyError]


def test_initializers_that_fail_in_two_threads_at_once_break_it_as_one_does(reports, monkeypatch):
    both, either = threading.Barrier(2, timeout=10), threading.Barrier(2, timeout=1)

    def initialize():
        both.wait()
        raise KeyError("no")

    def done(future):
        answer = concurrent.futures.Future.done(future)
        if threading.current_thread() is not threading.main_thread():
            either.wait()  # each has the answer before the other acts on it
        return answer

    monkeypatch.setattr(Future, "done", done)
    executor = ThreadPoolExecutor(2, initializer=initialize)
    futures = [executor.submit(int) for _ in range(2)]

    for each in futures:
        with pytest.raises(BrokenThreadPool):
            each.result(timeout=10)
    executor.shutdown()
    wait()
    assert [type(error) for error in reports.take_errors()] == [KeyError, KeyError]


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError):
        ThreadPoolExecutor(0)
    with pytest.raises(TypeError):
        ThreadPoolExecutor(1, initializer=5)


def test_a_program_makes_all_its_calls_before_it_ends():
    code = textwrap.dedent("""
        import time
        from hublet.pool import ThreadPoolExecutor

        executor = ThreadPoolExecutor(1)
        executor.submit(time.sleep, 0.1)
        executor.submit(print, "made")
        """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr, done.returncode) == ("made\n", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_does_not_wait_for_calls_that_stayed_behind():
    code = textwrap.dedent("""
        import os, signal, sys, threading, warnings
        from hublet.core import sleep
        from hublet.pool import ThreadPoolExecutor

        warnings.simplefilter("ignore")
        gate = threading.Lock()
        gate.acquire()
        executor = ThreadPoolExecutor(1)
        future = executor.submit(gate.acquire)
        while not future.running():
            sleep(0)
        child = os.fork()
        if child:
            print(os.waitpid(child, 0)[1])
            gate.release()
        else:
            signal.alarm(10)  # ends it if it waits
            try:
                future.result()
            except RuntimeError as error:
                print("fork" in str(error), flush=True)
        """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr, done.returncode) == ("True\n0\n", "", 0)


def test_a_forgotten_executor_makes_its_calls_and_lets_its_threads_go():
    made = []
    executor = ThreadPoolExecutor(1)
    future = executor.submit(made.append, 1)
    workers = executor._workers
    del executor

    future.result()
    wait()
    assert made == [1] and workers._closed
