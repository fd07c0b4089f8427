"""Forking a patched program: what stands for threads stays behind, as threads do."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("hublet.monkey")
pytest.importorskip("hublet.sync")
pytest.importorskip("hublet.process")


def run(code: str) -> str:
    """Run *code* after `patch_all()`, and return what it prints."""
    program = f"from hublet.monkey import patch_all\npatch_all()\n{textwrap.dedent(code)}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_in_a_forked_child_only_the_thread_that_forked_goes_on():
    printed = run(
        """
        import os, threading, time
        ran = []
        def other():
            try:
                time.sleep(0.01)
            finally:
                ran.append("other")
        lock = threading.Lock()
        threads = [threading.Thread(target=other) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0)
        pid = os.fork()
        if pid == 0:
            time.sleep(0.03)
            with lock:
                threading.Thread(target=ran.append, args=("new",)).start()
                time.sleep(0.001)
            os._exit(ran != ["new"])
        for thread in threads:
            thread.join()
        print(os.waitpid(pid, 0)[1], ran)
        """
    )

    assert printed == "0 ['other', 'other', 'other']"


def test_a_thread_that_forks_goes_on_in_the_child():
    printed = run(
        """
        import os, threading, time
        def forks():
            pid = os.fork()
            if pid == 0:
                time.sleep(0.001)
                os._exit(threading.active_count())
            results.append(os.waitpid(pid, 0)[1] >> 8)
        results = []
        thread = threading.Thread(target=forks)
        thread.start()
        thread.join()
        print(results)
        """
    )

    assert printed == "[1]"


def test_who_waits_for_a_lock_at_the_fork_does_not_get_it_in_the_child():
    printed = run(
        """
        import os, threading, time
        lock = threading.Lock()
        lock.acquire()
        waiting = threading.Thread(target=lock.acquire, daemon=True)
        waiting.start()
        time.sleep(0)
        pid = os.fork()
        if pid == 0:
            lock.release()
            time.sleep(0.001)
            os._exit(not lock.acquire(timeout=10))
        print(os.waitpid(pid, 0)[1])
        """
    )

    assert printed == "0"


def test_a_thread_that_has_forked_ends_its_process_when_it_ends():
    printed = run(
        """
        import os, threading
        def forks():
            pid = os.fork()
            # The end of the line with the rest: unbuffered, they would be two writes, and the other's could come in between.
            print("child\\n" if pid == 0 else "parent\\n", end="", flush=pid != 0)
            if pid:
                print(os.waitpid(pid, 0)[1])
        thread = threading.Thread(target=forks)
        thread.start()
        thread.join()
        print("the main thread")
        """
    )

    assert sorted(printed.splitlines()) == ["0", "child", "parent", "the main thread"]
