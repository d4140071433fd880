"""The doors through which the bus calls plugins: whatever a plugin raises or waits for, the bus goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

inside: ContextVar[str] = ContextVar("inside", default="")
"""The plugin whose code runs; empty for the bus itself. Says whose threads a call takes."""
_MOMENT = 1.0
"""Seconds that a plugin's code has to end in once it was cancelled: enough to close a connection in good order. With
more, a call that does not end delays the stop, and all that waits for its timeout, for longer."""


def being_cancelled() -> bool:
    """Say whether this task is being cancelled, in contrast to code in it that raises CancelledError by itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def is_defect(error: BaseException) -> bool:
    """Say whether what a plugin raised is its defect, in contrast to an end that the bus itself has asked for.

    SystemExit always is one. Where a loop runs, KeyboardInterrupt and GeneratorExit are too, as Ctrl-C is handled by a
    signal handler there; and so is CancelledError, unless this task is being cancelled.
    """
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | GeneratorExit):
        if asyncio._get_running_loop() is None:
            return False
        return not (isinstance(error, asyncio.CancelledError) and being_cancelled())
    return True


def entered(plugin: str) -> Context:
    """Return a context to run a plugin's code in."""
    context = copy_context()
    context.run(inside.set, plugin)
    return context


async def within(
    seconds: float | None, call: Callable[[], Awaitable[T]], plugin: str, left: Callable[[asyncio.Task[Any]], object]
) -> T:
    """Call a plugin in a task of its own; a call that does not end when it is cancelled is left behind.

    Args:
        seconds: how long the call may take; None: until this task is cancelled.
        call: what is called.
        plugin: whose code that is.
        left: called with the task that was left behind.

    Raises:
        TimeoutError: the time was up.
        BaseException: whatever the plugin raised; `is_defect` tells.

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
    """Take the exception of a task that nobody waits for any more, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
