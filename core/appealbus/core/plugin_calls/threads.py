"""Threads for plugins: each plugin has its own, so that one with blocked threads harms no other."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn, ParamSpec, TypeVar

from appealbus.core.errors import AppealBusError
from appealbus.core.plugin_calls.boundary import inside

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8
"""Threads of one plugin: Python's default for a program on four processors. More could cost memory for each plugin."""
WAITING = 1000
"""Waiting calls of one plugin, promised in `docs/plugins.md`. More mean that its threads are blocked."""
_IDLE = 30.0
"""Seconds until an idle thread ends. Less restarts threads more often; more keeps those of a burst longer."""


class NoThread(AppealBusError, RuntimeError):
    """A plugin has blocked its threads."""


class PluginThreads(ThreadPoolExecutor):
    """The loop's default executor: `asyncio.to_thread` uses a daemon thread of the calling plugin."""

    def __init__(self) -> None:
        super().__init__(1)  # asyncio takes no other kind; its own thread is never started
        self._pools: dict[str, _Pool] = {}

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run the function in a thread of the current plugin. Raises NoThread if a thousand calls already wait."""
        plugin = inside.get()
        pool = self._pools.get(plugin)
        if pool is None:
            pool = self._pools[plugin] = _Pool(plugin or "bus")
        return pool.submit(lambda: fn(*args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel waiting calls; do not wait for running ones."""
        for pool in self._pools.values():
            pool.close()


def share(loop: asyncio.AbstractEventLoop) -> None:
    """Make such threads the default executor of a loop, and prevent plugins from replacing it."""
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
                self._calls = deque(waiting for waiting in self._calls if not waiting[0].cancelled())
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
