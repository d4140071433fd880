"""`appealbus client`: systems that use the HTTP API, and what each shows of itself."""

from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer

from appealbus.core.cli.client_options import Name, credential_of, kinds_of, name_of, places_of, role_of, span_of
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.paging import AsJson
from appealbus.core.cli.person import person
from appealbus.core.cli.render import local
from appealbus.core.domain.client import OF_PEOPLE, Client, Credential, Role
from appealbus.core.domain.event import by_person
from appealbus.core.errors import JournalError
from appealbus.core.escaping import one_line
from appealbus.core.journal import clients as journal_clients
from appealbus.core.journal.journal import Journal
from appealbus.schemas.suggestion import did_you_mean

log = structlog.get_logger(__name__)
T = TypeVar("T")

Days = Annotated[int, typer.Option("--days", metavar="N", min=1, max=3650, help="For so long it counts.")]
Certificate = Annotated[
    Path | None,
    typer.Option("--certificate", metavar="FILE.pem", help="It shows this certificate of its own, and no token."),
]

group = typer.Typer(help="Systems that use the HTTP API.", no_args_is_help=True)


@group.command("add")
def add(
    context: typer.Context,
    name: Name,
    *,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help=f"{', '.join(Role)}.")],
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="NAME", help="With the role channel: that of its appeals.")
    ] = None,
    place: Annotated[
        list[str] | None,
        typer.Option("--place", metavar="КАТО", help="Only appeals about this territory and below; may be repeated."),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", help="Only appeals of this kind; may be repeated.")
    ] = None,
    per_minute: Annotated[
        int | None,
        typer.Option("--per-minute", metavar="N", min=1, max=1_000_000, help="Requests in a minute, over all servers."),
    ] = None,
    days: Days = 365,
    certificate: Certificate = None,
) -> None:
    """Let a system use the HTTP API. Its token is shown once, on standard output, and kept nowhere.

    With --certificate it shows a certificate that one of the server's `client_authorities` has signed.
    """
    cli = cli_of(context)
    as_role = role_of(role)
    if (as_role is Role.CHANNEL) != (channel is not None):
        wanted = "--channel goes with the role channel, and that role with a channel"
        raise typer.BadParameter(wanted, param_hint="--channel")
    places, kinds = places_of(place or []), kinds_of(kind or [])
    name, its_channel = name_of(name), name_of(channel, "--channel") if channel else ""
    shown = credential_of(certificate)

    async def work(journal: Journal) -> Credential:
        now = journal.now()
        new = Client(name, as_role, its_channel, places, kinds, per_minute, now, by_person(person()))
        credential = Credential(shown.id, shown.kind, now, now + timedelta(days=days))
        await journal.do(journal_clients.NewClient(new, credential, shown.digest))
        return credential

    credential = _changed(cli, work)
    log.warning("client.added", client=name, actor=person())
    _tell(cli, shown.token, f"{name} may come as {as_role}", credential)


@group.command("rotate")
def rotate(
    context: typer.Context,
    name: Name,
    *,
    keep_old: Annotated[
        str, typer.Option("--keep-old", metavar="SPAN", help="How long what it has now still counts: 24h, 30m, 7d, 0.")
    ] = "24h",
    days: Days = 365,
    certificate: Certificate = None,
) -> None:
    """Give a client a new token or certificate; what it has now counts for a while, so that it can change over.

    No server is restarted. What ends sooner anyway ends as it would have.
    """
    cli = cli_of(context)
    span, shown = span_of(keep_old), credential_of(certificate)

    async def work(journal: Journal) -> Credential:
        await _known(cli, journal, name)
        now = journal.now()
        credential = Credential(shown.id, shown.kind, now, now + timedelta(days=days))
        await journal.do(journal_clients.NewCredential(name, credential, shown.digest, now + span))
        return credential

    credential = _changed(cli, work)
    log.warning("client.rotated", client=name, actor=person())
    _tell(cli, shown.token, f"{name} has a new {credential.kind}; its others end within {keep_old}", credential)


