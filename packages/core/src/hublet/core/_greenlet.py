# cython: nonecheck=True
# So that using a greenlet whose subclass has not called `__init__` is an error in C too, and no crash.
"""`Greenlet`: a function that runs beside others, and can be waited for, linked to and killed.

Its life: made, started (an entry in the hub's ring, or among its deadlines), running, finished.  `_finish` is the one way
to the end, whether the function returned, raised or never ran, and it runs once.

Spawning is lean.  A greenlet keeps where it was spawned as a code object and a line, not as a stack, and everything that
only some programs ask for (links, a name, an ident, locals of the spawn tree) is made when it is asked for.

Long for one module, because it is one class, and in C all the methods of a class stand in one file.
"""

from __future__ import annotations

from greenlet import GreenletExit, greenlet

from . import _chunks, _park, _start, _switch
from ._config import config
from ._entry import Callback, Entry, Listener
from ._hub import get_hub
from ._park import ParkingLot, Waiter, deadline_in
from ._scheduler import Scheduler
from ._start import Start
from ._timeout import Timeout

__all__ = ["Greenlet"]

_COMPILED = _switch.compiled

_UNFINISHED: Any = object()

_recording = config.recording

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from typing import Any, Generic, TypeVar

    T = TypeVar("T")

    class _Carries(Generic[T]):
        """Something that carries a value of a type."""

else:
    T = None

    class _Carries:
        # `typing.Generic` for a class that is compiled: a C type's bases are types, and `Generic[T]` is none.
        __slots__ = ()

        def __class_getitem__(cls, item):
            return cls


class _Notify(Entry):
    """The calls of the links of a greenlet that is finished."""

    __slots__ = ("finished",)

    def begin_notifying(self, finished: Any) -> None:
        """Set every field."""
        self.begin()
        self.finished: Any = finished

    def run(self) -> None:
        self.finished._notify()


class _Kill(Entry):
    """An exception on its way to a running greenlet."""

    __slots__ = ("error", "victim")

    def __init__(self, victim: Greenlet[Any], error: BaseException) -> None:
        self.begin()
        self.victim = victim
        self.error = error

    def run(self) -> None:
        self.victim._kill_now(self.error)


def _run_given(given: Greenlet[Any]) -> None:
    if _COMPILED:
        given._run_once()
    else:
        given._run_interruptibly()


def _run_current() -> None:
    current: Any = _switch.current()
    _run_given(current)


def _call_run(given: Greenlet[Any], /, *args: Any, **kwargs: Any) -> Any:
    return given._run(*args, **kwargs)  # looked up here, where what that raises is caught too


class _RunDescriptor:
    """`Greenlet.run`: of a greenlet a function without parameters, of the class one that is told whose, as of any method.

    greenlet asks for it and keeps what it gets for the greenlet's life.  A bound method would be one more object for each,
    which the collector walks (`benchmarks/kernel`, 100,000 sleeps), and a parameter that may be left out a larger C frame.
    """

    __slots__ = ()

    def __get__(self, instance: Greenlet[Any] | None, owner: Any) -> Callable[..., None]:
        return _run_given if instance is None else _run_current


