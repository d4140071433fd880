"""`appealbus tail`: log entries in order, from a cursor on."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

import orjson
import typer
from rich.text import Text

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT
from appealbus.core.cli.log_lines import entry_as_json, local_second, tell
from appealbus.core.cli.paging import AsJson
from appealbus.core.clocks import monotonic
from appealbus.core.domain.event import Cursor, LogEntry, LogPage
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.escaping import escaped_json, one_line
from appealbus.core.journal import log
from appealbus.core.journal.errors import CursorPruned, CursorRefused
from appealbus.core.journal.journal import Journal

_PAGE = 500
_WINDOW = 10_000
"""Positions per step of the backward search for the last entries."""
_WINDOWS = 20
"""Most steps of that search; for older entries, give a cursor."""
_SOONEST, _LATEST = 0.2, 2.0
"""Seconds between polls without news: the first, and the longest."""
_AWAY = 10.0
"""Longest pause in seconds while the journal is unreadable."""
_ANEW = 30.0
"""Seconds until the journal is reopened, since a restore replaces its file."""


@dataclass(frozen=True, slots=True)
class TailFilter:
    what: Sequence[str]
    number: str | None
    about: str | None
    actor: str | None

    async def page(self, journal: Journal, after: Cursor | None, limit: int) -> LogPage:
        return await journal.ask(
            log.page, after, limit, what=self.what, number=self.number, about=self.about, actor=self.actor
        )


@dataclass(frozen=True, slots=True)
class Start:
    after: Cursor | None
    last: int
    follow: bool


def tail(
    context: typer.Context,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens from now on.")] = False,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="All behind this place, such as 1.4711; else the last entries.")
    ] = None,
    last: Annotated[int, typer.Option(help="How many of the last entries, without --after.", min=0, max=10_000)] = 20,
    what: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help="Only what is this, such as failed; may be repeated.")
    ] = None,
    number: Annotated[str | None, typer.Option(help="Only what happened to one appeal.")] = None,
    about: Annotated[
        str | None,
        typer.Option("--about", "--source", help="Only what is about a lookup, receiver, channel or source."),
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this one did, such as person:aigul.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what happens, in the order of the log: the last entries, or all behind a cursor.

    Whoever goes on from the cursor of an entry, or from the one that is told at the end, misses nothing and sees
    nothing twice, whatever is left out. Exits 3 where nobody can go on from a cursor, since what follows it was deleted
    or undone by a restore, and says where to start again. With --json each entry is a line, and the last has `next`.
    """
    cli = cli_of(context)
    asyncio.run(_tail(cli, TailFilter(what or (), number, about, actor), Start(_cursor(after), last, follow), as_json))


def _cursor(given: str | None) -> Cursor | None:
    try:
        return None if given is None else Cursor.parse(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--after") from None


async def _tail(cli: Cli, wanted: TailFilter, start: Start, as_json: bool) -> None:
    place: Cursor | None = None
    try:
        async with aclosing(_pages(cli, wanted, start)) as pages:
            async for entries, upto in pages:
                for entry in entries:
                    _show(cli, entry, upto.epoch, as_json=as_json)
                    if entry.position is not None:  # whoever stops here goes on from here
                        place = Cursor(upto.epoch, entry.position)
                place = upto
    except CursorRefused as refused:
        cli.fail(str(refused), EXIT_ABSENT)
    except BrokenPipeError:
        place = None  # nobody knows how much was read
        raise
    finally:
        if place is not None:
            _show_end(cli, place, as_json=as_json)


async def _pages(cli: Cli, wanted: TailFilter, start: Start) -> AsyncGenerator[tuple[Sequence[LogEntry], Cursor], None]:
    """Yield entries, with the position up to which everything was searched."""
    place, away, said = start.after, _SOONEST, ""
    while True:
        try:
            async with cli.journal() as journal:
                if place is None:
                    entries, place = await _last(journal, wanted, start.last)
                    yield entries, place
                async with aclosing(_as_long_as_open(journal, wanted, place, follow=start.follow)) as pages:
                    async for page in pages:
                        place, away, said = page.next, _SOONEST, ""
                        yield page.entries, place
            if not start.follow:
                return
        except (JournalError, ConfigError) as error:
            if isinstance(error, CursorRefused) or place is None or not start.follow:
                raise
            if str(error) != said:
                said = str(error)
                cli.err.print(f"The journal cannot be read, and is tried again: {said}", style="yellow")
            await asyncio.sleep(away)
            away = min(away * 2, _AWAY)


async def _as_long_as_open(
    journal: Journal, wanted: TailFilter, place: Cursor, *, follow: bool
) -> AsyncGenerator[LogPage, None]:
    """Yield pages to the end, or with `follow` during one connection."""
    pause, anew = _SOONEST, monotonic() + _ANEW
    end: Cursor | None = None
    while True:
        page = await wanted.page(journal, place, _PAGE)
        yield page
        place, end = page.next, end or page.head
        if not follow and place.position >= end.position:
            return
        if page.lag:
            continue
        if monotonic() > anew:
            return
        pause = _SOONEST if page.entries else min(pause * 1.5, _LATEST)
        await asyncio.sleep(pause)


async def _last(journal: Journal, wanted: TailFilter, count: int) -> tuple[Sequence[LogEntry], Cursor]:
    head = (await journal.ask(log.page, limit=1)).head
    entries: list[LogEntry] = []
    upto = head.position
    for _ in range(_WINDOWS):
        if len(entries) >= count or upto <= 0:
            break
        begin = max(0, upto - _WINDOW)
        entries[:0] = await _between(journal, wanted, Cursor(head.epoch, begin), upto, count)
        upto = begin
    return entries[len(entries) - count :] if count else [], head


async def _between(journal: Journal, wanted: TailFilter, after: Cursor, upto: int, count: int) -> list[LogEntry]:
    last: deque[LogEntry] = deque(maxlen=count)
    place: Cursor | None = after
    while place is None or place.position < upto:
        try:
            page = await wanted.page(journal, place, _PAGE)
        except CursorPruned as pruned:
            place = pruned.restart
            continue
        last += [entry for entry in page.entries if entry.position is not None and entry.position <= upto]
        if page.next == place:
            break
        place = page.next
    return list(last)


def _show(cli: Cli, entry: LogEntry, epoch: int, *, as_json: bool) -> None:
    cursor = f"{epoch}.{entry.position}"
    if as_json:
        cli.write(escaped_json(orjson.dumps({"cursor": cursor, **entry_as_json(entry)})))
        return
    line = tell(entry)
    whose = entry.number or ("" if entry.appeal_id is None else f"appeal {entry.appeal_id}, gone")
    head = Text(f"{one_line(line.head):<14}  ", style=line.style)
    parts = (f"{cursor:<10}  {local_second(entry.at)}  ", "dim"), f"{one_line(whose):<16}  ", head, one_line(line.text)
    cli.out.print(Text.assemble(*parts), soft_wrap=True)


def _show_end(cli: Cli, place: Cursor, *, as_json: bool) -> None:
    if as_json:
        cli.write(orjson.dumps({"next": str(place)}))
    else:
        cli.err.print(f"Go on from here with --after {place}", style="dim")
