"""`multiprocessing`, patched: each test is a program of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("hublet.monkey")
pytest.importorskip("hublet.sync")
pytest.importorskip("hublet.process")
pytest.importorskip("hublet.net")

BEGINNING = """
import faulthandler
faulthandler.dump_traceback_later(50, exit=True)
import multiprocessing, os, threading, time

def square(number):
    return number * number

def answer(connection):
    connection.send(square(connection.recv()))
"""


@pytest.fixture
def run(tmp_path: Path):
    """Run a program under `python -m hublet.monkey` and return what it prints."""

    def run(main: str) -> str:
        path = tmp_path / "program.py"
        path.write_text(f"{BEGINNING}\nif __name__ == '__main__':\n{textwrap.indent(textwrap.dedent(main), '    ')}\n")
        done = subprocess.run([sys.executable, "-m", "hublet.monkey", path], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    return run


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_works_and_ends(run, method):
    printed = run(
        f"""
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            print(pool.map(square, range(5)))
            pool.close()
            pool.join()
        """
    )

    assert printed == "[0, 1, 4, 9, 16]"


def test_a_pool_whose_workers_are_replaced_by_forks_of_its_threads_works_and_ends(run):
    printed = run(
        """
        context = multiprocessing.get_context("fork")
        with context.Pool(2, maxtasksperchild=1) as pool:
            first = {worker.pid for worker in pool._pool}
            print(pool.map(square, range(8), chunksize=1))
            pool.close()
            pool.join()
            print(first.isdisjoint(worker.pid for worker in pool._pool))
        """
    )

    assert printed.splitlines() == ["[0, 1, 4, 9, 16, 25, 36, 49]", "True"]


def test_pools_that_threads_make_at_once_while_others_log_work_and_end(run):
    printed = run(
        """
        import logging
        from concurrent.futures import ThreadPoolExecutor
        logging.basicConfig(stream=open(os.devnull, "w"), level=logging.DEBUG)
        over = threading.Event()
        def chatter():
            while not over.wait(0.0005):
                logging.debug("still here")
        def use_pool(number):
            with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=number % 2 + 1) as pool:
                return sum(pool.imap_unordered(square, range(10)))
        talkers = [threading.Thread(target=chatter) for _ in range(3)]
        for talker in talkers:
            talker.start()
        with ThreadPoolExecutor(4) as executor:
            print(set(executor.map(use_pool, range(8))))
        over.set()
        """
    )

    assert printed == "{285}"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_two_way_pipe_serves_a_child_which_may_not_be_patched(run, method):
    printed = run(
        f"""
        context = multiprocessing.get_context({method!r})
        ours, its = context.Pipe()
        child = context.Process(target=answer, args=(its,))
        child.start()
        print(ours.poll(0.5))  # long enough for it to find nothing to read yet
        ours.send(7)
        print(ours.recv())
        child.join()
        """
    )

    assert printed.splitlines() == ["False", "49"]


def test_a_pool_is_waited_for_while_others_run(run):
    printed = run(
        """
        turns = []
        def count():
            while not turns or turns[-1]:
                turns.append(1)
                time.sleep(0.001)
        counting = threading.Thread(target=count)
        counting.start()
        with multiprocessing.get_context("fork").Pool(1) as pool:
            pool.apply(time.sleep, (0.2,))
        turns.append(0)
        counting.join()
        print(len(turns) > 20)
        """
    )

    assert printed == "True"
