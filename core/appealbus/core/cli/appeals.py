"""`appealbus dossier`, `why` and `explain`: the known and missing data of one appeal."""

from datetime import date
from typing import Annotated, Any

import orjson
import typer

from appealbus.core.cli import as_whom
from appealbus.core.cli.as_whom import As, Purpose
from appealbus.core.cli.audit_reads import Copy, look
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.languages import Lang, reader
from appealbus.core.cli.paging import AsJson
from appealbus.core.cli.render import dossier_view, gaps_view
from appealbus.core.domain.case import Case
from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.domain.pauses import STALE
from appealbus.core.enrichment.fields import FieldError, FieldValue, explain_field
from appealbus.core.escaping import escaped_json, escaped_xml
from appealbus.core.journal import documents
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.journal import Journal
from appealbus.core.language import Reader, ReaderLanguage
from appealbus.core.language.fields import trail_name, trail_value
from appealbus.core.planning.contract import NOT_LOADED
from appealbus.schemas.dossier import Dossier, Gap, LookupOutcome
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.stored import DOSSIER
from appealbus.schemas.tolerant import whole
from appealbus.schemas.xml import to_xml

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The appeal's number, as its receipt says.")]
All = Annotated[
    bool, typer.Option("--all", help="Each lookup that could not be asked, with its reason; else they are named alone.")
]
Version = Annotated[int | None, typer.Option("--version", help="An earlier version; else the newest.", min=1)]


def dossier(
    context: typer.Context,
    number: Number,
    version: Version = None,
    *,
    format_: Annotated[str, typer.Option("--format", help="text, json or xml.")] = "text",
    lang: Lang = None,
    everything: All = False,
    as_json: AsJson = False,
    copy: Copy = False,
    as_: As = None,
    purpose: Purpose = "",
) -> None:
    """Show a dossier: who, until when and the worst first; the appeal, every field with its source, the signals, what
    is missing and why.

    Who looks is noted.
    """
    cli = cli_of(context)
    if format_ not in ("text", "json", "xml"):
        raise typer.BadParameter("write text, json or xml", param_hint="--format")
    if as_ is not None:
        as_whom.show_dossier(
            cli, as_, number, version, "json" if as_json else format_, copy=copy, purpose=purpose, to=reader(cli, lang)
        )
        return

    async def read(journal: Journal) -> tuple[bytes, date | None]:
        row = await journal.ask(lists.appeal_row, number)
        return await _raw(cli, journal, number, version), None if row is None or version else row.due_on

    raw, counted = look(
        cli, read, "dossier", number=number, copy=copy, about=lambda pair: {"version": orjson.loads(pair[0])["version"]}
    )
    if as_json or format_ == "json":
        cli.write(escaped_json(raw))
    elif format_ == "xml":
        cli.write(escaped_xml(to_xml(DOSSIER.read(raw))))
    else:
        cli.out.print(dossier_view(DOSSIER.read(raw), reader(cli, lang), everything=everything, counted=counted))


def why(
    context: typer.Context,
    number: Number,
    *,
    lang: Lang = None,
    everything: All = False,
    as_json: AsJson = False,
    copy: Copy = False,
    as_: As = None,
    purpose: Purpose = "",
) -> None:
    """Say what the newest dossier lacks, each with its one cause and the time of the next attempt; why it is held.

    Exits 1 while the dossier is partial, or the appeal is held. Who looks is noted.
    """
    cli = cli_of(context)
    if as_ is not None:
        as_whom.show_why(cli, as_, number, as_json=as_json, copy=copy, purpose=purpose)
        return
    to = reader(cli, lang)
    row = cli.read(lambda journal: journal.ask(lists.appeal_row, number))
    held = row if row is not None and row.state is AppealState.HELD else None
    if held is not None and not held.version:
        _print_held(cli, held, to, as_json)
        raise typer.Exit(EXIT_PROBLEMS)
    newest = look(
        cli, lambda journal: _with_current_gaps(cli, journal, number), "why", number=number, copy=copy, about=_version
    )
    if as_json:
        gaps = [whole(gap, gap.model_dump(mode="json")) for gap in newest.gaps]
        head = {"number": newest.number, "version": newest.version, "completeness": newest.completeness.value}
        cli.print_json({**head, "gaps": gaps, "held": held and _held_as_json(held)})
    else:
        if held is not None:
            _print_held(cli, held, to, as_json)
        counted = None if row is None else row.due_on
        cli.out.print(gaps_view(newest, to, everything=everything, counted=counted))
    if held is not None or newest.completeness.value != "complete":
        raise typer.Exit(EXIT_PROBLEMS)