class Greenlet(greenlet, _Carries[T]):
    """A call of *run* with *args* and *kwargs* that runs beside others once it is started.

    Without *run*, its `_run` method is called, which a subclass defines.  Raises `TypeError` at once if *run* cannot be
    called.  *context* is the `contextvars.Context` to run in; `None` is a copy of the present one.  Belongs to the hub of
    the thread that makes it; only `ready`, `successful`, `value` and `exception` may be used from others.
    """

    def __cinit__(self, *args: Any, **kwargs: Any) -> None:
        # Compiled only, and before the constructor, which a subclass may forget to call (`_owner`).
        self._result: Any = _UNFINISHED

    def __init__(
        self, run: Callable[..., T] | None = None, *args: Any, context: Context | None = None, **kwargs: Any
    ) -> None:
        if run is not None and not callable(run):
            raise TypeError(f"the function to run must be callable, not {run!r}")
        self._set_up(run, args, kwargs, context)

    def _set_up(self, run: Any, args: tuple[Any, ...], kwargs: dict[str, Any], context: Context | None) -> None:
        scheduler = _switch.thread_scheduler()
        if scheduler is None:
            scheduler = get_hub().scheduler
        scheduler.adopt(self, type(self) is Greenlet)
        if context is None:
            _switch.inherit_context(self)
        else:
            self.gr_context = context
        self.args = args
        self._kwargs: dict[str, Any] | None = kwargs or None  # no object to keep, for most
        self._scheduler: Scheduler = scheduler
        self._function = run
        self._start: Start | None = None
        self._result = _UNFINISHED
        self._error: BaseException | None = None
        self._traceback: Any = None
        self._begun = False
        self._killed = False
        self._has_other_parent = False
        # Most have one joiner, or one link, or neither: the first needs no lot and no list.
        self._joiner: Waiter | None = None
        self._joiners: ParkingLot | None = None
        self._links: Any = None
        self._listener: Listener | None = None
        self._extras: dict[str, Any] | None = None
        frame = _switch.caller()
        self._spawn_code: Any = None
        self._spawn_instruction = 0
        if frame is not None:
            self._spawn_code = _switch.code_of(frame)
            self._spawn_instruction = _switch.instruction_of(frame)
        if _recording[0]:
            self._record_spawn(frame)

    def _owner(self) -> Scheduler:
        """Return its scheduler, or say what a subclass has forgotten."""
        try:
            scheduler = self._scheduler
        except AttributeError:  # interpreted
            scheduler = None
        if scheduler is None:
            raise RuntimeError(f"this greenlet was never made: {type(self).__qualname__}.__init__ must call Greenlet.__init__")
        return scheduler

    # Starting

    @classmethod
    def spawn(cls, *args: Any, **kwargs: Any) -> Greenlet[Any]:
        """Make a greenlet from the arguments of the class and start it.  Never switches."""
        new = cls(*args, **kwargs)
        new.start()
        return new

    @classmethod
    def spawn_later(cls, seconds: float, *args: Any, **kwargs: Any) -> Greenlet[Any]:
        """Make a greenlet and let it start in *seconds*.  Never switches.  Raises `TypeError` if *seconds* is no number."""
        new = cls(*args, **kwargs)
        new.start_later(seconds)
        return new

    def start(self) -> None:
        """Let it run when its turn comes.  Never switches.  Does nothing if it was started before."""
        self._owner()
        self._start_now()

    def _start_now(self) -> None:
        if self._start is None and not self._begun and self._result is _UNFINISHED:
            scheduler = self._scheduler
            start = _start.make_start(scheduler, self)
            self._start = start
            scheduler.schedule(start)

    def start_later(self, seconds: float) -> None:
        """Let it run in *seconds*.  Never switches.  Does nothing if it was started before."""
        if self._start is None and not self._begun and self._result is _UNFINISHED:
            deadline = deadline_in(seconds)
            if deadline is None:
                raise TypeError("start_later() takes a number of seconds, not None")
            start = _start.make_later_start(self)
            self._owner().deadlines.add(start, deadline)
            self._start = start

    run = _RunDescriptor()  # calls its function; called once, and not for users

    def _run_interruptibly(self) -> None:
        """As `_run_once` where Ctrl-C may come between any two lines."""
        try:
            self._run_once()
        except BaseException as error:
            if self._result is not _UNFINISHED:
                raise
            self._end_with(error)

    def _run_once(self) -> None:
        if self._result is not _UNFINISHED:
            self._end_in_hub()
            return  # killed before it began, and switched to all the same
        _chunks.use_small_first_chunk()
        self._begin()
        if self._function is not None:
            outcome = _switch.attempt(self._function, self.args, self._kwargs)
        else:
            outcome = _switch.attempt(_call_run, (self, *self.args), self._kwargs)
        if type(outcome) is _switch.Raised:
            self._end_raising(outcome.error)
        else:
            self._finish(outcome, None)
        outcome = None  # what it alone holds ends now, and not after the last line of this greenlet's life
        if not self._has_other_parent:
            self._scheduler.end(self)

    def _begin(self) -> None:
        scheduler = self._scheduler
        start, self._start = self._start, None
        self._begun = True
        scheduler.starting = None  # from now on the thread holds the greenlet
        if start is not None and _switch.is_only_reference(start):
            start.greenlet = None
            scheduler.spare_start = start

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        """Override this in a subclass: what the greenlet does if it was made without a function."""

    # Ending

    def _end_in_hub(self) -> None:
        if not self._has_other_parent:
            _switch.set_parent(self, self._scheduler.greenlet)

    def _end_raising(self, error: BaseException) -> None:
        """As `_end_with`, with *error* being handled, for whoever asks `sys.exc_info` when it is reported."""
        try:
            raise error
        except BaseException:
            self._end_with(error)
        finally:
            del error  # or the traceback would hold the frame that holds it

    def _end_with(self, error: BaseException) -> None:
        if isinstance(error, GreenletExit):
            self._finish(error, None)
            return
        self._end_in_hub()  # for what reporting may raise
        try:
            self.report_failure(error)
        finally:
            self._finish(None, error)

    def report_failure(self, error: BaseException) -> None:
        """Tell the hub's `handle_error` of what the function raised.  Called once, before anybody who waits is woken.

        A subclass whose errors are sure to be looked at elsewhere may override it.  It must not wait.
        """
        self._scheduler.greenlet.fault(self, error)

    def _finish(self, result: Any, error: BaseException | None) -> None:
        self._result = result
        if error is not None:
            self._error = error
            self._traceback = error.__traceback__
        scheduler = self._scheduler
        if scheduler.postponed:
            scheduler.postponed.pop(self, None)
        joiner = self._joiner
        if joiner is not None:
            self._joiner = None
            joiner.unpark()
        joiners = self._joiners
        if joiners is not None:
            self._joiners = None
            joiners.unpark_all()
        if self._links is not None:
            self._schedule_links()
        listener = self._listener
        if listener is not None:
            self._listener = None
            listener.hear(self)
        # After all have been told: a finalizer may wait, for what they do then.
        self._function = None
        self.args = ()
        self._kwargs = None

    def _schedule_links(self) -> None:
        notify = _Notify.__new__(_Notify)
        notify.begin_notifying(self)
        self._scheduler.schedule(notify)

    def throw(self, *args: Any) -> Any:
        """Raise an exception in it, now.  For code that runs in the hub; everybody else uses `kill`.

        The arguments are those of ``raise``: a class or an exception, then optionally a value and a traceback; none is
        `GreenletExit`.  If it has not begun to run it never will.
        """
        self._owner()
        if self._begun or self._result is not _UNFINISHED:
            return greenlet.throw(self, *args)
        self._end_before_start(_exception_from(args))
        return None

    def kill(self, exception: Any = GreenletExit, block: bool = True, timeout: float | None = None) -> None:
        """Raise *exception* in it, so that it ends, unless it catches that.

        If it has not begun to run, it never will.  If it has been handed something by what it waited for, or is inside a
        `shield`, the exception is raised when it next parks outside of that.  With *block*, park until it is finished, at
        most *timeout* seconds (`None` is without limit); otherwise only make sure that the exception will be raised.
        Nothing happens if it is finished, or was killed already and is still on its way to the end.
        """
        self._owner()
        if self._result is not _UNFINISHED:
            return
        error = _exception_from((exception,))
        if not self._begun:
            self._end_before_start(error)
        elif not self._killed:
            self._killed = True
            self._scheduler.schedule(_Kill(self, error))
        if block:
            self.join(timeout)

    def _kill_now(self, error: BaseException) -> None:
        self._killed = False
        if self._result is _UNFINISHED:
            self._scheduler.interrupt(self, error)

    def forget_start(self) -> None:
        """Let it never begin, if it has not yet; nobody is told.  For what stays behind at a fork."""
        start = self._start
        if start is not None:
            start.greenlet = None  # should it be in the ring, the hub will find nobody to start
            self._scheduler.deadlines.remove(start)
            self._start = None

    def _end_before_start(self, error: BaseException) -> None:
        self._begun = True
        self.forget_start()
        self._end_with(error)

    # Waiting

    def join(self, timeout: float | None = None) -> None:
        """Wait until it is finished, at most *timeout* seconds; `None` is without limit.  Parks, unless it is finished.

        Any thread may call it.
        """
        self._owner()
        if self._result is _UNFINISHED:
            self._join_until(deadline_in(timeout))

    def _join_until(self, deadline: float | None) -> None:
        waiter = _park.make_waiter(self)
        if waiter.scheduler is self._scheduler:
            self._line_up(waiter)
        else:
            # The joiners are its own thread's affair: two others might each make a lot, and one would be lost.
            self._scheduler.schedule(Callback(self._add_joiner, (waiter,)))
        waiter.park(deadline)
        _park.recycle(waiter)

    def _add_joiner(self, waiter: Waiter) -> None:
        # What another thread asks for.  Its own method, for the lookup of an override would cost every join.
        self._line_up(waiter)

    def _line_up(self, waiter: Waiter) -> None:
        joiners = self._joiners
        if joiners is None and (self._joiner is None or self._joiner.claimed):
            self._joiner = waiter
        else:
            if joiners is None:
                joiners = self._joiners = _park.make_lot()
            joiners.add(waiter)
        if self._result is not _UNFINISHED:  # since somebody looked
            waiter.unpark()

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Return what the function returned, or raise what it raised; a killed greenlet gives its `GreenletExit`.

        Parks until it is finished, at most *timeout* seconds; `None` is without limit.  Raises `Timeout` if the time was
        up first, or if it is not finished and *block* is false.
        """
        if self._result is _UNFINISHED:
            if block:
                self.join(timeout)
            if self._result is _UNFINISHED:
                raise Timeout(timeout if block else 0)
        if self._error is not None:
            # The traceback as it was, or each call would add its own lines to it.
            raise self._error.with_traceback(self._traceback)
        return self._result  # type: ignore[no-any-return]

    # Looking

    def has_stack_here(self) -> bool:
        """Say whether it has begun and not ended, in the hub of the calling thread.  For the collector: compiled, no more
        than reading fields."""
        return self._result is _UNFINISHED and self._begun and self._scheduler is _switch.thread_scheduler()

    def ready(self) -> bool:
        """Say whether it is finished."""
        return self._result is not _UNFINISHED

    def successful(self) -> bool:
        """Say whether it is finished without an error.  One that was killed with `GreenletExit` is."""
        return self._result is not _UNFINISHED and self._error is None

    @property
    def value(self) -> T | None:
        """What the function returned; `None` before that and after an error."""
        return None if self._result is _UNFINISHED else self._result

    @property
    def exception(self) -> BaseException | None:
        """What the function raised, or `None`."""
        return self._error

    @property
    def exc_info(self) -> tuple[Any, ...]:
        """The type, value and traceback of what the function raised, or an empty tuple."""
        if self._error is None:
            return ()
        return type(self._error), self._error, self._traceback

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments that the function is called with; empty once it is finished, as `args`."""
        return {} if self._kwargs is None else self._kwargs

    @property
    def started(self) -> bool:
        """Whether it was started and is not finished."""
        return (self._begun or self._start is not None) and self._result is _UNFINISHED

    @property
    def dead(self) -> bool:
        """Whether it is finished."""
        return self._result is not _UNFINISHED

    @property
    def parent(self) -> Any:
        """The greenlet that runs when this one is over: the hub, unless another was assigned."""
        return _switch.parent_of(self) if self._has_other_parent else self._owner().greenlet

    @parent.setter
    def parent(self, parent: greenlet) -> None:
        self._owner()
        _switch.set_parent(self, parent)
        self._has_other_parent = True

    @property
    def loop(self) -> Any:
        """The loop of its hub."""
        return self._owner().loop

    def __bool__(self) -> bool:
        return (self._begun or self._start is not None) and self._result is _UNFINISHED

    # Links

    def rawlink(self, callback: Any) -> None:
        """Let the hub call ``callback(self)`` once it is finished, soon if it is already.  The callback must not wait.

        Never switches.  Callbacks are called in the order in which they were linked.  Raises `TypeError` if *callback*
        cannot be called.
        """
        if not callable(callback):
            raise TypeError(f"a link must be callable, not {callback!r}")
        self._owner()
        links = self._links
        if links is None:
            self._links = callback
            if self._result is not _UNFINISHED:
                self._schedule_links()
        elif type(links) is list:
            links.append(callback)
        else:
            self._links = [links, callback]

    def link(self, callback: Any, SpawnedLink: Any = None) -> None:
        """Call ``callback(self)`` in a greenlet of its own once it is finished.  Never switches."""
        self._link("SpawnedLink", callback, SpawnedLink)

    def link_value(self, callback: Any, SpawnedLink: Any = None) -> None:
        """As `link`, but only if it finishes without an error."""
        self._link("SuccessSpawnedLink", callback, SpawnedLink)

    def link_exception(self, callback: Any, SpawnedLink: Any = None) -> None:
        """As `link`, but only if it finishes with an error."""
        self._link("FailureSpawnedLink", callback, SpawnedLink)

    def _link(self, kind: str, callback: Any, given: Any) -> None:
        if given is None:
            from . import _spawned_link  # late: it stands on this one

            given = getattr(_spawned_link, kind)
        self.rawlink(given(callback))

    def unlink(self, callback: Any) -> None:
        """Forget a callback that was linked in any way; nothing happens if it is not.  Never switches."""
        links = self._links
        if type(links) is list:
            if callback in links:
                links.remove(callback)
        elif links == callback:
            self._links = None

    def unlink_all(self) -> None:
        """Forget all callbacks.  Never switches."""
        self._links = None

    def tell(self, listener: Listener) -> bool:
        """Tell *listener* of the end; false if it has come, if somebody else listens or another thread asks.  For `IWait`."""
        if self._result is not _UNFINISHED or self._listener is not None or self._scheduler is not _switch.thread_scheduler():
            return False
        self._listener = listener
        return True

    def tells(self, listener: Listener) -> bool:
        """Say whether *listener* is going to be told."""
        return self._listener is listener

    def tell_no_more(self, listener: Listener) -> None:
        """Forget *listener*; nothing happens if it is not the one that listens."""
        if self._listener is listener:
            self._listener = None

    def has_links(self) -> bool:
        """Say whether a callback is linked, or something waits for this and others."""
        if self._listener is not None:
            return True
        return bool(self._links) if type(self._links) is list else self._links is not None

    def _notify(self) -> None:
        # One by one, since a callback may unlink those that follow, or itself and link itself anew.
        while self._links is not None:
            callback = self._links
            if type(callback) is list:
                if not callback:
                    self._links = None
                    return
                callback = callback.pop(0)
            else:
                self._links = None
            try:
                callback(self)
            except BaseException as error:
                self._scheduler.greenlet.fault((callback, self), error)

    # In a `with` statement

    def __enter__(self) -> Greenlet[T]:
        return self

    def __exit__(self, exc_type: Any, value: BaseException | None, traceback: Any) -> None:
        if value is None:
            self.join()
        else:
            self.kill(value)

    # Names and places

    def _extra(self) -> dict[str, Any]:
        if self._extras is None:
            self._extras = {}
        return self._extras

    def _record_spawn(self, frame: Any) -> None:
        from ._spawn_tree import record  # late: only with the setting `spawn_tree`

        self._extra().update(record(frame))

    @property
    def minimal_ident(self) -> int:
        """A small number that no other living greenlet has; used again after this one is gone."""
        extras = self._extra()
        if "ident" not in extras:
            from ._spawn_tree import Ident  # late: only for those who ask

            extras["ident"] = Ident()
        return extras["ident"].number  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        """Its name, ``Greenlet-`` and `minimal_ident` unless another was assigned."""
        extras = self._extra()
        if "name" not in extras:
            extras["name"] = f"{type(self).__name__}-{self.minimal_ident}"
        return extras["name"]  # type: ignore[no-any-return]

    @name.setter
    def name(self, name: str) -> None:
        self._extra()["name"] = name

    @property
    def spawn_site(self) -> str:
        """The file and line that made it, as ``file:line``; empty if it was made from no Python code."""
        if self._spawn_code is None:
            return ""
        return f"{self._spawn_code.co_filename}:{_line_of(self._spawn_code, self._spawn_instruction)}"

    @property
    def spawning_greenlet(self) -> Any:
        """A weak reference to the greenlet that made it; `None` without the setting `spawn_tree`."""
        return self._extra().get("greenlet")

    @property
    def spawning_stack(self) -> Any:
        """The stack that made it, a `traceback.StackSummary`; empty without the setting `spawn_tree`."""
        return self._extra().get("stack", ())

    @property
    def spawn_tree_locals(self) -> Any:
        """A dictionary shared by all greenlets of one tree; `None` without the setting `spawn_tree`."""
        return self._extra().get("locals")

    def __repr__(self) -> str:
        return f"<{self.name} at {id(self):#x}: {self._describe()}>"

    def _describe(self) -> str:
        state = "finished" if self._result is not _UNFINISHED else "running" if self._begun else "waiting to run"
        if self._function is None:
            return state
        name = getattr(self._function, "__qualname__", None) or repr(self._function)
        from reprlib import repr as shortened  # late: for messages only, and an argument may be as long as it likes

        arguments = [shortened(argument) for argument in self.args]
        arguments += [f"{key}={shortened(value)}" for key, value in self.kwargs.items()]
        return f"{name}({', '.join(arguments)}) {state}"


