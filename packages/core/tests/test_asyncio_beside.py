"""asyncio beside greenlets: each has a running loop and a current task of its own, or none."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from collections.abc import Iterator
from functools import partial

import pytest

from hublet.core import GreenletExit, Timeout, get_hub, joinall, sleep, spawn, spawn_raw
from hublet.core._switch import call_builtin
from hublet.core.lowlevel import ParkingLot, Waiter
from hublet.core.testing import FakeClock, wait_all_parked


class ParkingSelector:
    """A selector that watches nothing and, instead of waiting in the kernel, parks."""

    def select(self, timeout: float | None = None) -> list:
        sleep(timeout if timeout else 0)
        return []

    def register(self, *args: object) -> None:
        pass

    def unregister(self, *args: object) -> None:
        pass

    def get_map(self) -> dict:
        return {}

    def get_key(self, fd: object) -> None:
        raise KeyError(fd)

    def close(self) -> None:
        pass


class ParkingLoop(asyncio.SelectorEventLoop):
    """An event loop without descriptors, of which there can be thousands."""

    def __init__(self) -> None:
        super().__init__(ParkingSelector())

    def _make_self_pipe(self) -> None:
        self._ssock = self._csock = None

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class ParkingPolicy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> ParkingLoop:
        return ParkingLoop()


@pytest.fixture
def cheap_loops() -> Iterator[None]:
    """Let `asyncio.run` make loops that park."""
    asyncio.set_event_loop_policy(ParkingPolicy())
    yield
    asyncio.set_event_loop_policy(None)


def running() -> tuple[object, object]:
    loop = asyncio._get_running_loop()
    return loop, None if loop is None else asyncio.current_task(loop)


NOTHING = (None, None)


def test_a_coroutine_has_its_loop_and_task_back_when_it_resumes():
    async def main() -> bool:
        before = running()
        assert None not in before
        for _ in range(3):
            sleep(0)
            assert running() == before
        return asyncio.get_running_loop() is before[0]

    assert spawn(asyncio.run, main()).get() is True


def test_siblings_see_none():
    seen = []

    def sibling() -> None:
        for _ in range(5):
            seen.append(running())
            sleep(0)

    async def main() -> None:
        for _ in range(5):
            sleep(0)

    joinall([spawn(sibling), spawn(asyncio.run, main()), spawn(sibling)], raise_error=True)

    assert seen == [NOTHING] * 10


def test_the_hub_sees_none():
    seen = []

    async def main() -> None:
        get_hub().call_soon(lambda: seen.append(running()))
        sleep(0)
        spawn_raw(lambda: seen.append(running()))
        sleep(0)

    spawn(asyncio.run, main()).join()

    assert seen == [NOTHING, NOTHING]


def test_a_greenlet_spawned_in_a_coroutine_sees_none():
    async def main() -> object:
        return spawn(running).get()

    assert spawn(asyncio.run, main()).get() == NOTHING


def test_several_may_be_in_asyncio_run_at_once():
    async def main(rounds: int) -> int:
        before = running()
        for _ in range(rounds):
            sleep(0)
            assert running() == before
            await asyncio.sleep(0)
            assert running() == before
        return rounds

    greenlets = [spawn(asyncio.run, main(rounds)) for rounds in (5, 1, 7, 3)]
    joinall(greenlets, raise_error=True)

    assert [greenlet.value for greenlet in greenlets] == [5, 1, 7, 3]
    assert running() == NOTHING


def test_a_thousand_may_be_in_asyncio_run_at_once(cheap_loops: None):
    lot = ParkingLot()
    inside = []
    most = []

    async def main(i: int) -> int:
        before = running()
        inside.append(i)
        most.append(len(inside))
        sleep(0)
        assert running() == before
        lot.park()
        assert running() == before
        await asyncio.sleep(0)
        inside.remove(i)
        return i

    def release() -> None:
        while len(lot) < 1000:
            assert running() == NOTHING
            sleep(0)
        lot.unpark_all()

    greenlets = [spawn(lambda i=i: asyncio.run(main(i))) for i in range(1000)]
    spawn(release)
    joinall(greenlets, raise_error=True)

    assert max(most) == 1000
    assert [greenlet.value for greenlet in greenlets] == list(range(1000))


def test_loops_that_park_run_beside_each_other(cheap_loops: None, clock: FakeClock):
    order = []

    async def main(name: str, seconds: int) -> None:
        for i in range(3):
            await asyncio.sleep(0)
            sleep(seconds)
            order.append((name, i))

    joinall([spawn(asyncio.run, main("slow", 10)), spawn(asyncio.run, main("quick", 3))], raise_error=True)

    assert order == [("quick", 0), ("quick", 1), ("quick", 2), ("slow", 0), ("slow", 1), ("slow", 2)]


def test_several_tasks_of_one_loop_each_have_their_own():
    async def task(name: str) -> str:
        for _ in range(3):
            before = asyncio.current_task()
            sleep(0)
            assert asyncio.current_task() is before
            await asyncio.sleep(0)
        return name

    async def main() -> list[str]:
        return await asyncio.gather(*[task(name) for name in "abc"])

    assert spawn(asyncio.run, main()).get() == ["a", "b", "c"]


def test_a_coroutine_may_be_woken_by_a_greenlet():
    waiter = Waiter()

    async def main() -> object:
        before = running()
        mine.append(Waiter())
        mine[0].park()
        assert running() == before
        return mine[0].value

    mine: list[Waiter] = []
    greenlet = spawn(asyncio.run, main())
    wait_all_parked()
    mine[0].unpark("value")

    assert greenlet.get() == "value"
    assert waiter.claimed is False


@pytest.mark.parametrize("error", [GreenletExit, ValueError])
def test_an_exception_that_is_thrown_in_finds_loop_and_task_in_place(error: type[BaseException], reports):
    log = []

    async def main() -> None:
        before = running()
        try:
            Waiter().park()
        except BaseException as caught:
            log.append(type(caught))
            assert running() == before
            raise

    greenlet = spawn(asyncio.run, main())
    wait_all_parked()
    greenlet.kill(error)

    assert log == [error]
    assert running() == NOTHING
    assert spawn(running).get() == NOTHING
    reports.take()


def test_a_timeout_ends_a_wait_in_a_coroutine(clock: FakeClock):
    async def main() -> str:
        before = running()
        with Timeout(1, False):
            sleep(10)
        assert running() == before
        await asyncio.sleep(0)
        return "timed out"

    assert spawn(asyncio.run, main()).get() == "timed out"


def test_a_deadline_and_a_failure_too():
    async def main() -> str:
        before = running()
        waiter = Waiter()
        waiter.fail(KeyError())
        with pytest.raises(KeyError):
            waiter.park()
        assert running() == before
        sleep(0.0001)
        assert running() == before
        return "went on"

    assert spawn(asyncio.run, main()).get() == "went on"


def test_the_main_greenlet_may_be_in_asyncio_run_while_others_run():
    async def main() -> list:
        before = running()
        greenlets = [spawn(lambda: (sleep(0), running())[1]) for _ in range(3)]
        joinall(greenlets)
        assert running() == before
        return [greenlet.value for greenlet in greenlets]

    assert asyncio.run(main()) == [NOTHING] * 3


def test_in_another_native_thread_it_is_the_same():
    seen = []

    async def main() -> bool:
        before = running()
        sleep(0)
        return running() == before

    def body() -> None:
        greenlets = [spawn(asyncio.run, main()) for _ in range(3)]
        joinall(greenlets)
        seen.extend(greenlet.value for greenlet in greenlets)
        seen.append(running())
        get_hub().destroy()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()

    assert seen == [True, True, True, NOTHING]


def test_asynchronous_generators_belong_to_the_loop_of_their_greenlet():
    finalized = []

    async def generator(name: str):
        try:
            yield name
            yield name
        finally:
            finalized.append((name, running()[0]))

    async def main(name: str) -> object:
        each = generator(name)
        await each.__anext__()
        sleep(0)
        sleep(0)
        return asyncio.get_running_loop()  # the generator is left to the loop's shutdown

    greenlets = [spawn(asyncio.run, main(name)) for name in "ab"]
    joinall(greenlets, raise_error=True)

    assert dict(finalized) == {name: greenlet.value for name, greenlet in zip("ab", greenlets)}


def test_the_hooks_for_asynchronous_generators_are_nobody_elses():
    seen = []

    async def main(rounds: int) -> object:
        before = sys.get_asyncgen_hooks()
        assert before.firstiter is not None
        for _ in range(rounds):
            sleep(0)
            assert sys.get_asyncgen_hooks() == before
        return None

    def sibling() -> None:
        for _ in range(3):
            seen.append(tuple(sys.get_asyncgen_hooks()))
            sleep(0)

    joinall([spawn(asyncio.run, main(2)), spawn(sibling), spawn(asyncio.run, main(5))], raise_error=True)

    assert seen == [NOTHING] * 3
    assert tuple(sys.get_asyncgen_hooks()) == NOTHING


def test_the_hooks_that_a_program_has_set_stay_set():
    def firstiter(generator: object) -> None:
        pass

    async def main() -> None:
        sleep(0)

    sys.set_asyncgen_hooks(firstiter, None)
    try:
        spawn(asyncio.run, main()).join()
        sleep(0)
        assert sys.get_asyncgen_hooks().firstiter is firstiter
    finally:
        sys.set_asyncgen_hooks(None, None)


def test_a_program_that_never_imports_asyncio_never_loads_it(script):
    printed = script(
        """
