"""`appealbus surges`: surges of a week, and alarms with their handling."""

import sqlite3
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from appealbus.core import ConfigError
from appealbus.core.clocks import day_of, wall
from appealbus.core.commands import EXIT_ABSENT, EXIT_PROBLEMS, AsJson, Cli, cli_of, look, person
from appealbus.core.management import Journal, PublicJournal, health
from appealbus.core.serving import refuse_another_s
from appealbus.plugins.surges import deciding, kept
from appealbus.plugins.surges.alarm import CLOSINGS, Alarm, KeptAlarm
from appealbus.plugins.surges.clusters import near_from
from appealbus.plugins.surges.formatting import alarm_lines, kept_line
from appealbus.plugins.surges.judge import SHORTEST, Judged
from appealbus.plugins.surges.series import WEEK, week_name, week_of, written_day
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import SCHEMA, Store
from appealbus.plugins.surges.watch import count_new, judged_week, last_whole_week, surges
from appealbus.plugins.surges.workdays import Workdays, workdays

_LONGEST = 1000
"""Characters of the action taken: one page."""

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the log.")]
Number = Annotated[int, typer.Argument(metavar="ID", help="The alarm's number.", min=1)]


def add_to(app: typer.Typer, settings: SurgesSettings) -> None:
    commands = Commands(settings)
    group = typer.Typer(help="Say what more is written of than its past explains.", invoke_without_command=True)
    group.callback()(commands.week)
    group.command("alarms")(commands.alarms)
    group.command("show")(commands.show)
    group.command("take")(commands.take)
    group.command("close")(commands.close)
    group.command("anew")(commands.anew)
    app.add_typer(group, name="surges")


def monday_from(text: str) -> date:
    """Parse a week, `2026-W47` or a day of it; raise BadParameter if it is invalid."""
    try:
        return week_of(text)
    except ValueError:
        raise typer.BadParameter(
            "write a week, as 2026-W47, or a day of it, as 2026-11-16", param_hint="--week"
        ) from None


