"""Judges a week in a separate process, as ten seconds of Python would block the bus."""

import asyncio
from contextlib import closing
from datetime import date
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from appealbus.core import ConfigError
from appealbus.core.serving import start_child
from appealbus.plugins.surges.clusters import Scanned, near_from
from appealbus.plugins.surges.judge import Judged
from appealbus.plugins.surges.store import Store
from appealbus.plugins.surges.watch import judged_week

_LONGEST = 1800.0
"""Timeout in seconds: a week of two thousand series takes some ten, and a country has twenty times as many."""


async def judged(
    file: Path, monday: date, rate: float, positions: Path | None, share: float = 1.0
) -> tuple[Judged, Scanned | None]:
    """Judge a week by the counts in a file; the process is killed on timeout or when the bus stops.

    Raises:
        ConfigError: the table of positions is invalid, or the file is unreadable.
        EOFError: the process died.
        TimeoutError: it took too long.
    """
    context = get_context("spawn")
    answer, end = context.Pipe(duplex=False)
    given = (file, monday, rate, positions, share)
    child = context.Process(target=_answer, args=(end, *given), daemon=True)
    start_child(child)
    try:
        end.close()  # so that its death is the end of the answer
        async with asyncio.timeout(_LONGEST):
            reply = await asyncio.to_thread(answer.recv)
    finally:
        child.kill()
        child.join()
    if isinstance(reply, str):
        raise ConfigError(reply)
    result: tuple[Judged, Scanned | None] = reply
    return result


def _answer(end: Connection, file: Path, monday: date, *given: Any) -> None:
    rate, positions, share = given
    try:
        near = None if positions is None else near_from(positions)
        with closing(Store(file)) as store:
            end.send(judged_week(store, monday, rate, near, share))
    except ConfigError as error:
        end.send(str(error))
