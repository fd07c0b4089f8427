"""What do events, locks, queues, pools and locals cost, beside gevent, asyncio and uvloop?

    python benchmarks/sync.py [--rounds 5] [--rows queue,event] [hublet gevent asyncio uvloop]

Each peer runs in processes of its own, a round of each peer after the other, so that a disturbance hits all of them.  A
figure is nanoseconds of CPU time for one operation, the best of all rounds; the last column is how many times longer
gevent takes than hublet.  A peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

GREENLETS = 10  # that contend
ITEMS = 10_000  # for pool.map


class Greenlets:
    """The rows for hublet and gevent, which differ in where the names come from only."""

    def __init__(self, peer):
        if peer == "hublet":
            from hublet import core, pool, sync

            self.core, self.event, self.lock, self.queue, self.pool, self.local = core, sync, sync, sync, pool, pool
            self.joinall, self.spawn, self.sleep = core.joinall, core.spawn, core.sleep
        else:
            import gevent.event
            import gevent.local
            import gevent.lock
            import gevent.pool
            import gevent.queue

            self.core, self.event, self.lock, self.queue = gevent, gevent.event, gevent.lock, gevent.queue
            self.pool, self.local = gevent.pool, gevent.local
            self.joinall, self.spawn, self.sleep = gevent.joinall, gevent.spawn, gevent.sleep

    def run(self, *functions):
        """Run functions beside each other and return the CPU seconds that took."""
        greenlets = [self.spawn(function) for function in functions]
        started = time.process_time()
        self.joinall(greenlets)
        took = time.process_time() - started
        for each in greenlets:
            each.get()
        return took

    def event_ping_pong(self, n):
        ping, pong = self.event.Event(), self.event.Event()

        def first():
            for _ in range(n):
                ping.set()
                pong.wait()
                pong.clear()

        def second():
            for _ in range(n):
                ping.wait()
                ping.clear()
                pong.set()

        return self.run(first, second)

    def queue_1(self, n):
        return self._through(self.queue.Queue(1), n)

    def queue_100(self, n):
        return self._through(self.queue.Queue(100), n)

    def channel(self, n):
        return self._through(self.queue.Channel(), n)

    def _through(self, queue, n):
        def put():
            for i in range(n):
                queue.put(i)

        def get():
            for _ in range(n):
                queue.get()

        return self.run(put, get)

    def queue_unbounded(self, n):
        return self._in_and_out(self.queue.Queue(), n)

    def simple_queue(self, n):
        return self._in_and_out(self.queue.SimpleQueue(), n)

    def priority_queue(self, n):
        return self._in_and_out(self.queue.PriorityQueue(), n)

    def lifo_queue(self, n):
        return self._in_and_out(self.queue.LifoQueue(), n)

    def _in_and_out(self, queue, n):
        def both():
            put, get = queue.put, queue.get
            for _ in range(n // 100):
                for i in range(100):
                    put(-i)
                for _ in range(100):
                    get()

        return self.run(both)

    def queue_ping_pong(self, n):
        there, back = self.queue.Queue(), self.queue.Queue()

        def first():
            for i in range(n):
                there.put(i)
                back.get()

        def second():
            for _ in range(n):
                back.put(there.get())

        return self.run(first, second)

    def semaphore_free(self, n):
        return self._free(self.lock.Semaphore(1), n)

    def rlock_free(self, n):
        return self._free(self.lock.RLock(), n)

    def _free(self, lock, n):
        def take():
            acquire, release = lock.acquire, lock.release
            for _ in range(n):
                acquire()
                release()

        return self.run(take)

    def semaphore_contended(self, n):
        return self._contended(self.lock.Semaphore(1), n)

    def rlock_contended(self, n):
        return self._contended(self.lock.RLock(), n)

    def _contended(self, lock, n):
        sleep = self.sleep

        def take():
            for _ in range(n // GREENLETS):
                with lock:
                    sleep(0)

        return self.run(*[take] * GREENLETS)

    def result_set_get(self, n):
        make = self.event.AsyncResult

        def use():
            for i in range(n):
                result = make()
                result.set(i)
                result.get()

        return self.run(use)

    def result_switching(self, n):
        make = self.event.AsyncResult
        answers = []

        def ask():
            for _ in range(n):
                answer = make()
                answers.append(answer)
                answer.get()

        def reply():
            for i in range(n):
                while not answers:
                    self.sleep(0)
                answers.pop().set(i)

        return self.run(ask, reply)

    def pool_map(self, n):
        pool = self.pool.Pool(100)

        def use():
            for _ in range(n // ITEMS):
                pool.map(_identity, range(ITEMS))

        return self.run(use)

    def pool_imap_unordered(self, n):
        pool = self.pool.Pool(100)

        def use():
            for _ in range(n // ITEMS):
                for _each in pool.imap_unordered(_identity, range(ITEMS)):
                    pass

        return self.run(use)

    def local_get_set(self, n):
        here = self.local.local()

        def use():
            here.number = 0
            for _ in range(n):
                here.number = here.number

        return self.run(use)


class Asyncio:
    """The rows for asyncio, on its own loop or on uvloop's."""

    def __init__(self, peer):
        import asyncio

        self.asyncio = asyncio
        self.new_loop = asyncio.new_event_loop
        if peer == "uvloop":
            import uvloop

            self.new_loop = uvloop.new_event_loop

    def run(self, *functions):
        """Run coroutine functions beside each other and return the CPU seconds that took."""

        async def main():
            tasks = [asyncio.ensure_future(function()) for function in functions]
            started = time.process_time()
            await asyncio.gather(*tasks)
            return time.process_time() - started

        asyncio = self.asyncio
        loop = self.new_loop()
        try:
            return loop.run_until_complete(main())
        finally:
            loop.close()

    def event_ping_pong(self, n):
        ping, pong = self.asyncio.Event(), self.asyncio.Event()

        async def first():
            for _ in range(n):
                ping.set()
                await pong.wait()
                pong.clear()

        async def second():
            for _ in range(n):
                await ping.wait()
                ping.clear()
                pong.set()

        return self.run(first, second)

    def queue_1(self, n):
        return self._through(self.asyncio.Queue(1), n)

    def queue_100(self, n):
        return self._through(self.asyncio.Queue(100), n)

    def _through(self, queue, n):
        async def put():
            for i in range(n):
                await queue.put(i)

        async def get():
            for _ in range(n):
                await queue.get()

        return self.run(put, get)

    def queue_unbounded(self, n):
        return self._in_and_out(self.asyncio.Queue(), n)

    def priority_queue(self, n):
        return self._in_and_out(self.asyncio.PriorityQueue(), n)

    def lifo_queue(self, n):
        return self._in_and_out(self.asyncio.LifoQueue(), n)

    def _in_and_out(self, queue, n):
        async def both():
            put, get = queue.put, queue.get
            for _ in range(n // 100):
                for i in range(100):
                    await put(-i)
                for _ in range(100):
                    await get()

        return self.run(both)

    def queue_ping_pong(self, n):
        there, back = self.asyncio.Queue(), self.asyncio.Queue()

        async def first():
            for i in range(n):
                await there.put(i)
                await back.get()

        async def second():
            for _ in range(n):
                await back.put(await there.get())

        return self.run(first, second)

    def semaphore_free(self, n):
        return self._free(self.asyncio.Semaphore(1), n)

    def rlock_free(self, n):
        return self._free(self.asyncio.Lock(), n)

    def _free(self, lock, n):
        async def take():
            for _ in range(n):
                await lock.acquire()
                lock.release()

        return self.run(take)

    def semaphore_contended(self, n):
        return self._contended(self.asyncio.Semaphore(1), n)

    def rlock_contended(self, n):
        return self._contended(self.asyncio.Lock(), n)

    def _contended(self, lock, n):
        sleep = self.asyncio.sleep

        async def take():
            for _ in range(n // GREENLETS):
                async with lock:
                    await sleep(0)

        return self.run(*[take] * GREENLETS)

    def result_set_get(self, n):
        async def use():
            make = self.asyncio.get_running_loop().create_future
            for i in range(n):
                result = make()
                result.set_result(i)
                result.result()

        return self.run(use)

    def result_switching(self, n):
        answers, sleep = [], self.asyncio.sleep

        async def ask():
            make = self.asyncio.get_running_loop().create_future
            for _ in range(n):
                answer = make()
                answers.append(answer)
                await answer

        async def reply():
            for i in range(n):
                while not answers:
                    await sleep(0)
                answers.pop().set_result(i)

        return self.run(ask, reply)

    def pool_map(self, n):
        asyncio = self.asyncio

        async def use():
            slots = asyncio.Semaphore(100)

            async def one(i):
                async with slots:
                    return i

            for _ in range(n // ITEMS):
                await asyncio.gather(*[one(i) for i in range(ITEMS)])

        return self.run(use)

    def local_get_set(self, n):
        from contextvars import ContextVar

        here = ContextVar("here")

        async def use():
            here.set(0)
            for _ in range(n):
                here.set(here.get())

        return self.run(use)


def _identity(i):
    return i


# What a row is called, how often it is done in one round, and what the ratio to gevent has to be at least.
ROWS = {
    "event_ping_pong": ("Event ping-pong, round trip", 20_000, 5),
    "queue_1": ("Queue(1), item", 20_000, 10),
    "queue_100": ("Queue(100), item", 50_000, 1),
    "queue_unbounded": ("Queue, put + get", 100_000, 1.8),
    "queue_ping_pong": ("Queue ping-pong, round trip", 20_000, 5),
    "simple_queue": ("SimpleQueue, put + get", 100_000, 1),
    "lifo_queue": ("LifoQueue, put + get", 50_000, 1),
    "priority_queue": ("PriorityQueue, put + get", 50_000, 1),
    "channel": ("Channel, item", 20_000, 1),
    "semaphore_free": ("Semaphore, free", 200_000, 2.5),
    "semaphore_contended": ("Semaphore, contended", 20_000, 4),
    "rlock_free": ("RLock, free", 200_000, 3),
    "rlock_contended": ("RLock, contended", 20_000, 3.5),
    "result_set_get": ("AsyncResult, made, set, got", 100_000, 2),
    "result_switching": ("AsyncResult, asked and answered", 20_000, 4),
    "pool_map": ("pool.map, item", ITEMS, 7),
    "pool_imap_unordered": ("pool.imap_unordered, item", ITEMS, 1),
    "local_get_set": ("local, get + set", 200_000, 2.5),
}
PEERS = ("hublet", "gevent", "asyncio", "uvloop")


def measure(peer, rows):
    """Print the nanoseconds of each row, the best of three, as JSON.  In the peer's own process."""
    try:
        bench = (Greenlets if peer in ("hublet", "gevent") else Asyncio)(peer)
    except ImportError as error:
        print(f"{peer} is left out: {error}", file=sys.stderr)
        print("{}")
        return
    found = {}
    for row in rows:
        n = ROWS[row][1]
        if hasattr(bench, row):
            try:
                found[row] = min(getattr(bench, row)(n) for _ in range(3)) / n * 1e9
            except AttributeError as error:
                print(f"{peer}, {row}: {error}", file=sys.stderr)
    print(json.dumps(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", default=PEERS, help=f"of {', '.join(PEERS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", default="", help="only rows whose name contains one of these, separated by commas")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = [row for row in ROWS if not options.rows or any(part in row for part in options.rows.split(","))]
    if options.measure:
        measure(options.measure, rows)
        return
    best = {peer: {} for peer in options.peers}
    for _ in range(options.rounds):
        for peer in options.peers:
            command = [sys.executable, __file__, "--measure", peer, "--rows", options.rows]
            output = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=os.environ).stdout
            for row, figure in json.loads(output).items():
                best[peer][row] = min(figure, best[peer].get(row, figure))
    print(f"Python {sys.version.split()[0]}, ns of CPU time, best of {options.rounds} rounds")
    print(f"{'':30}" + "".join(f"{peer:>10}" for peer in options.peers) + f"{'ratio':>9}{'wanted':>8}")
    for row in rows:
        name, _, wanted = ROWS[row]
        figures = [best[peer].get(row) for peer in options.peers]
        line = f"{name:30}" + "".join(f"{'-' if figure is None else round(figure):>10}" for figure in figures)
        ours, theirs = best.get("hublet", {}).get(row), best.get("gevent", {}).get(row)
        if ours and theirs:
            line += f"{theirs / ours:9.2f}{wanted:8}"
        print(line)


if __name__ == "__main__":
    main()
