"""`threading`, `queue` and what stands on them, patched: each test is a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("hublet.monkey")
pytest.importorskip("hublet.sync")
pytest.importorskip("hublet.pool")


def run(code: str, returncode: int = 0, before: str = "", stderr: str = "") -> list[str]:
    """Run *code* after `patch_all()`, and what comes *before* before it; return the lines that it prints."""
    program = f"{textwrap.dedent(before)}\nfrom hublet.monkey import patch_all\npatch_all()\n{textwrap.dedent(code)}"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program], capture_output=True, text=True, timeout=60, env=os.environ
    )
    assert done.returncode == returncode, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert stderr in done.stderr if stderr else not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_a_thread_is_a_greenlet_and_sleeps_beside_others():
    printed = run("""
        import threading, time
        from hublet.core import getcurrent, get_hub

        def work(i):
            time.sleep(0.1)
            assert getcurrent().parent is get_hub()
            assert threading.current_thread() is threads[i] and threads[i].ident == threading.get_ident()
            done.append(i)

        done = []
        threads = [threading.Thread(target=work, args=(i,)) for i in range(100)]
        began = time.monotonic()
        for each in threads:
            each.start()
        assert threading.active_count() == 101
        for each in threads:
            each.join()
        assert done == list(range(100)) and not any(each.is_alive() for each in threads)
        assert threading.active_count() == 1
        print(time.monotonic() - began < 5)
        """)

    assert printed == ["True"]


def test_join_gives_up_when_the_time_is_up_and_knows_its_own_thread():
    printed = run("""
        import threading

        gate = threading.Event()
        thread = threading.Thread(target=gate.wait)
        try:
            thread.join()
        except RuntimeError as error:
            print(error)
        thread.start()
        thread.join(0.01)
        print(thread.is_alive())
        try:
            thread.start()
        except RuntimeError as error:
            print(error)
        gate.set()
        thread.join()
        print(thread.is_alive())

        def itself():
            try:
                threading.current_thread().join()
            except RuntimeError as error:
                print(error)

        other = threading.Thread(target=itself)
        other.start()
        other.join()
        """)

    assert printed == [
        "cannot join thread before it is started",
        "True",
        "threads can only be started once",
        "False",
        "cannot join current thread",
    ]


def test_what_a_thread_raises_goes_to_excepthook_and_system_exit_ends_only_it():
    printed = run("""
        import _thread, sys, threading

        threading.excepthook = lambda args: print(args.exc_type.__name__, args.thread.name)

        def fail():
            raise KeyError(1)

        for hook, target in ((threading.excepthook, fail), (threading.__excepthook__, sys.exit)):
            threading.excepthook = hook
            thread = threading.Thread(target=target, name="worker")
            thread.start()
            thread.join()
        _thread.start_new_thread(sys.exit, ())
        import time
        time.sleep(0.01)
        print("goes on")
        """)

    assert printed == ["KeyError worker", "goes on"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_in_a_thread_ends_the_program():
    printed = run(
        """
        import os, signal, threading

        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("main")
            raise
        """,
        returncode=-2,
        stderr="KeyboardInterrupt",
    )

    assert printed == ["main"]


def test_threads_that_are_no_daemons_are_waited_for_after_the_hooks_of_threading():
    printed = run("""
        import atexit, threading, time

        atexit.register(print, "atexit")
        threading._register_atexit(print, "hook of threading")

        def work(name, seconds):
            time.sleep(seconds)
            print(name)

        threading.Thread(target=work, args=("thread", 0.1)).start()
        threading.Thread(target=work, args=("daemon", 30), daemon=True).start()
        print("main")
        """)

    assert printed == ["main", "hook of threading", "thread", "atexit"]


def test_a_thread_may_wait_for_the_main_one():
    printed = run("""
        import threading

        def work():
            threading.main_thread().join()
            print("main thread has ended", threading.main_thread().is_alive())

        threading.Thread(target=work).start()
        print("main")
        """)

    assert printed == ["main", "main thread has ended False"]


def test_many_may_join_one_thread():
    printed = run("""
        import threading, time

        thread = threading.Thread(target=time.sleep, args=(0.01,))
        thread.start()
        others = [threading.Thread(target=thread.join) for _ in range(5)]
        for each in others:
            each.start()
        for each in [thread, *others]:
            each.join()
        print(threading.active_count())
        """)

    assert printed == ["1"]


NATIVE = """
    import threading, time
    go, ended = threading.Lock(), []
    go.acquire()

    def native():
        while not ended:
            time.sleep(0.001)

    thread = threading.Thread(target=native, daemon={daemon})
    thread.start()
    """


def test_the_threads_of_the_hub_are_not_counted_among_those_of_the_program():
    printed = run("""
        import _thread, threading, time
        from hublet.core import get_hub
        from hublet.core.lowlevel import call_in_thread

        call_in_thread(int)
        print(get_hub().threadpool.size, _thread._count())
        thread = threading.Thread(target=time.sleep, args=(0.01,))
        thread.start()
        print(_thread._count())
        thread.join()
        print(_thread._count())
        """)

    assert printed == ["1 0", "1", "0"]


def test_a_native_thread_that_was_started_before_can_be_joined_while_greenlets_run():
    printed = run(
        """
        from hublet.core import sleep, spawn

        def end():
            thread.join(0.01)
            print(thread.is_alive())
            sleep(0.01)
            ended.append(1)

        spawn(end)
        thread.join()
        print(thread.is_alive(), threading.active_count())
        """,
        before=NATIVE.format(daemon=True),
    )

    assert printed == ["True", "False 1"]


def test_a_native_thread_that_was_started_before_is_waited_for_while_greenlets_run():
    printed = run(
        """
        from hublet.core import spawn_later

        spawn_later(0.05, lambda: (print("greenlet"), ended.append(1)))
        """,
        before=NATIVE.format(daemon=False),
    )

    assert printed == ["greenlet"]


def test_a_thread_that_was_made_before_and_is_started_after_is_a_greenlet():
    printed = run(
        """
        from hublet.core import get_hub, getcurrent
        thread.start()
        thread.join()
        print(found[0].parent is get_hub())
        """,
        before="""
        import threading
        from greenlet import getcurrent
        found = []
        thread = threading.Thread(target=lambda: found.append(getcurrent()))
        """,
    )

    assert printed == ["True"]


def test_locks_made_before_are_cooperative():
    printed = run(
        """
        import sys, time
        from hublet.core import joinall, spawn

        def hold(lock):
            with lock:
                time.sleep(0.01)

        def locks():
            yield logging._lock
            yield concurrent.futures.thread._global_shutdown_lock
            yield threading._active_limbo_lock
            yield handler.lock
            yield queued.mutex
            yield condition
            yield event._cond
            yield of_a_module

        for lock in locks():
            assert "sync" in repr(lock), lock
            joinall([spawn(hold, lock) for _ in range(2)], raise_error=True)
        assert queued.not_empty._lock is queued.mutex is queued.not_full._lock
        assert "sync" not in repr(held), held
        held.release()

        getter = spawn(queued.get)
        waiter = spawn(event.wait)
        time.sleep(0.01)
        queued.put("item")
        event.set()
        print(getter.get(), waiter.get())
        logging.error("logged")
        """,
        before="""
        import concurrent.futures, concurrent.futures.thread, logging, queue, threading
        handler = logging.StreamHandler()
        queued = queue.Queue()
        condition = threading.Condition()
        event = threading.Event()
        of_a_module = threading.Lock()
        held = threading.Lock()
        held.acquire()
        """,
        stderr="ERROR:root:logged",
    )

    assert printed == ["item True"]


def test_the_classes_that_are_made_of_locks_are_cooperative():
    printed = run("""
        import queue, threading, time
        from hublet.core import spawn

        def use(make, wait, wake):
            thing = make()
            waiter = spawn(wait, thing)
            time.sleep(0)
            assert not waiter.ready(), thing
            wake(thing)
            waiter.get(timeout=10)

        def wait_for(condition):
            with condition:
                condition.wait()

        def notify(condition):
            with condition:
                condition.notify()

        def held(kind):
            lock = kind()
            lock.acquire()
            return lock

        def take(lock):
            with lock:
                pass

        use(lambda: held(threading.Lock), take, lambda lock: lock.release())
        use(lambda: held(threading.RLock), take, lambda lock: lock.release())
        use(threading.Event, lambda event: event.wait(), lambda event: event.set())
        use(threading.Condition, wait_for, notify)
        use(lambda: threading.Semaphore(0), take, lambda semaphore: semaphore.release())
        use(lambda: threading.Barrier(2), lambda barrier: barrier.wait(), lambda barrier: barrier.wait())
        for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue, queue.SimpleQueue):
            use(kind, lambda queue: queue.get(), lambda queue: queue.put(1))
        use(lambda: (one := queue.Queue(1)).put(1) or one, lambda queue: queue.put(2), lambda queue: queue.get())
        began, fired = time.monotonic(), threading.Event()
        timer = threading.Timer(0.01, fired.set)
        timer.start()
        assert fired.wait(10)
        cancelled = threading.Timer(30, print)
        cancelled.start()
        cancelled.cancel()
        cancelled.join()
        print("all")
        """)

    assert printed == ["all"]


UNIQUE = """
    class Unique(queue.Queue):  # what the documentation of CPython's module shows, and what programs have
        def _init(self, maxsize):
            self.queue = {}

        def _qsize(self):
            return len(self.queue)

        def _put(self, item):
            self.queue[item] = None

        def _get(self):
            return self.queue.popitem()[0]
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_queue_class_of_a_programs_own_keeps_what_it_knows_of_queue(when):
    defined = f"    import queue\n{UNIQUE}\n    early = Unique(1)\n"
    printed = run(
        (defined if when == "after" else "")
        + """
    from hublet.core import joinall, sleep, spawn

    for unique in (early, Unique(1)):
        getter = spawn(unique.get)
        sleep(0)
        unique.put("first")
        print(getter.get(timeout=10), isinstance(unique, Unique.__base__))
        unique.put("second")
        putter = spawn(unique.put, "third")
        sleep(0)
        with unique.mutex:  # the way to empty a queue of the standard library
            unique.queue.clear()
            unique.not_full.notify()
        putter.join(timeout=10)
        print(unique.get_nowait(), unique.unfinished_tasks)
        joiner = spawn(unique.join)
        sleep(0)
        for _ in range(3):
            print(joiner.ready())
            unique.task_done()
        joiner.join(timeout=10)
        print(joiner.ready(), unique.all_tasks_done._lock is unique.mutex)
        """,
        before=defined if when == "before" else "",
    )

    expected = ["first True", "third 3", "False", "False", "False", "True True"]
    assert printed == expected * 2


