"""`appealbus report`."""

import asyncio
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import typer

from appealbus.core.clocks import day_of, wall
from appealbus.core.commands import Cli, Lang, cli_of, reader
from appealbus.core.language import Reader
from appealbus.core.management import health
from appealbus.plugins.report.asking import Ask, ReportFormat, ReportOrder, counted, told
from appealbus.plugins.report.formatting import Teller
from appealbus.plugins.report.row import ReportSpan, Table
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.words import By

_DAY = "%Y-%m-%d"
_LONGEST_KATO = 9


class _Form(StrEnum):
    TEXT = "text"
    CSV = ReportFormat.CSV.value
    JSON = ReportFormat.JSON.value
    HTML = ReportFormat.HTML.value


def add_to(app: typer.Typer, settings: ReportSettings) -> None:
    @app.command()
    def report(
        context: typer.Context,
        since: Annotated[
            datetime | None,
            typer.Option(metavar="DAY", formats=[_DAY], help="The first day of registration; 1 January."),
        ] = None,
        until: Annotated[
            datetime | None, typer.Option(metavar="DAY", formats=[_DAY], help="The last day of it; today.")
        ] = None,
        *,
        by: Annotated[By, typer.Option(help="What a row is.")] = By.BODY,
        place: Annotated[str, typer.Option(metavar="КАТО", help="Only of places whose КАТО begins so.")] = "",
        form: Annotated[_Form, typer.Option("--format", help="In what form.")] = _Form.TEXT,
        lang: Lang = None,
        rounds: Annotated[bool, typer.Option("--round", help="Round shares; else they are cut.")] = False,
        public: Annotated[
            bool, typer.Option("--public", help="Hide small numbers, and what they follow from.")
        ] = False,
    ) -> None:
        """Print the figures of a period, each with its formula and denominator; rows add up to the last one.

        Counts what has come or changed since the last report first.
        """
        cli, today = cli_of(context), day_of(wall())
        last = until.date() if until else today
        span = ReportSpan(since.date() if since else date(last.year, 1, 1), last, place)
        if span.since > span.until:
            raise typer.BadParameter("the last day is before the first one", param_hint="--until")
        if span.since.year < 2:
            raise typer.BadParameter("the year before has no number", param_hint="--since")
        if place and not (place.isascii() and place.isdigit() and len(place) <= _LONGEST_KATO):
            raise typer.BadParameter("write digits that КАТО begins with, as 27 or 2710", param_hint="--place")
        ask = Ask(span, by, today, public)
        _tell(cli, asyncio.run(_table(cli, settings, ask)), ask, form, reader(cli, lang), rounds=rounds)


async def _table(cli: Cli, settings: ReportSettings, ask: Ask) -> Table:
    async with cli.journal() as journal:
        return await counted(journal, (await journal.ask(health.how_it_stands)).journal, settings, ask)


def _tell(cli: Cli, table: Table, ask: Ask, form: _Form, to: Reader, *, rounds: bool) -> None:
    if form is _Form.TEXT:
        for line in Teller(table, to, rounds=rounds, public=ask.public).lines():
            cli.out.print(line)
        return
    document = told(table, ReportOrder(ask, ReportFormat(form.value), to.language, rounds))
    cli.write_bytes(document if form is _Form.CSV else document + b"\n")
