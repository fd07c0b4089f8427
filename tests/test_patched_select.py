"""`select` and `selectors` patched: what blocks is gone, and what stands on selectors is cooperative."""

from __future__ import annotations

import select
import subprocess
import sys
import textwrap

import pytest


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="this platform has no epoll")
def test_epoll_disappears_and_its_original_is_found():
    printed = run(
        """
        import select
        original = select.epoll, select.poll, select.select
        from hublet import monkey
        monkey.patch_select()
        monkey.patch_select()
        print(hasattr(select, "epoll"), monkey.is_object_patched("select", "epoll"))
        print(monkey.get_original("select", ["epoll", "poll", "select"]) == list(original))
        from hublet.net.select import epoll
        from hublet.core import spawn
        import socket
        one, other = socket.socketpair()
        with epoll() as poller:
            poller.register(one, 1)
            waiting = spawn(poller.poll)
            spawn(other.send, b"x")
            print(waiting.get() == [(one.fileno(), 1)])
        """
    )

    assert printed.split() == ["False", "True", "True", "True"]


@pytest.mark.parametrize("features", ["select=False", "selectors=True", ""])
def test_selectors_are_cooperative_however_they_were_imported(features):
    printed = run(
        f"""
        import selectors, socket
        from selectors import DefaultSelector, SelectSelector
        class Derived(DefaultSelector):
            pass
        from hublet import monkey
        monkey.patch_all({features})
        from hublet.core import spawn
        from hublet.core.testing import wait_all_parked
        one, other = socket.socketpair()
        names = ("DefaultSelector", "SelectSelector", "PollSelector", "EpollSelector")
        kinds = [Derived, DefaultSelector, SelectSelector, *(getattr(selectors, name, SelectSelector) for name in names)]
        made = [kind() for kind in kinds]
        for selector in made:
            selector.register(one, selectors.EVENT_READ)
        waiting = [spawn(selector.select) for selector in made]
        wait_all_parked()
        assert not any(each.ready() for each in waiting)
        other.send(b"x")
        print(all(len(each.get()) == 1 for each in waiting), len(waiting), selectors.DefaultSelector is DefaultSelector)
        """
    )

    assert printed == "True 7 True"


def test_asyncio_that_was_imported_before_runs_beside_greenlets():
    printed = run(
        """
        import asyncio
        from hublet import monkey
        monkey.patch_all()
        import time
        from hublet.core import spawn
        order = []
        async def naps(name):
            for _ in range(3):
                order.append(name)
                await asyncio.sleep(0.02)
            return await asyncio.to_thread(str.upper, name)
        def sleeps():
            for _ in range(3):
                order.append("greenlet")
                time.sleep(0.02)
        running = [spawn(asyncio.run, naps(name)) for name in "ab"]
        sleeping = spawn(sleeps)
        print([each.get() for each in running])
        sleeping.get()
        print(sorted(order[:3]) == sorted(order[3:6]) == ["a", "b", "greenlet"])
        """
    )

    assert printed.splitlines() == ["['A', 'B']", "True"]


def test_the_loop_in_plain_python_does_not_wait_for_itself():
    printed = run(
        """
        from hublet import monkey
        monkey.patch_all()
        from hublet.core import Hub, spawn, sleep, config
        config.loop = "selectors"
        import select, socket
        one, other = socket.socketpair()
        waiting = spawn(select.select, [one], [], [])
        sleep(0.01)
        other.send(b"x")
        print(waiting.get() == ([one], [], []), monkey.is_module_patched("selectors"))
        from hublet.core import get_hub
        print(get_hub().loop.name)
        """
    )

    assert printed.split() == ["True", "True", "selectors"]


def test_what_waits_with_selectors_lets_others_run():
    printed = run(
        """
        import multiprocessing.connection, socketserver, threading
        from hublet import monkey
        monkey.patch_all(thread=False)
        import socket
        from hublet.core import spawn
        from hublet.core.testing import wait_all_parked

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(self.rfile.readline().upper())

        with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
            serving = spawn(server.serve_forever, 0.05)
            with socket.create_connection(server.server_address) as client:
                client.sendall(b"hello\\n")
                print(client.recv(100))
            stopping = threading.Thread(target=server.shutdown)
            stopping.start()
            serving.get()

        one, other = multiprocessing.connection.Pipe()
        waiting = spawn(multiprocessing.connection.wait, [one])
        wait_all_parked()
        other.send("hello")
        print(waiting.get() == [one], one.recv())
        """
    )

    assert printed.split() == ["b'HELLO\\n'", "True", "hello"]