class Commands:
    def __init__(self, settings: SurgesSettings) -> None:
        self._settings = settings

    def week(
        self,
        context: typer.Context,
        week: Annotated[
            str | None, typer.Option("--week", metavar="WEEK", help="2026-W47, or a day of it; the last whole one.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Say what stands out in a week, with what it was compared with and the appeals behind it.

        Of the week that is under way it says what is possible, by the working time that has passed.
        """
        if context.invoked_subcommand is not None:
            return
        cli, now = cli_of(context), wall()
        monday = last_whole_week(now) if week is None else monday_from(week)
        over = monday <= last_whole_week(now)
        days = workdays(monday, cli.host.counting.works_on)
        share = days.passed(now)
        if share == 0.0:
            raise typer.BadParameter("no working time of this week is over yet", param_hint="--week")
        judged, alarms = look(
            cli, lambda journal: self._found(journal, monday, share, over=over), "surges", about=_counted
        )
        if as_json:
            document = {"monday": monday, "possible": not over, "passed": share, "calendar": days.by}
            document |= {"tested": judged.tested, "limit": judged.limit, "rate": self._settings.rate}
            cli.print_json({**document, "surges": [alarm.model_dump() for alarm in alarms]})
            return
        _tell(cli, judged, alarms, None if over else (days, share))

    def alarms(
        self,
        context: typer.Context,
        every: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """List alarms, the newest first, and how those that are closed have turned out."""
        cli = cli_of(context)
        with closing(self._store()) as store:
            rows, record = kept.alarms(store, closed=every), kept.record(store)
        if as_json:
            _note(cli, "surges alarms")
            cli.print_json({"alarms": [_json(row) for row in rows], "record": record.model_dump()})
            return
        for row in rows:
            cli.out.print(kept_line(row))
        if not rows:
            cli.out.print("No alarm is open." if not every else "No alarm was ever raised.")
        if record.precision is not None:
            cli.out.print(f"Of {sum(record.closed.values())} closed alarms {record.precision:.0%} were no false ones.")
        if record.hours_to_react is not None:
            cli.out.print(f"Half of them were taken on or closed within {record.hours_to_react:.0f} hours.")

    def show(self, context: typer.Context, number: Number, as_json: AsJson = False) -> None:
        """Show an alarm with all that it rests on; that somebody looks is noted."""
        cli = cli_of(context)
        with closing(self._store()) as store:
            kept_alarm = kept.alarm(store, number)
        if kept_alarm is None:
            cli.fail(f"There is no alarm {number}; `appealbus surges alarms --all` lists them.", EXIT_ABSENT)
        _note(cli, "surges show")
        if as_json:
            cli.print_json(_json(kept_alarm))
            return
        cli.out.print(kept_line(kept_alarm))
        for line in alarm_lines(kept_alarm.alarm):
            cli.out.print(line)

    def take(
        self,
        context: typer.Context,
        number: Number,
        until: Annotated[str, typer.Option("--until", metavar="DAY", help="When you look at it again: 2026-12-04.")],
        reason: Reason = "",
    ) -> None:
        """Take an alarm on until a day: as long as it goes on till then, nobody is told of it anew. The log has it."""
        cli, now = cli_of(context), wall()
        try:
            day = written_day(until)
        except ValueError:
            raise typer.BadParameter("write a day, as 2026-12-04", param_hint="--until") from None
        if day < day_of(now):
            raise typer.BadParameter("this day is over", param_hint="--until")
        file, who = self._file(), person()
        taken = cli.change(lambda journal: deciding.take(journal, file, number, day, by=who, reason=reason))
        cli.out.print(kept_line(taken))

    def close(
        self,
        context: typer.Context,
        number: Number,
        verdict: Annotated[str, typer.Option("--as", metavar="|".join(CLOSINGS), help="What it turned out to be.")],
        done: Annotated[str, typer.Option("--done", metavar="TEXT", help="What was done.")],
    ) -> None:
        """Close an alarm with a word and with what was done. The log has it."""
        cli = cli_of(context)
        if verdict not in CLOSINGS:
            raise typer.BadParameter(f"write one of {', '.join(CLOSINGS)}", param_hint="--as")
        if not done.strip() or len(done) > _LONGEST:
            raise typer.BadParameter(f"write one to {_LONGEST} characters", param_hint="--done")
        closing_word = kept.Closing(person(), verdict, done.strip())
        file = self._file()
        cli.out.print(kept_line(cli.change(lambda journal: deciding.close(journal, file, number, closing_word))))

    def anew(
        self, context: typer.Context, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
    ) -> None:
        """Move the file aside, as where it is damaged, and count anew what the journal still holds."""
        cli, file = cli_of(context), self._file()
        if not file.exists():
            cli.fail(f"There is no file {file}; the bus makes it.", EXIT_ABSENT)
        uri = f"{file.absolute().as_uri()}?mode=ro"  # what lies beside a damaged one stays as it is
        with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as there:
            refuse_another_s(there, str(file), "surges", SCHEMA)
        if not yes and not typer.confirm("Alarms and counts of deleted appeals stay in the old file alone. Go on?"):
            raise typer.Exit(0)

        async def count(journal: Journal) -> None:
            with closing(Store(file)) as store:
                await count_new(PublicJournal(journal), (await journal.ask(health.how_it_stands)).journal, store)

        cli.read(lambda journal: journal.ask(health.how_it_stands))  # where that raises, nothing is moved
        aside = f"{file}.{wall():%Y%m%dT%H%M%S}"
        try:
            Path(aside).hardlink_to(file)  # never over another one
        except (FileExistsError, FileNotFoundError):
            cli.fail("Somebody else does that right now.", EXIT_PROBLEMS)
        with suppress(FileNotFoundError):  # first what would be taken for a part of the new one
            Path(f"{file}-journal").rename(f"{aside}-journal")
        file.unlink(missing_ok=True)
        cli.read(count)
        cli.out.print(f"{file} is made anew; the old one is {aside}. The bus goes on with the new one within the hour.")

    async def _found(self, journal: Journal, monday: date, share: float, *, over: bool) -> tuple[Judged, list[Alarm]]:
        near = near_from(self._settings.positions) if over and self._settings.positions is not None else None
        with closing(Store(self._settings.file)) as store:
            await count_new(PublicJournal(journal), (await journal.ask(health.how_it_stands)).journal, store)
            judged, scanned = judged_week(store, monday, self._settings.rate, near, share)
            return judged, await surges(PublicJournal(journal), store, judged, self._settings.rate, scanned)

    def _store(self) -> Store:
        return Store(self._file())

    def _file(self) -> Path:
        if self._settings.file is None:
            raise ConfigError("no alarms are kept; name a file for them: [plugins.surges] file")
        return self._settings.file


def _json(row: KeptAlarm) -> dict[str, Any]:
    return {"id": row.id, "alarm": row.alarm} | row.model_dump()


def _counted(pair: tuple[Judged, list[Alarm]]) -> dict[str, int]:
    return {"found": len(pair[1])}


def _note(cli: Cli, what: str) -> None:
    """Log the access to parcels, streets and numbers of appeals, which are in the file and not in the journal."""

    async def nothing(_: object) -> None:
        return

    look(cli, nothing, what)


def _tell(cli: Cli, judged: Judged, alarms: list[Alarm], part: tuple[Workdays, float] | None) -> None:
    name = week_name(judged.monday) + (f", {judged.monday} to {judged.monday + WEEK}" if part is None else "")
    if not judged.tested:
        cli.out.print(f"{name}: nothing can be said, since fewer than {SHORTEST} weeks lie before it.")
        return
    what = "surges"
    if part is not None:
        days, share = part
        what = f"possible surges, {share:.0%} of the working time being over ({days.by})"
    cli.out.print(f"{name}: {len(alarms)} {what}, of {judged.tested} series that were tested together.")
    for alarm in alarms:
        cli.out.print()
        for line in alarm_lines(alarm):
            cli.out.print(line)