@group.command("revoke")
def revoke(
    context: typer.Context,
    name: Name,
    credential: Annotated[
        str | None, typer.Option("--credential", metavar="ID", help="Only this one, as `client list` shows it.")
    ] = None,
) -> None:
    """Let a client count no more, at once and for good: its name is never given to another one.

    With --credential only what it names, for example a token that became known to others.
    """
    cli = cli_of(context)

    async def work(journal: Journal) -> bool:
        theirs = await _known(cli, journal, name)
        if credential is None:
            return await journal.do(journal_clients.Revoking(name))
        if credential not in {row.id for row in theirs}:
            ids = did_you_mean(credential, [row.id for row in theirs])
            cli.fail(f"{name} has no credential {one_line(credential)}; {one_line(ids)}", EXIT_ABSENT)
        return await journal.do(journal_clients.Revoking(name, credential))

    if not _changed(cli, work):
        cli.fail(f"{name if credential is None else credential} is revoked already.", EXIT_PROBLEMS)
    log.warning("client.revoked", client=name, actor=person())
    what = "all that it has" if credential is None else f"its credential {credential}"
    cli.out.print(f"{one_line(name)}: {one_line(what)} counts no more.")


@group.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List all clients, those that are revoked too, with what each may see and until when it counts."""
    cli = cli_of(context)
    clients = cli.read(lambda journal: journal.ask(journal_clients.all_clients))
    if as_json:
        cli.print_json(
            [{**asdict(client), "credentials": [asdict(row) for row in theirs]} for client, theirs in clients]
        )
        return
    for client, theirs in clients:
        cli.out.print(_line(client), style="dim" if client.revoked_at else None)
        for credential in theirs:
            if credential.kind in OF_PEOPLE:
                continue
            cli.out.print(f"  {credential.kind} {credential.id}  {_until(credential)}")
    if not clients:
        cli.out.print("There are none; `appealbus client add NAME --role ROLE` adds one.")


def _line(client: Client) -> str:
    parts = [client.name, client.role.value]
    parts += [f"channel {client.channel}"] if client.channel else []
    parts += [f"places {', '.join(client.places)}"] if client.places else []
    parts += [f"kinds {', '.join(client.kinds)}"] if client.kinds else []
    parts += [f"{client.per_minute} a minute"] if client.per_minute else []
    parts += [f"revoked {_at(client.revoked_at)}"] if client.revoked_at else []
    return one_line("  ".join(parts))


def _until(credential: Credential) -> str:
    if credential.revoked_at is not None:
        return f"revoked {_at(credential.revoked_at)}"
    return f"until {_at(credential.expires_at)}"


def _at(moment: datetime) -> str:
    return f"{local(moment):%Y-%m-%d %H:%M}"


async def _known(cli: Cli, journal: Journal, name: str) -> list[Credential]:
    """Return a client's credentials; end the program if the client does not exist."""
    clients = {client.name: theirs for client, theirs in await journal.ask(journal_clients.all_clients)}
    if name not in clients:
        hint = did_you_mean(name, clients, "" if clients else "there are none yet")
        cli.fail(f"There is no client {one_line(name)}; {one_line(hint)}", EXIT_ABSENT)
    return clients[name]


def _changed(cli: Cli, work: Callable[[Journal], Coroutine[Any, Any, T]]) -> T:
    """Run a change; show a refusal of the journal as its own text."""
    try:
        return cli.change(work)
    except JournalError as error:
        if not error.code.startswith("client."):
            raise
        cli.fail(f"{one_line(str(error)).capitalize()}.", EXIT_PROBLEMS)


def _tell(cli: Cli, token: str | None, what: str, credential: Credential) -> None:
    cli.err.print(f"{one_line(what)}, until {_at(credential.expires_at)}.")
    if token is None:
        cli.out.print(credential.id)
        return
    cli.err.print("This token is shown once. Give it to the client alone:")
    cli.write(token.encode())
