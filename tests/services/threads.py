"""What runs in a loop and a thread of its own, as long as a test needs it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
Have = Callable[[list[T], threading.Event, asyncio.Event], Coroutine[Any, Any, None]]
"""Makes something: appends it to the list, sets the first event, and goes on until the second one is set."""


@contextmanager
def in_a_thread(have: Have[T]) -> Iterator[T]:
    """Give what is made there, until the block ends; raise what it raised."""
    made: list[T] = []
    ready, over = threading.Event(), asyncio.Event()
    failed: list[BaseException] = []
    loop = asyncio.new_event_loop()

    def work() -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(have(made, ready, over))
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        ready.wait(60)
        if failed:
            raise failed[0]
        yield made[0]
    finally:
        if not failed:
            loop.call_soon_threadsafe(over.set)
        thread.join(60)
    if failed:
        raise failed[0]