def make_greenlet(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], start: bool) -> Greenlet[Any]:
    """Make a `Greenlet`, and start it if so asked, without the cost of calling a class (`benchmarks/kernel`)."""
    new = Greenlet.__new__(Greenlet)
    new._set_up(function, args, kwargs, None)
    if start:
        new._start_now()
    return new


def _line_of(code: Any, instruction: int) -> int:
    """Return the line of *code* that the instruction at index *instruction* belongs to."""
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return line  # type: ignore[no-any-return]
    return code.co_firstlineno  # type: ignore[no-any-return]


def _exception_from(args: tuple[Any, ...]) -> BaseException:
    """Make the exception that ``raise`` would raise from the arguments of `throw`."""
    if not args:
        return GreenletExit()
    kind = args[0]
    value = args[1] if len(args) > 1 else None
    if isinstance(kind, BaseException):
        error = kind
    elif isinstance(kind, type) and issubclass(kind, BaseException):
        if isinstance(value, kind):
            error = value
        elif value is None:
            error = kind()
        else:
            error = kind(*value) if isinstance(value, tuple) else kind(value)
    else:
        error = TypeError(f"a greenlet can only be ended by an exception, not by {kind!r}")
    if len(args) > 2 and args[2] is not None:
        error = error.with_traceback(args[2])
    return error