@pytest.mark.parametrize("kind", ["Queue", "LifoQueue", "PriorityQueue"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_queue_class_of_a_programs_own_may_name_its_base_instead_of_super(kind, when):
    defined = f"""
        import queue
        from queue import {kind}

        class Unique({kind}):
            def __init__(self, maxsize):
                {kind}.__init__(self, maxsize)

            def _init(self, maxsize):
                queue.{kind}._init(self, maxsize)
                self.seen = set()

            def _put(self, item):
                if item not in self.seen:
                    {kind}._put(self, item)
                    self.seen.add(item)

            def put(self, item, block=True, timeout=None):
                {kind}.put(self, item, block, timeout)

        existing = Unique(3)
"""
    printed = run(
        (defined if when == "after" else "")
        + f"""
        from hublet.core import sleep, spawn

        for unique in (existing, Unique(3)):
            getter = spawn(queue.Queue.get, unique)
            sleep(0)
            for item in (1, 1, 2, 3):
                unique.put(item)
            print(getter.get(timeout=10), {kind}.qsize(unique), unique.get_nowait(), unique.get_nowait(), unique.empty())
        plain = queue.{kind}(1)
        plain.put(4)
        print(plain.full(), plain.get(), {kind} is queue.{kind})
        """,
        before=defined if when == "before" else "",
    )

    got = "3 2 2 1" if kind == "LifoQueue" else "1 2 2 3"
    assert printed == [f"{got} True"] * 2 + ["True 4 True"]


def test_queues_are_ours_and_keep_what_programs_know_of_them():
    printed = run("""
        import queue
        from hublet import sync

        for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
            one = kind(maxsize=3)
            one.name = "any attribute"
            print(kind.__name__, issubclass(kind, getattr(sync, kind.__name__)), isinstance(one, queue.Queue), one.mutex.locked())
        print(issubclass(queue.SimpleQueue, queue.Queue), queue.Queue[int].__origin__ is queue.Queue)
        """)

    assert printed == ["Queue True True False", "LifoQueue True True False", "PriorityQueue True True False", "False True"]


@pytest.mark.parametrize("kind", ["Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"])
def test_a_finalizer_may_use_a_queue_in_the_middle_of_an_operation_on_it(kind):
    printed = run(f"""
        import queue, sys

        class Item(int):
            def __lt__(self, other):  # for a heap
                return int(self) < int(other)

        def run(operation, step):
            # At that step of the operation, whatever would come in there does.
            def trace(frame, event, arg):
                nonlocal step
                if step == 0:
                    sys.settrace(None)
                    used.put_nowait(Item(-1))
                    got.append(used.get_nowait())
                    used.put(Item(-2))
                step -= 1
                return trace
            sys.settrace(trace)
            operation()
            sys.settrace(None)
            return step < 0

        step, more = 0, True
        while more:
            used, got = queue.{kind}(), []
            used.put(Item(1)), used.put(Item(2))
            more = run(lambda: used.put(Item(3)), step)
            step += 1
            while not used.empty():
                got.append(used.get())
            assert sorted(got) == ([-2, -1] if more else []) + [1, 2, 3], (step, got)

        step, more = 0, True
        while more:
            used, got = queue.{kind}(), []
            used.put(Item(1)), used.put(Item(2)), used.put(Item(3))
            more = run(lambda: got.append(used.get()), step)
            step += 1
            while not used.empty():
                got.append(used.get())
            assert sorted(got) == ([-2, -1] if more else []) + [1, 2, 3], (step, got)
        print(step > 1)
        """)

    assert printed == ["True"]


def test_local_is_each_greenlets_own():
    printed = run("""
        import threading
        from hublet.core import spawn

        here = threading.local()
        here.x = 1
        print(spawn(lambda: hasattr(here, "x")).get(), here.x)

        class Special(threading.local):
            def __init__(self):
                self.x = 5

        special = Special()
        special.x = 6
        thread = threading.Thread(target=lambda: print(special.x))
        thread.start()
        thread.join()
        """)

    assert printed == ["False 1", "5"]


def test_the_executor_of_the_standard_library_runs_on_greenlets():
    printed = run("""
        import concurrent.futures, time
        from hublet.core import get_hub, getcurrent

        with concurrent.futures.ThreadPoolExecutor(20) as executor:
            futures = [executor.submit(lambda: (time.sleep(0.05), getcurrent().parent is get_hub())[1]) for _ in range(20)]
            print(len(list(concurrent.futures.as_completed(futures, timeout=20))))
            print(all(each.result() for each in futures))
        executor = concurrent.futures.ThreadPoolExecutor(1)
        executor.submit(time.sleep, 0.05)
        executor.submit(print, "at the end")
        """)

    assert printed == ["20", "True", "at the end"]


def test_greenlets_that_are_no_threads_are_dummies_and_not_kept():
    printed = run("""
        import threading
        from hublet.core import joinall, sleep, spawn

        def use():
            me = threading.current_thread()
            sleep(0)
            assert threading.current_thread() is me and me.is_alive()
            return me.name

        greenlets = [spawn(use) for _ in range(10)]
        joinall(greenlets, raise_error=True)
        sleep(0)
        print(len({each.value for each in greenlets}), threading.active_count())
        """)

    assert printed == ["10 1"]


def test_two_greenlets_that_import_a_module_get_it_whole(tmp_path):
    (tmp_path / "slow_module.py").write_text("import time\ntime.sleep(0.02)\nwhole = True\n")
    printed = run(f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        from hublet.core import joinall, spawn

        def use():
            import slow_module
            return slow_module.whole

        greenlets = [spawn(use) for _ in range(3)]
        joinall(greenlets, raise_error=True)
        print([each.value for each in greenlets])
        """)

    assert printed == ["[True, True, True]"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_one_thread_and_can_start_more():
    printed = run("""
        import os, threading, time

        beside = threading.Thread(target=time.sleep, args=(0.1,), daemon=True)
        beside.start()
        child = os.fork()
        if child == 0:
            try:
                assert threading.active_count() == 1, threading.enumerate()
                assert not beside.is_alive()
                thread = threading.Thread(target=print, args=("in the child",), kwargs={"flush": True})
                thread.start()
                thread.join()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert beside.is_alive()
        beside.join()
        print("in the parent")
        """)

    assert printed == ["in the child", "in the parent"]


def test_a_native_worker_thread_and_greenlets_share_locks_and_log():
    printed = run("""
        import logging, threading
        from hublet.core import joinall, spawn
        from hublet.core.lowlevel import call_in_thread

        lock, numbers = threading.Lock(), [0]

        def count():
            for _ in range(100):
                with lock:
                    numbers[0] += 1
                logging.getLogger("x").debug("counted")
            return threading.current_thread().name

        logging.getLogger("x").addHandler(logging.NullHandler())
        logging.getLogger("x").setLevel(logging.DEBUG)
        joinall([spawn(call_in_thread, count) for _ in range(5)] + [spawn(count) for _ in range(5)], raise_error=True)
        print(numbers)
        """)

    assert printed == ["[1000]"]


def test_patching_makes_no_hub():
    printed = run("""
        import threading
        from hublet.core.lowlevel import get_hub_if_exists

        print(get_hub_if_exists())
        """)

    assert printed == ["None"]


def test_a_thread_begins_with_an_empty_context():
    printed = run("""
        import contextvars, threading
        variable = contextvars.ContextVar("variable", default="unset")
        variable.set("set")
        thread = threading.Thread(target=lambda: print(variable.get()))
        thread.start()
        thread.join()
        """)

    assert printed == ["unset"]


def test_a_pool_of_spawned_processes_works_and_greenlets_run_beside_it(tmp_path):
    (tmp_path / "program.py").write_text(
        textwrap.dedent("""
        if __name__ == "__main__":
            from hublet.monkey import patch_all
            patch_all()
            import multiprocessing, time
            from hublet.core import sleep, spawn

            ticks = []

            def tick():
                while True:
                    ticks.append(1)
                    sleep(0.01)

            spawn(tick)
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                print(pool.map(abs, [-1, -2, -3], chunksize=1))
                pool.apply(time.sleep, (0.1,))
            print(len(ticks) > 5)
        """)
    )
    done = subprocess.run([sys.executable, str(tmp_path / "program.py")], capture_output=True, text=True, timeout=60)

    assert (done.stdout.splitlines(), done.stderr) == (["[1, 2, 3]", "True"], "")
