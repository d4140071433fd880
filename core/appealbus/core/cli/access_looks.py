"""`appealbus access looks`: who looked at a person, a parcel or an appeal."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

import typer

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.exits import EXIT_ABSENT
from appealbus.core.cli.looking import Copy, look
from appealbus.core.cli.paging import AsJson
from appealbus.core.cli.selecting import ParcelFile, PersonFile, Purpose, checked_purpose, named_by
from appealbus.core.cli.telling import local_second, tell
from appealbus.core.domain.event import What
from appealbus.core.domain.selection import Place, Selection
from appealbus.core.journal.journal import Journal

_PAGE = 1000
"""Rows of one read."""
_APPEALS = 1000
"""The most appeals of one person: of more the oldest are told, and that there are more."""


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looked.

    Attributes:
        at: when.
        number: of the appeal.
        what: `read`: a person read what the journal holds; `asked`: the bus asked a source.
        actor: who.
        detail: what was read, or which source was asked about whom, and why.

    """

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

    async def find(journal: Journal) -> tuple[list[Look], int, bool]:
        if number is not None:
            if await journal.appeal(number) is None:
                cli.fail(f"There is no appeal {number}.", EXIT_ABSENT)
            return await _looks(journal, number), 1, False
        found = await journal.find(Selection(named=named), Place.parse("0"), _APPEALS)
        told = [each for row in found.rows for each in await _looks(journal, row.number)]
        return told, len(found.rows), found.next is not None

    found, appeals, more = look(
        cli, find, "looks", number=number, copy=copy, purpose=why, about=lambda told: {"found": told[1]}
    )
    found.sort(key=lambda each: each.at)
    if as_json:
        cli.print_json({"appeals": appeals, "more": more, "looks": [asdict(each) for each in found]})
        return
    for each in found:
        cli.out.print(f"{local_second(each.at)}  {each.number}  {each.actor} {each.what} {each.detail}")
    if not found:
        cli.out.print("Nobody has looked." if appeals else "There is none like that.")
    if more:
        cli.out.print(f"There are more than {_APPEALS} appeals; these are the oldest.")


async def _looks(journal: Journal, number: str) -> list[Look]:
    """Return who looked at an appeal: people, by the log, and the bus, by the access log."""
    found: list[Look] = []
    after: int | None = 0
    while after is not None:
        entries = await journal.history(number, after, _PAGE)
        for entry in entries:
            if entry.what == What.READ:
                what = tell(entry).text.rpartition(", by ")[0]
                found.append(Look(entry.at, number, "read", entry.actor.partition(":")[2] or entry.actor, what))
        after = entries[-1].position if len(entries) == _PAGE else None
    after = 0
    while after is not None:
        rows = await journal.access_rows(number=number, after=after, limit=_PAGE)
        for row in rows:
            what = f"{row.source} about {row.subject} ({row.lookup}, by {row.served.value}), to {row.purpose}"
            found.append(Look(row.at, number, "asked", row.actor, what))
        after = rows[-1].id if len(rows) == _PAGE else None
    return found
