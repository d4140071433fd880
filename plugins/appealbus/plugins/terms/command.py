"""`appealbus term` and `appealbus terms`."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from appealbus.core import AppealRow, Case
from appealbus.core.clocks import day_of, wall
from appealbus.core.commands import EXIT_PROBLEMS, As, AsJson, Cli, Copy, Lang, Purpose, cli_of, look, look_as, reader
from appealbus.core.management import Journal, appeals
from appealbus.core.management.appeals import DueMoved
from appealbus.core.management.viewing import Action, Views
from appealbus.core.serving import Counted
from appealbus.plugins.terms.calendar import UnknownYear, load_calendar
from appealbus.plugins.terms.clock import TermInputs, read_clock
from appealbus.plugins.terms.formatting import as_json, lines, proof
from appealbus.plugins.terms.norms import Law, load_norms
from appealbus.plugins.terms.settings import NAME, TermsSettings

_DAY = "%Y-%m-%d"
_AT_ONCE = 500
"""Terms moved in one transaction; larger ones are no faster."""
_TOLD = 20
"""Maximum number of moves printed; --json has all."""
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The appeal's number, as its receipt says.")]
On = Annotated[datetime | None, typer.Option("--on", metavar="DAY", formats=[_DAY], help="As it stands then.")]
Yes = Annotated[
    str | None,
    typer.Option("--yes", metavar="HASH", help="Do it, by the very norms and calendar that were shown with this hash."),
]
OtherFile = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="In the place of the one that counts.")
]


def add_commands(app: typer.Typer, settings: TermsSettings, read_law: Callable[[], Law]) -> None:
    @app.command()
    def term(
        context: typer.Context,
        number: Number,
        on: On = None,
        as_of: Annotated[
            datetime | None,
            typer.Option("--as-of", metavar="DAY", formats=[_DAY], help="By the calendar as it was published then."),
        ] = None,
        *,
        lang: Lang = None,
        everything: Annotated[bool, typer.Option("--days", help="Every day that was counted.")] = False,
        as_json: AsJson = False,
        copy: Copy = False,
        as_: As = None,
        purpose: Purpose = "",
    ) -> None:
        """Show until when an appeal has to be answered by law, and why: article, first day, calendar, what is assumed.

        Beside it what has to be done until when and by whom, and what in its story contradicts itself or the law. With
        --json the whole proof. Exits 1 where the calendar does not know a year. Who looks is noted.
        """
        cli = cli_of(context)
        counted = read_law()
        if as_of is not None:
            counted = Law(counted.norms, load_calendar(settings.calendar, as_of.date()))
        asked = _Asked(number, on.date() if on else day_of(wall()), as_json, copy, as_, purpose)
        _term(cli, counted, asked, lang, everything=everything)

    group = typer.Typer(help="Terms of all appeals.", no_args_is_help=True)
    app.add_typer(group, name="terms")

    @group.command("preview")
    def preview_(
        context: typer.Context, calendar: OtherFile = None, norms: OtherFile = None, *, as_json: AsJson = False
    ) -> None:
        """Say which open terms move, and by how much, where another calendar or other norms count. Changes nothing.

        Terms of other plugins count beside them, as they do for the bus: of several the earliest day.
        """
        if calendar is None and norms is None:
            raise typer.BadParameter("give --calendar or --norms: the file that is to count")
        law = read_law()
        then = Law(
            law.norms if norms is None else load_norms(norms, settings.day_ends),
            law.calendar if calendar is None else load_calendar(calendar),
        )
        _preview(cli_of(context), law, then, as_json=as_json)

    @group.command("apply")
    def apply(context: typer.Context, *, yes: Yes = None) -> None:
        """Have open appeals be due on the day that is counted now, where nothing has worked them since that changed.

        How many is shown first, with a hash; `--yes HASH` does it, and goes on where it was interrupted. Those stay as
        they are whose register says until when, that cannot be counted, or over which terms of other plugins fail.
        """
        _apply(cli_of(context), read_law(), yes)


@dataclass(frozen=True, slots=True)
class _Asked:
    number: str
    today: date
    as_json: bool
    copy: bool
    as_: str | None
    purpose: str


def _term(cli: Cli, law: Law, asked: _Asked, lang: Any, *, everything: bool) -> None:
    data, document, shown = _read(cli, asked) if asked.as_ is None else _read_as(cli, law, asked, asked.as_)
    if data is None or (asked.as_json and document is not None):
        cli.print_json(document)
        return
    try:
        clock = read_clock(data, law, asked.today)
    except UnknownYear as error:
        cli.fail(str(error), EXIT_PROBLEMS)
    if asked.as_json:
        cli.print_json({"number": asked.number, **as_json(clock)})
        return
    cli.out.print(shown(asked.number), style="bold")
    for line in lines(clock, reader(cli, lang), every_day=everything):
        cli.out.print(shown(line))


_Read = tuple[TermInputs | None, dict[str, Any] | None, Callable[[str], str]]
"""The appeal's data, the document for programs if already built, and the formatter of a line."""


