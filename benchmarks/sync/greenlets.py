"""The rows for the two libraries of greenlets, which differ in where the names come from only."""

from __future__ import annotations

from rows import GREENLETS, ITEMS, identity


class Greenlets:
    """The rows for *peer*, "hublet" or "gevent"."""

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

    def has(self, row):
        """Say whether the library has what the row is about: old ones lack some."""
        return hasattr(self, row) and (row != "simple_queue" or hasattr(self.queue, "SimpleQueue"))

    def run(self, *functions):
        """Run functions beside each other."""
        greenlets = [self.spawn(function) for function in functions]
        self.joinall(greenlets)
        for each in greenlets:
            each.get()

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

        self.run(first, second)

    def queue_1(self, n):
        self._through(self.queue.Queue(1), n)

    def queue_100(self, n):
        self._through(self.queue.Queue(100), n)

    def channel(self, n):
        self._through(self.queue.Channel(), n)

    def _through(self, queue, n):
        def put():
            for i in range(n):
                queue.put(i)

        def get():
            for _ in range(n):
                queue.get()

        self.run(put, get)

    def queue_unbounded(self, n):
        self._in_and_out(self.queue.Queue(), n)

    def simple_queue(self, n):
        self._in_and_out(self.queue.SimpleQueue(), n)

    def priority_queue(self, n):
        self._in_and_out(self.queue.PriorityQueue(), n)

    def lifo_queue(self, n):
        self._in_and_out(self.queue.LifoQueue(), n)

    def _in_and_out(self, queue, n):
        def both():
            put, get = queue.put, queue.get
            for _ in range(n // 100):
                for i in range(100):
                    put(-i)
                for _ in range(100):
                    get()

        self.run(both)

    def queue_ping_pong(self, n):
        there, back = self.queue.Queue(), self.queue.Queue()

        def first():
            for i in range(n):
                there.put(i)
                back.get()

        def second():
            for _ in range(n):
                back.put(there.get())

        self.run(first, second)

    def semaphore_free(self, n):
        self._free(self.lock.Semaphore(1), n)

    def rlock_free(self, n):
        self._free(self.lock.RLock(), n)

    def _free(self, lock, n):
        def take():
            acquire, release = lock.acquire, lock.release
            for _ in range(n):
                acquire()
                release()

        self.run(take)

    def semaphore_contended(self, n):
        self._contended(self.lock.Semaphore(1), n)

    def rlock_contended(self, n):
        self._contended(self.lock.RLock(), n)

    def _contended(self, lock, n):
        sleep = self.sleep

        def take():
            for _ in range(n // GREENLETS):
                with lock:
                    sleep(0)

        self.run(*[take] * GREENLETS)

    def result_set_get(self, n):
        make = self.event.AsyncResult

        def use():
            for i in range(n):
                result = make()
                result.set(i)
                result.get()

        self.run(use)

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

        self.run(ask, reply)

    def pool_map(self, n):
        pool = self.pool.Pool(100)

        def use():
            for _ in range(n // ITEMS):
                pool.map(identity, range(ITEMS))

        self.run(use)

    def pool_imap_unordered(self, n):
        pool = self.pool.Pool(100)

        def use():
            for _ in range(n // ITEMS):
                for _each in pool.imap_unordered(identity, range(ITEMS)):
                    pass

        self.run(use)

    def local_get_set(self, n):
        here = self.local.local()

        def use():
            here.number = 0
            for _ in range(n):
                here.number = here.number

        self.run(use)
