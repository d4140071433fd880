"""`--as`: the view of a role or a client of the HTTP API, for people and for programs."""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, TypeVar

import orjson
import typer

from appealbus.core.cli.audit_reads import look
from appealbus.core.cli.context import Cli
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.render import dossier_view
from appealbus.core.domain.client import Role
from appealbus.core.domain.event import LogEntry
from appealbus.core.domain.listing import AppealRow
from appealbus.core.enrichment.fields import FieldError, FieldValue
from appealbus.core.errors import JournalError
from appealbus.core.escaping import escaped_json, escaped_xml, one_line
from appealbus.core.journal import clients as journal_clients
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.language import Reader
from appealbus.core.rights.masked_version import MaskedVersion, is_damage
from appealbus.core.rights.policy import read_policy
from appealbus.core.rights.viewer import Action, Viewer
from appealbus.core.rights.views import Views
from appealbus.schemas.maskedxml import masked_to_xml
from appealbus.schemas.stored import DOSSIER
from appealbus.schemas.suggestion import did_you_mean

T = TypeVar("T")

As = Annotated[
    str | None,
    typer.Option("--as", metavar="ROLE_OR_CLIENT", help="Show what this role or this client of the API sees."),
]
Purpose = Annotated[
    str, typer.Option("--purpose", help="With --as: why you look, where the policy asks for it; it is on record.")
]


async def viewer_named(cli: Cli, journal: Journal, name: str) -> Viewer:
    """Return the viewer of a role, or else of a client. InvalidConfig if the policy is wrong."""
    policy = read_policy(cli.loaded, cli.host)
    roles = [role.value for role in Role]
    if name in roles:
        return policy.of_role(Role(name))
    clients = {client.name: client for client, _ in await journal.ask(journal_clients.all_clients)}
    if name not in clients:
        raise typer.BadParameter(
            f"there is no such role or client; {did_you_mean(name, [*roles, *clients])}", param_hint="--as"
        )
    return policy.of_client(clients[name])


def look_as(
    cli: Cli,
    name: str,
    action: Action,
    number: str,
    read: Callable[[Views, AppealRow], Coroutine[Any, Any, T]],
    *,
    copy: bool = False,
    purpose: str = "",
    about: Callable[[T], Mapping[str, int]] | None = None,
    others: Callable[[T], Sequence[str]] = lambda _: (),
) -> T:
    """Read an appeal as a role or a client sees it, and log the access before returning.

    Args:
        action: refused if the role lacks it.
        number: an appeal hidden from the viewer counts as absent.
        copy: whether the journal is a copy that nobody works.
        about: extra details for the log.
        others: numbers of other appeals shown in part; the access is logged for these, too.
    """

    async def seen(journal: Journal) -> T:
        viewer = await viewer_named(cli, journal, name)
        check(cli, viewer, action, purpose)
        row = await journal.ask(lists.appeal_row, number)
        if row is None or not viewer.sees(row):
            cli.fail(f"{viewer.name} sees no appeal {number}.", EXIT_ABSENT)
        try:
            return await read(Views(journal, viewer), row)
        except (ValueError, JournalError) as error:
            if not is_damage(error):
                raise
            cli.fail(f"What is kept of {number} is damaged, and cannot be masked: nothing is shown.", EXIT_PROBLEMS)

    return look(cli, seen, action.value, number=number, copy=copy, purpose=purpose, about=about, others=others)


def check(cli: Cli, viewer: Viewer, action: Action, purpose: str) -> None:
    """End the program if the viewer lacks the action or must state a purpose."""
    if not viewer.may(action):
        cli.fail(f"{viewer.name} may not do that: its role is {viewer.role}.", EXIT_PROBLEMS)
    if viewer.purpose_needed and not purpose.strip():
        raise typer.BadParameter(f"{viewer.name} reads with a purpose alone; say it", param_hint="--purpose")


def show_dossier(
    cli: Cli, name: str, number: str, version: int | None, form: str, *, copy: bool, purpose: str, to: Reader
) -> None:
    async def read(views: Views, row: AppealRow) -> tuple[MaskedVersion, date | None]:
        seen = await views.dossier(row, version)
        if seen is None:
            which = "no dossier yet" if version is None else f"no version {version}"
            cli.fail(f"{number} has {which} that {name} sees.", EXIT_ABSENT)
        return seen, (await views.row(row)).due_on if version is None else None

    def about(result: tuple[MaskedVersion, date | None]) -> dict[str, int]:
        return {"version": result[0].version}

    seen, counted = look_as(cli, name, Action.DOSSIER, number, read, copy=copy, purpose=purpose, about=about)
    if form == "json":
        cli.write(escaped_json(seen.raw))
    elif form == "xml":
        cli.write(escaped_xml(masked_to_xml(seen.document)))
    elif "hidden" in seen.document:
        _print_rows(cli, seen.document)
    else:
        cli.out.print(dossier_view(DOSSIER.read(seen.raw), to, counted=counted))


def show_why(cli: Cli, name: str, number: str, *, as_json: bool, copy: bool, purpose: str) -> None:
    """Show visible gaps; exits as `why` does."""

    async def read(views: Views, row: AppealRow) -> dict[str, Any]:
        document = await views.why(row)
        if document is None:
            cli.fail(f"{number} has no dossier yet that {name} sees.", EXIT_ABSENT)
        return document

    document = look_as(cli, name, Action.WHY, number, read, copy=copy, purpose=purpose)
    if as_json:
        cli.print_json(document)
    else:
        _print_rows(cli, document)
    if document["held"] or document.get("completeness", "complete") != "complete":
        raise typer.Exit(EXIT_PROBLEMS)


def fields_seen(
    cli: Cli, name: str, number: str, field: str, version: int | None, *, copy: bool, purpose: str
) -> list[FieldValue]:
    async def read(views: Views, row: AppealRow) -> list[FieldValue]:
        try:
            values = await views.explain(row, field, version)
        except FieldError as error:
            cli.fail(str(error), EXIT_ABSENT)
        if values is None:
            cli.fail(f"{number} has no such version that {name} sees.", EXIT_ABSENT)
        return values

    return look_as(cli, name, Action.EXPLAIN, number, read, copy=copy, purpose=purpose)


def history_seen(
    cli: Cli, name: str, number: str, after: int, limit: int, *, purpose: str
) -> tuple[AppealRow, list[LogEntry], int | None]:
    """Return the visible state and history of an appeal, and the position of the next page."""

    async def read(views: Views, row: AppealRow) -> tuple[AppealRow, list[LogEntry], int | None]:
        page = await views.history(row, after, limit)
        return await views.row(row), list(page.entries), page.next

    return look_as(cli, name, Action.HISTORY, number, read, purpose=purpose)


def _print_rows(cli: Cli, document: Any) -> None:
    rows = list(_rows(document))
    width = max((len(path) for path, _ in rows if len(path) <= 60), default=0)
    for path, value in rows:
        cli.out.print(f"{one_line(path):<{width}}  {one_line(value)}")


def _rows(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield a row per value. If a list has fewer names than items, positions replace names."""
    match value:
        case dict():
            for name, item in value.items():
                yield from _rows(item, f"{path}.{name}" if path else name)
        case list():
            for at, item in enumerate(value):
                yield from _rows(item, f"{path}[{at}]")
        case None:
            return
        case str():
            yield path, value
        case _:
            yield path, orjson.dumps(value, default=str).decode()