def _read(cli: Cli, asked: _Asked) -> _Read:
    """Read an appeal and log the access; a citizen's text is attributed to the addressed body."""

    async def read(journal: Journal) -> _Read:
        row = await journal.ask(appeals.appeal_row, asked.number)
        cases = [] if row is None else await journal.ask(appeals.cases, [row.appeal_id])
        if not cases:
            cli.no_appeal(asked.number)
        return TermInputs.of(cases[0]), None, str

    return look(cli, read, "term", number=asked.number, copy=asked.copy, purpose=asked.purpose)


def _read_as(cli: Cli, law: Law, asked: _Asked, name: str) -> _Read:
    """Read an appeal as a role or a client may see it; the document is that of the API."""

    async def read(views: Views, row: AppealRow) -> _Read:
        cases: list[TermInputs] = []

        def proofs(case: Case) -> list[dict[str, Any]]:
            cases.append(TermInputs.of(case))
            return [{"name": NAME, "proof": proof(cases[0], law, asked.today)}]

        document = await views.term(row, proofs)
        if not cases and not asked.as_json:
            cli.fail(f"The mask of {name} hides something that the term follows from.", EXIT_PROBLEMS)
        return cases[0] if cases else None, document, views.viewer.mask.text

    return look_as(cli, name, Action.TERM, asked.number, read, copy=asked.copy, purpose=asked.purpose)


def _others(cli: Cli) -> Callable[[TermInputs], Counted]:
    def count(data: TermInputs) -> Counted:
        given = data.appeal, data.first, data.accepted_at, data.changes
        return cli.host.counting.counted(*given, without=NAME)

    return count


def _preview(cli: Cli, now: Law, then: Law, *, as_json: bool) -> None:
    from appealbus.plugins.terms.preview import preview

    changes = cli.read(lambda journal: preview(journal, now, then, _others(cli)))
    if as_json:
        calendars = {"now": now.calendar.version, "then": then.calendar.version}
        norms = {"now": now.norms.version, "then": then.norms.version}
        cli.print_json({"calendar": calendars, "norms": norms, "hash": then.hash, **asdict(changes)})
        return
    cli.out.print(f"calendar {now.calendar.version} → {then.calendar.version}")
    cli.out.print(f"norms {now.norms.version} → {then.norms.version}")
    cli.out.print(f"{len(changes.moves)} of {changes.open} open terms move")
    for move in changes.moves[:_TOLD]:
        by = "" if move.days is None else f"  {move.days:+d} days"
        register = f"  (the register says {move.register}, which counts)" if move.register else ""
        cli.out.print(f"  {move.number}  {move.now or 'none'} → {move.then or 'none'}{by}{register}")
    if len(changes.moves) > _TOLD:
        cli.out.print(f"  and {len(changes.moves) - _TOLD} more: --json has all")
    if changes.unknown:
        cli.out.print(f"{len(changes.unknown)} cannot be counted: {', '.join(changes.unknown[:_TOLD])}")
    if changes.failed:
        cli.out.print(f"{len(changes.failed)} over which other terms fail: {', '.join(changes.failed[:_TOLD])}")
    cli.out.print(f"Once the configuration names it, `appealbus terms apply --yes {then.hash}` moves them.")


def _apply(cli: Cli, law: Law, yes: str | None) -> None:
    from appealbus.plugins.terms.preview import Left, stale

    if yes is not None and yes != law.hash:
        text = (
            f"Norms and calendar are others than were shown with this hash: now it is {law.hash}. Nothing is changed."
        )
        cli.fail(text, EXIT_PROBLEMS)
    left = Left()

    async def work(journal: Any) -> int:
        count = 0
        moves: list[DueMoved] = []  # written as they are found: what was done stays done, whenever it ends
        async for move in stale(journal, law, _others(cli), left):
            if yes is None:
                count += 1
                continue
            moves.append(move)
            if len(moves) == _AT_ONCE:
                count += await journal.do(appeals.Moving(moves))
                moves = []
        if moves:
            count += await journal.do(appeals.Moving(moves))
        return count

    count = cli.read(work) if yes is None else cli.change(work)
    if yes is None:
        cli.out.print(
            f"{count} open appeals are due on another day" + (f"; --yes {law.hash} moves them" if count else "")
        )
    else:
        cli.out.print(f"{count} open appeals are due on another day now")
    if left.unknown:
        cli.out.print(f"{left.unknown} cannot be counted: the calendar does not have their year")
    if left.failed:
        cli.out.print(f"{left.failed} stay as they are, since terms of other plugins fail over them")
