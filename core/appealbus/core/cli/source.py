"""`appealbus source`: pauses a source for a while or until resumed, and shows the impact on due dates."""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT
from appealbus.core.cli.paging import AsJson
from appealbus.core.cli.person import checked_reason, person
from appealbus.core.cli.render import local
from appealbus.core.clocks import day_of, wall
from appealbus.core.domain.listing import AppealRow, Endangered
from appealbus.core.domain.pauses import Outage, Pause
from appealbus.core.escaping import one_line
from appealbus.core.journal import pauses, waiting
from appealbus.core.management import outages
from appealbus.core.management import sources as journal_sources
from appealbus.core.management.sources import LONGEST

_NAMED = 20
"""Endangered appeals that are named, a screen; all are counted."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="The source, as in the configuration.")]

group = typer.Typer(help="Have a source stand still for a while.", no_args_is_help=True)


@group.callback()
def _group() -> None:
    """Have a source stand still for a while."""


@group.command("pause")
def pause(
    context: typer.Context,
    name: Name,
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="18:00, or 2026-11-28, or 2026-11-28T09:00; 31 days at most.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; dossiers say it of what they lack.")],
    as_json: AsJson = False,
) -> None:
    """Have nothing leave for a source until a time.

    All workers obey within two seconds; calls under way end. Lookups that need the source are parked until then, and
    no dossier becomes complete without them. What falls due by the day after is listed.
    """
    cli = cli_of(context)
    checked_reason(reason)
    ends = moment(until, wall())
    _known(cli, name)
    kinds = outages.asked(cli.loaded, cli.host)[name].kinds
    by = person()
    due_by = day_of(ends) + timedelta(days=1)

    async def work() -> tuple[Pause, list[Endangered], int]:
        async with cli.journal(write=True) as journal:
            endangered = await journal.ask(waiting.endangered, name, kinds, due_by, _NAMED)
            return await journal_sources.pause(journal, name, ends, reason=reason, by=by), *endangered

    order, danger, count = asyncio.run(work())
    if as_json:
        appeals = [{"number": appeal.number, "due_on": appeal.due_on.isoformat()} for appeal in danger]
        cli.print_json({"pause": asdict(order), "in_danger": appeals, "in_danger_count": count})
        return
    cli.out.print(f"{name} is paused until {local(ends):%Y-%m-%d %H:%M}; `appealbus source resume {name}` ends it.")
    _tell(cli, danger, count, f"due by {due_by} and waiting for {name}")


@group.command("impact")
def impact(
    context: typer.Context,
    name: Name,
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="As with `source pause`.")],
    as_json: AsJson = False,
) -> None:
    """Say which appeals miss their due dates if a source stays away until a time. Nothing is done.

    What needs it is then asked most urgent first, as fast as its rate, windows and quotas let it.
    """
    cli = cli_of(context)
    ends = moment(until, wall())
    _known(cli, name)
    asked = outages.asked(cli.loaded, cli.host)[name]

    async def work() -> tuple[Outage, list[AppealRow]]:
        async with cli.journal() as journal:
            outage = await outages.outage(journal, asked, ends)
            return outage, await outages.missing(journal, asked, outage, limit=_NAMED)

    outage, first = asyncio.run(work())
    if as_json:
        numbers = [{"number": row.number, "due_on": row.due_on} for row in first]
        cli.print_json({**asdict(outage), "missed": outage.missed, "missed_anyway": outage.anyway, "first": numbers})
        return
    more = "at least " if outage.more else ""
    cli.out.print(f"{name} away until {local(ends):%Y-%m-%d %H:%M}: {more}{outage.missed} appeals miss their due date.")
    if outage.anyway:
        cli.out.print(f"  {outage.anyway} of them would, too, if it were asked from now on.")
    for day in outage.missed_days:
        cli.out.print(f"  due {day.day}: {day.missed} of {day.waiting}")
    for row in first:
        cli.out.print(f"  {one_line(row.number)}  due {row.due_on}")
    if outage.missed > len(first):
        cli.out.print(f"  and {outage.missed - len(first)} more")
    if outage.overdue:
        cli.out.print(f"  Besides, {outage.overdue} that wait for it are overdue already.", style="yellow")


@group.command("resume")
def resume(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Have a paused source asked again: what waits for it is taken in, most urgent first, as fast as it can answer."""
    cli = cli_of(context)
    if reason:
        checked_reason(reason)
    by = person()

    async def work() -> tuple[bool, Pause | None, list[Endangered], int]:
        async with cli.journal(write=True) as journal:
            before = (await journal.ask(pauses.news)).pauses.get(name)
            done = await journal_sources.resume(journal, name, reason=reason, by=by)
            if not done:
                return False, before, [], 0
            due_by = day_of(wall()) + timedelta(days=1)
            return done, before, *await journal.ask(waiting.endangered, name, (), due_by, _NAMED)

    done, before, danger, count = asyncio.run(work())
    if not done:
        _known(cli, name)
        cli.fail(f"{one_line(name)} is not paused.", EXIT_ABSENT)
    if as_json:
        appeals = [{"number": appeal.number, "due_on": appeal.due_on.isoformat()} for appeal in danger]
        was = None if before is None else asdict(before)
        cli.print_json({"resumed": name, "was": was, "in_danger": appeals, "in_danger_count": count})
        return
    cli.out.print(f"{one_line(name)} is asked again, and what waits for it, most urgent first.")
    _tell(cli, danger, count, "due by tomorrow and waiting for it")


def moment(text: str, now: datetime) -> datetime:
    """Parse a time: the next such time of day, or a date with or without a time. BadParameter if invalid."""
    here = now.astimezone()
    try:
        if len(text) <= 5 and ":" in text:
            clock = datetime.strptime(text, "%H:%M")  # noqa: DTZ007 - it has no day
            meant = here.replace(tzinfo=None, hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
            meant = meant if meant > here.replace(tzinfo=None) else meant + timedelta(days=1)
        else:
            meant = datetime.fromisoformat(text)
        meant = meant.astimezone()
    except (ValueError, OverflowError):
        wanted = "write a time such as 18:00, or a date such as 2026-11-28 or 2026-11-28T09:00"
        raise typer.BadParameter(wanted, param_hint="--until") from None
    if meant <= now:
        raise typer.BadParameter("that is over already", param_hint="--until")
    if meant > now + LONGEST:
        raise typer.BadParameter("that is more than 31 days from now; write a nearer time", param_hint="--until")
    return meant


def _known(cli: Cli, name: str) -> None:
    sources = cli.loaded.settings.sources
    if name not in sources:
        there = f"there are {', '.join(sorted(sources))}" if sources else "there are none"
        cli.fail(f"The configuration has no source {one_line(name)}; {there}.", EXIT_ABSENT)


def _tell(cli: Cli, danger: list[Endangered], count: int, what: str) -> None:
    if not count:
        cli.out.print(f"No open appeal is {what}.")
        return
    cli.out.print(f"In danger: {count} open appeal{'s are' if count > 1 else ' is'} {what}.", style="yellow")
    for appeal in danger:
        cli.out.print(f"  {one_line(appeal.number)}  due {appeal.due_on}")
    if count > len(danger):
        cli.out.print(f"  and {count - len(danger)} more")
