"""`appealbus access`: the access log."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

import typer

from appealbus.core.cli.audit_reads import Copy, look
from appealbus.core.cli.context import cli_of
from appealbus.core.cli.log_lines import local_second, tell
from appealbus.core.cli.paging import After, AsJson, Limit, print_page
from appealbus.core.cli.render import local
from appealbus.core.cli.selecting import ParcelFile, PersonFile, Purpose, checked_purpose, named_by
from appealbus.core.domain.access import AccessRow, Served
from appealbus.core.domain.event import LogEntry
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.selection import ListPosition, Selection
from appealbus.core.journal import access
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal

_PAGE = 1000
_APPEALS = 1000
"""Most appeals of one person; beyond that the oldest are shown with a note."""


@dataclass(frozen=True, slots=True)
class AccessLine:
    """One access to personal data; `what` is `read` by a person, or `asked` by the bus of a source."""

    at: datetime
    number: str
    what: str
    actor: str
    detail: str


def looks(
    context: typer.Context,
    number: Annotated[str | None, typer.Argument(metavar="NUMBER", help="The appeal's number.")] = None,
    *,
    person: Annotated[
        bool, typer.Option("--person", help="All that name a person or a body: it is asked for.")
    ] = False,
    person_file: PersonFile = None,
    parcel: Annotated[bool, typer.Option("--parcel", help="All that name a parcel: its number is asked for.")] = False,
    parcel_file: ParcelFile = None,
    purpose: Purpose = None,
    as_json: AsJson = False,
    copy: Copy = False,
) -> None:
    """Tell who looked at a person, a parcel or an appeal: people who read, and sources that were asked; oldest first.

    That you look is noted, too, with the purpose.
    """
    cli = cli_of(context)
    wanted = person or parcel or person_file is not None or parcel_file is not None
    if (number is None) != wanted:
        raise typer.BadParameter("name either an appeal's NUMBER, or --person or --parcel")
    named = named_by(person=person, person_file=person_file, parcel=parcel, parcel_file=parcel_file)
    why = checked_purpose(purpose, asked=bool(named))

    async def find(journal: Journal) -> tuple[list[AccessLine], int, bool]:
        if number is not None:
            row = await journal.ask(lists.appeal_row, number)
            if row is None:
                cli.no_appeal(number)
            return await _looks(journal, [row]), 1, False
        page = await journal.find(Selection(named=named), ListPosition.parse("0"), _APPEALS)
        return await _looks(journal, page.rows), len(page.rows), page.next is not None

    rows, appeals, more = look(
        cli, find, "looks", number=number, copy=copy, purpose=why, about=lambda read: {"found": read[1]}
    )
    rows.sort(key=lambda row: row.at)
    if as_json:
        cli.print_json({"appeals": appeals, "more": more, "looks": [asdict(row) for row in rows]})
        return
    for row in rows:
        cli.out.print(f"{local_second(row.at)}  {row.number}  {row.actor} {row.what} {row.detail}")
    if not rows:
        cli.out.print("Nobody has looked." if appeals else "There is none like that.")
    if more:
        cli.out.print(f"There are more than {_APPEALS} appeals; these are the oldest.")


async def _looks(journal: Journal, appeals: Sequence[AppealRow]) -> list[AccessLine]:
    """Merge accesses by people, from the log, with questions of the bus, from the access log."""
    page = await journal.ask(access.looks_at, appeals, limit=_PAGE)
    rows = [_look(row) for row in page.rows]
    while page.next is not None:
        page = await journal.ask(access.looks_at, appeals, page.next, _PAGE)
        rows += map(_look, page.rows)
    return rows


def _look(entry: LogEntry | AccessRow) -> AccessLine:
    if isinstance(entry, AccessRow):
        what = f"{entry.source} about {entry.subject} ({entry.lookup}, by {entry.served.value}), to {entry.purpose}"
        verb = "asked" if entry.served is not Served.NOTHING else "did not ask after all"
        return AccessLine(entry.at, entry.number, verb, entry.actor, what)
    what = tell(entry).text.rpartition(", by ")[0]
    return AccessLine(entry.at, entry.number or "", "read", entry.actor.partition(":")[2] or entry.actor, what)


group = typer.Typer(help="The access log: who looked at whose data, for which appeal, why.", no_args_is_help=True)
group.command("looks")(looks)


@group.command("list")
def list_(
    context: typer.Context,
    *,
    number: Annotated[str | None, typer.Option(help="Of one appeal alone.")] = None,
    after: After = 0,
    limit: Limit = 100,
    as_json: AsJson = False,
    copy: Copy = False,
) -> None:
    """List the questions that left for sources, oldest first. Each row was on disk before its question left.

    That you look at it is noted, too.
    """
    cli = cli_of(context)
    rows = look(
        cli,
        lambda journal: journal.ask(access.access_rows, number=number, after=after, limit=limit),
        "access",
        number=number,
        copy=copy,
        about=lambda rows: {"after": after, "rows": len(rows)},
    )

    def show(row: AccessRow) -> None:
        head = f"{row.id}  {local(row.at):%Y-%m-%d %H:%M:%S}  {row.actor} looked at {row.subject}"
        cli.out.print(head, style="bold")
        how = f"answered by {row.served.value}" if row.served is not Served.NOTHING else "did not leave after all"
        cli.out.print(f"    {row.lookup} at {row.source}, for {row.number}, {how}")
        cli.out.print(f"    to {row.purpose}; {row.legal_basis}", style="dim")

    print_page(cli, rows, limit, show, as_json=as_json, none="There is none.")