def explain(
    context: typer.Context,
    number: Number,
    field: Annotated[
        str, typer.Argument(metavar="FIELD", help="Such as gbdfl.person/surname or appeal.applicant.iin.")
    ],
    version: Version = None,
    *,
    lang: Lang = None,
    as_json: AsJson = False,
    copy: Copy = False,
    as_: As = None,
    purpose: Purpose = "",
) -> None:
    """Tell where one field comes from: its value, source, message, times, plugin, purpose and legal basis.

    Who looks is noted.
    """
    cli = cli_of(context)

    async def explained(journal: Journal) -> tuple[Dossier, list[FieldValue]]:
        read = DOSSIER.read(await _raw(cli, journal, number, version))
        try:
            return read, explain_field(read, field)
        except FieldError as error:
            cli.fail(str(error), EXIT_ABSENT)

    if as_ is not None:
        values = as_whom.fields_seen(cli, as_, number, field, version, copy=copy, purpose=purpose)
    else:
        _, values = look(cli, explained, "explain", number=number, copy=copy, about=lambda result: _version(result[0]))
    if as_json:
        cli.print_json([item.as_json() for item in values])
    else:
        for item in values:
            _print_found(cli, item, reader(cli, lang))


def _version(shown: Dossier) -> dict[str, int]:
    return {"version": shown.version}


def _held_as_json(row: AppealRow) -> dict[str, Any]:
    return {"by": row.held_by, "reason": row.held_reason, "since": row.changed_at}


def _print_held(cli: Cli, row: AppealRow, to: Reader, as_json: bool) -> None:
    if as_json:
        head = {"number": row.number, "version": row.version, "completeness": row.completeness}
        cli.print_json({**head, "gaps": [], "held": _held_as_json(row)})
        return
    text = to.say(
        "{number} is held since {since} by {who}: {reason}",
        number=row.number,
        since=to.moment(row.changed_at),
        who=row.held_by,
        reason=row.held_reason,
    )
    cli.out.print(text, style="red")
    free = to.say("Nothing of it is worked until `appealbus release {number}`.", number=row.number)
    cli.out.print(free, style="red")


def _print_found(cli: Cli, item: FieldValue, to: Reader) -> None:
    shown = "—" if item.value is None else to.value(item.value)
    name = "" if to.language is ReaderLanguage.ENGLISH else f"  ({to.path(item.path.rpartition('/')[2])})"
    cli.out.print(f"{item.path} = {shown}{name}", style="bold")
    trail = [(trail_name(name, to), trail_value(name, value, item.trail, to)) for name, value in item.trail.items()]
    width = max((len(name) for name, _ in trail), default=0)
    for name, value in trail:
        cli.out.print(f"  {name:<{width}}  {value}")


async def _case(cli: Cli, journal: Journal, number: str) -> Case:
    case = await journal.ask(cases.case, number)
    if case is None:
        cli.no_appeal(number)
    return case


async def _raw(cli: Cli, journal: Journal, number: str, version: int | None) -> bytes:
    raw = await journal.ask(documents.whole, number, version)
    if raw is None:
        case = await _case(cli, journal, number)
        if version is not None and case.version:
            cli.fail(f"{number} has no version {version}; the newest is {case.version}.", EXIT_ABSENT)
        cli.fail(f"{number} is accepted and waits for its first dossier; is `appealbus run` working?", EXIT_ABSENT)
    return raw


async def _with_current_gaps(cli: Cli, journal: Journal, number: str) -> Dossier:
    """Return the newest dossier with current gaps; the journal may know attempts later than the version."""
    newest = DOSSIER.read(await _raw(cli, journal, number, None))
    states: dict[tuple[str, str], Any] = {(s.lookup, s.key): s for s in await journal.ask(cases.states, number)}
    gaps, known = [], {(gap.lookup, gap.key) for gap in newest.gaps}
    older = [
        outcome for outcome in newest.outcomes if outcome.code == STALE and (outcome.lookup, outcome.key) not in known
    ]
    for gap in (*newest.gaps, *map(_provisional, older)):
        state = states.get((gap.lookup, gap.key))
        if state is not None and state.is_gap and gap.code != NOT_LOADED:
            current = {name: getattr(state, name) for name in ("code", "reason", "next_attempt_at")}
            gap = gap.model_copy(update={"outcome": state.lacks_as, **current})  # noqa: PLW2901
        gaps.append(gap)
    return newest.model_copy(update={"gaps": gaps})


def _provisional(outcome: LookupOutcome) -> Gap:
    """Turn an outcome that an older release answered from memory and reported as found into a gap."""
    fields = {name: getattr(outcome, name) for name in ("lookup", "key", "code", "reason", "next_attempt_at")}
    return Gap(required=True, outcome=OutcomeKind.UNAVAILABLE, **fields)
