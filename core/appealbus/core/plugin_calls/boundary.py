"""Calls of plugin code: the bus survives any error or hang of a plugin."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

inside: ContextVar[str] = ContextVar("inside", default="")
"""The plugin whose code runs, which determines the threads used; empty for the bus itself."""
_MOMENT = 1.0
"""Seconds for cancelled plugin code to close its connections. A call that does not end delays the stop."""


def being_cancelled() -> bool:
    """Whether this task is being cancelled, as opposed to code that raises CancelledError by itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def is_defect(error: BaseException) -> bool:
    """Whether an error is the plugin's defect, as opposed to an end requested by the bus.

    SystemExit always is. In an event loop KeyboardInterrupt and GeneratorExit are too, as a signal handler handles
    Ctrl-C there; so is CancelledError, unless this task is being cancelled.
    """
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | GeneratorExit):
        if asyncio._get_running_loop() is None:
            return False
        return not (isinstance(error, asyncio.CancelledError) and being_cancelled())
    return True


def entered(plugin: str) -> Context:
    """Return a context for a plugin's code."""
    context = copy_context()
    context.run(inside.set, plugin)
    return context


async def within(
    seconds: float | None, call: Callable[[], Awaitable[T]], plugin: str, left: Callable[[asyncio.Task[Any]], object]
) -> T:
    """Call a plugin in its own task; a call that ignores cancellation is abandoned to `left`.

    Without `seconds` it runs until this task is cancelled. Raises TimeoutError, and any error of the plugin: see
    `is_defect`.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(_kept(call), context=entered(plugin))
    # What `asyncio.wait` does, for one task, at half its cost: each question comes through here.
    over = loop.create_future()
    task.add_done_callback(partial(_end, over))
    timer = None if seconds is None else loop.call_later(seconds, _end, over)
    try:
        await over
    except asyncio.CancelledError:
        await _call_off(task, left)
        raise
    finally:
        if timer is not None:
            timer.cancel()
    if not task.done():
        await _call_off(task, left)
        if not task.done() or task.cancelled():
            raise TimeoutError
    result = task.result()
    if isinstance(result, _Raised):
        raise result.error
    return result


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


async def _kept(call: Callable[[], Awaitable[T]]) -> T | _Raised:
    try:
        return await call()
    except (SystemExit, KeyboardInterrupt) as error:
        return _Raised(error)  # a task that ended in one of these would end the whole loop


def _end(over: asyncio.Future[None], _task: asyncio.Task[Any] | None = None) -> None:
    if not over.done():
        over.set_result(None)


async def _call_off(task: asyncio.Task[Any], left: Callable[[asyncio.Task[Any]], object]) -> None:
    task.cancel()
    task.add_done_callback(_looked_at)
    try:
        await asyncio.wait((task,), timeout=_MOMENT)
    finally:
        if not task.done():
            left(task)


def _looked_at(task: asyncio.Task[Any]) -> None:
    """Retrieve the exception of an abandoned task, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