import sys
from hublet.core import sleep, spawn
spawn(sleep, 0.001).join()
print("asyncio" in sys.modules)
"""
    )

    assert printed == "False"


def test_asyncio_may_be_imported_when_greenlets_run_already(script):
    printed = script(
        """
from hublet.core import joinall, sleep, spawn
for _ in range(5):
    spawn(sleep, 0).join()

def late():
    import asyncio
    async def main():
        before = asyncio.get_running_loop(), asyncio.current_task()
        sleep(0)
        return before == (asyncio.get_running_loop(), asyncio.current_task())
    return asyncio.run(main())

def sibling():
    seen = []
    for _ in range(10):
        import sys
        events = sys.modules.get("asyncio.events")
        getter = getattr(events, "_get_running_loop", None)
        seen.append(getter and getter())
        sleep(0)
    return seen

greenlets = [spawn(late), spawn(sibling)]
joinall(greenlets, raise_error=True)
print(greenlets[0].value, greenlets[1].value == [None] * 10)
"""
    )

    assert printed == "True True"


def test_asyncio_may_be_imported_though_the_number_of_modules_stays_the_same(script):
    """As many modules may be removed meanwhile as are added."""
    printed = script(
        """
import sys, types
from hublet.core import sleep, spawn

spawn(sleep, 0).join()
dummies = [f"dummy{i}" for i in range(500)]
for name in dummies:
    sys.modules[name] = types.ModuleType(name)
spawn(sleep, 0).join()
count = len(sys.modules)
import asyncio
for name in dummies[: len(sys.modules) - count]:
    del sys.modules[name]
assert len(sys.modules) == count

seen = []
async def main():
    loop = asyncio.get_running_loop()
    sibling = spawn(lambda: seen.append(asyncio._get_running_loop()))
    sleep(0)
    sibling.join()
    return asyncio.get_running_loop() is loop

print(spawn(asyncio.run, main()).get(), seen)
"""
    )

    assert printed == "True [None]"


def test_finished_runs_leave_nothing_behind(census):
    async def main() -> None:
        sleep(0)

    def runs() -> None:
        joinall([spawn(asyncio.run, main()) for _ in range(5)])

    runs()
    before = census()
    runs()

    assert census() - before == {}


def test_what_is_asked_at_each_switch_may_be_a_function_of_any_kind():
    items = deque([1])

    assert call_builtin(items.pop) == 1
    assert call_builtin(lambda: 2) == 2
    assert call_builtin(partial(max, 3, 2)) == 3
    with pytest.raises(IndexError, match="empty deque"):
        call_builtin(items.pop)
