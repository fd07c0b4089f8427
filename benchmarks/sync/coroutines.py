"""The rows for coroutines."""

from __future__ import annotations

from rows import GREENLETS, ITEMS


class Asyncio:
    """The rows for asyncio, on its own loop or on uvloop's."""

    def __init__(self, peer):
        import asyncio

        self.asyncio = asyncio
        self.new_loop = asyncio.new_event_loop
        if peer == "uvloop":
            import uvloop

            self.new_loop = uvloop.new_event_loop

    def has(self, row):
        """Say whether asyncio has what the row is about."""
        return hasattr(self, row)

    def run(self, *functions):
        """Run coroutine functions beside each other, on a loop of their own."""

        async def main():
            await asyncio.gather(*[function() for function in functions])

        asyncio = self.asyncio
        loop = self.new_loop()
        try:
            loop.run_until_complete(main())
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

        self.run(first, second)

    def queue_1(self, n):
        self._through(self.asyncio.Queue(1), n)

    def queue_100(self, n):
        self._through(self.asyncio.Queue(100), n)

    def _through(self, queue, n):
        async def put():
            for i in range(n):
                await queue.put(i)

        async def get():
            for _ in range(n):
                await queue.get()

        self.run(put, get)

    def queue_unbounded(self, n):
        self._in_and_out(self.asyncio.Queue(), n)

    def priority_queue(self, n):
        self._in_and_out(self.asyncio.PriorityQueue(), n)

    def lifo_queue(self, n):
        self._in_and_out(self.asyncio.LifoQueue(), n)

    def _in_and_out(self, queue, n):
        async def both():
            put, get = queue.put, queue.get
            for _ in range(n // 100):
                for i in range(100):
                    await put(-i)
                for _ in range(100):
                    await get()

        self.run(both)

    def queue_ping_pong(self, n):
        there, back = self.asyncio.Queue(), self.asyncio.Queue()

        async def first():
            for i in range(n):
                await there.put(i)
                await back.get()

        async def second():
            for _ in range(n):
                await back.put(await there.get())

        self.run(first, second)

    def semaphore_free(self, n):
        self._free(self.asyncio.Semaphore(1), n)

    def rlock_free(self, n):
        self._free(self.asyncio.Lock(), n)

    def _free(self, lock, n):
        async def take():
            for _ in range(n):
                await lock.acquire()
                lock.release()

        self.run(take)

    def semaphore_contended(self, n):
        self._contended(self.asyncio.Semaphore(1), n)

    def rlock_contended(self, n):
        self._contended(self.asyncio.Lock(), n)

    def _contended(self, lock, n):
        sleep = self.asyncio.sleep

        async def take():
            for _ in range(n // GREENLETS):
                async with lock:
                    await sleep(0)

        self.run(*[take] * GREENLETS)

    def result_set_get(self, n):
        async def use():
            make = self.asyncio.get_running_loop().create_future
            for i in range(n):
                result = make()
                result.set_result(i)
                result.result()

        self.run(use)

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

        self.run(ask, reply)

    def pool_map(self, n):
        asyncio = self.asyncio

        async def use():
            slots = asyncio.Semaphore(100)

            async def one(i):
                async with slots:
                    return i

            for _ in range(n // ITEMS):
                await asyncio.gather(*[one(i) for i in range(ITEMS)])

        self.run(use)

    def local_get_set(self, n):
        from contextvars import ContextVar

        here = ContextVar("here")

        async def use():
            here.set(0)
            for _ in range(n):
                here.set(here.get())

        self.run(use)
