"""`appealbus appeals`."""

from dataclasses import asdict

import typer

from appealbus.core.cli.audit_reads import look
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.languages import Lang, reader
from appealbus.core.cli.paging import AfterPlace, AsJson, Limit, place_of
from appealbus.core.cli.render import local
from appealbus.core.cli.selecting import Chosen, selects
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.selection import AppealsFound
from appealbus.core.journal.journal import Journal
from appealbus.core.language import Reader, ReaderLanguage
from appealbus.schemas.change import ChangeKind
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.signal import Severity


@selects
def appeals(
    context: typer.Context,
    *,
    after: AfterPlace = "0",
    limit: Limit = 100,
    lang: Lang = None,
    as_json: AsJson = False,
    chosen: Chosen,
) -> None:
    """Find appeals by all that is said of them: number, channel, state, the dossier so far, when one is due again.

    Oldest first; of a source or a date the most urgent first, of what is parked what is due next, of a receiver what
    waits longest. Whoever looks for a person or a parcel is noted, with the purpose.
    """
    cli = cli_of(context)
    place = place_of(after)

    async def find(journal: Journal) -> AppealsFound:
        try:
            return await journal.find(chosen.selection, place, limit)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--after") from None

    if chosen.selection.named:
        page = look(cli, find, "appeals", purpose=chosen.purpose, about=lambda result: {"found": len(result.rows)})
    else:
        page = cli.read(find)
    if as_json:
        cli.print_json(
            [{**asdict(row), "place_in_list": str(at)} for row, at in zip(page.rows, page.places, strict=True)]
        )
        return
    _print(cli, page, reader(cli, lang), first=after == "0" and not chosen.selection)


def _print(cli: Cli, page: AppealsFound, to: Reader, *, first: bool) -> None:
    for row in page.rows:
        cli.out.print(line_of(row, to))
    if not page.rows:
        cli.out.print(to.say("There is none.") if first else to.say("There is none like that."))
    if page.next is not None:
        cli.out.print(to.say("There may be more: --after {place}", place=page.next))


def line_of(row: AppealRow, to: Reader | None = None) -> str:
    """Format an appeal as a line of a list; times are in a sortable form."""
    to = to or Reader()
    accepted = f"{local(row.accepted_at):%Y-%m-%d %H:%M:%S}"
    head = f"{row.number}  {to.say('accepted {moment} by {whom}', moment=accepted, whom=row.channel)}"
    head += to.say(", term {day}", day=row.due_on) if row.due_on else ""
    state = row.state.value if to.language is ReaderLanguage.ENGLISH else to.word(row.state)  # as --state takes it
    state += to.say(" by {who}: {reason}", who=row.held_by, reason=row.held_reason) if row.held_by else ""
    state += to.say(" for {sources}", sources=", ".join(row.waits_for)) if row.waits_for else ""
    state += to.say(", asked again {moment}", moment=f"{local(row.due_at):%Y-%m-%d %H:%M:%S}") if row.due_at else ""
    state += f", {to.word(ChangeKind.stored(row.closed))}" if row.closed else ""
    dossier = to.say("no dossier yet")
    if row.version:
        completeness = to.word(Completeness.stored(row.completeness)) if row.completeness else ""
        dossier = f"{to.say('version {version}', version=row.version)} {completeness}"
    dossier += to.say(", signal {severity}", severity=to.word(Severity.stored(row.signal))) if row.signal else ""
    dossier += to.say(", lacks {lookups}", lookups=", ".join(row.lacks)) if row.lacks else ""
    dossier += to.say(", unassessed by {names}", names=", ".join(row.unassessed)) if row.unassessed else ""
    dossier += to.say(", a date of it does not count") if row.misdated else ""
    return f"{head}  {state}; {dossier}"
