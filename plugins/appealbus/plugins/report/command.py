"""`appealbus report`."""

import asyncio
from contextlib import closing
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.languages import Lang, reader
from appealbus.core.clocks import KAZAKHSTAN, wall
from appealbus.core.escaping import escaped
from appealbus.plugins.report.following import follow
from appealbus.plugins.report.public import published
from appealbus.plugins.report.row import Span, Table
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.telling import Teller
from appealbus.plugins.report.words import By

_DAY = "%Y-%m-%d"
_LONGEST_KATO = 9


class Form(StrEnum):
    """In what form a report is told."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


def add_to(app: typer.Typer, settings: ReportSettings) -> None:
    """Add the command."""

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
        form: Annotated[Form, typer.Option("--format", help="In what form.")] = Form.TEXT,
        lang: Lang = None,
        rounds: Annotated[bool, typer.Option("--round", help="Round shares; else they are cut.")] = False,
        public: Annotated[
            bool, typer.Option("--public", help="Hide small numbers, and what they follow from.")
        ] = False,
    ) -> None:
        """Print the figures of a period, each with its formula and denominator; rows add up to the last one.

        Counts what has come or changed since the last report first.
        """
        cli, today = cli_of(context), wall().astimezone(KAZAKHSTAN).date()
        last = until.date() if until else today
        span = Span(since.date() if since else date(last.year, 1, 1), last, place)
        if span.since > span.until:
            raise typer.BadParameter("the last day is before the first one", param_hint="--until")
        if span.since.year < 2:
            raise typer.BadParameter("the year before has no number", param_hint="--since")
        if place and not (place.isascii() and place.isdigit() and len(place) <= _LONGEST_KATO):
            raise typer.BadParameter("write digits that КАТО begins with, as 27 or 2710", param_hint="--place")
        table = asyncio.run(_table(cli, settings, span, by, today))
        if public:
            table = published(table, settings.smallest)
        _tell(cli, Teller(table, reader(cli, lang), rounds=rounds, public=public), form)


async def _table(cli: Cli, settings: ReportSettings, span: Span, by: By, today: date) -> Table:
    with closing(Store(settings.file)) as store:
        async with cli.journal() as journal:
            await follow(journal, (await journal.standing()).journal, store)
        return make_table(store, settings, span, by, today)


def _tell(cli: Cli, teller: Teller, form: Form) -> None:
    match form:
        case Form.JSON:
            cli.print_json(teller.as_json())
        case Form.CSV:
            cli.write_bytes(teller.as_csv())
        case Form.HTML:
            cli.write(escaped(teller.page()).encode())
        case Form.TEXT:
            for line in teller.lines():
                cli.out.print(line)
