"""Threads for plugins: each plugin has its own, so that a plugin that blocks its threads harms no other."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn, ParamSpec, TypeVar

from appealbus.core.errors import AppealBusError
from appealbus.core.plugin_calls import inside

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8
"""Threads of one plugin: as many as Python itself would give a whole program on four processors. With less, a plugin
that reads files or asks a database waits for itself; with more, each plugin may take more memory."""
WAITING = 1000
"""Calls of one plugin that may wait for a thread. More of them mean that its threads are blocked; the bound keeps what
waits from filling the memory. `docs/plugins.md` promises this number."""
_IDLE = 30.0
"""Seconds after which a thread that has nothing to do ends. With less, threads are made anew more often; with more,
those of a burst stay for longer."""


class NoThread(AppealBusError, RuntimeError):
    """A plugin has blocked its threads."""


class PluginThreads(ThreadPoolExecutor):
    """The loop's default executor: `asyncio.to_thread` takes a thread of the plugin that calls it.

    Threads are daemons: one that never comes back does not hold up the exit.
    """

    def __init__(self) -> None:
        super().__init__(1)  # asyncio takes no other kind; its own thread is never started
        self._pools: dict[str, _Pool] = {}

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have the function called in a thread of the plugin whose code this is.

        Raises:
            NoThread: a thousand calls of the plugin wait already.

        """
        plugin = inside.get()
        pool = self._pools.get(plugin)
        if pool is None:
            pool = self._pools[plugin] = _Pool(plugin or "bus")
        return pool.submit(lambda: fn(*args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel the calls that wait for a thread; do not wait for those that run."""
        for pool in self._pools.values():
            pool.close()


def share(loop: asyncio.AbstractEventLoop) -> None:
    """Make such threads the default executor of a loop, and let no plugin put another one in their place."""
    type(loop).set_default_executor(loop, PluginThreads())
    loop.set_default_executor = _refuse  # type: ignore[method-assign]


def _refuse(executor: object) -> NoReturn:
    raise RuntimeError("the threads are everybody's; name an executor of your own where you call run_in_executor")


class _Pool:
    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._news = threading.Condition()
        self._threads = 0
        self._resting = 0

    def submit(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._news:
            if len(self._calls) >= WAITING:
                # Calls that were cancelled while they waited need no thread any more.
                self._calls = deque(each for each in self._calls if not each[0].cancelled())
            if len(self._calls) >= WAITING:
                raise NoThread(f"{WAITING} calls wait for the {THREADS} threads of the plugin {self._name}")
            self._calls.append((future, call))
            if self._resting >= len(self._calls):
                self._news.notify()
            elif self._threads < THREADS:
                self._threads += 1
                threading.Thread(target=self._work, name=f"plugin-{self._name}", daemon=True).start()
        return future

    def close(self) -> None:
        with self._news:
            for future, _ in self._calls:
                future.cancel()

    def _work(self) -> None:
        while True:
            with self._news:
                self._resting += 1
                there = self._news.wait_for(lambda: bool(self._calls), _IDLE)
                self._resting -= 1
                if not there:
                    self._threads -= 1
                    return
                future, call = self._calls.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # raised again where the call is awaited
                    future.set_exception(error)
            del future, call
