"""`appealbus client`: systems that use the HTTP API, and what each shows of itself."""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer

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
from appealbus.core.rights import credentials
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.identifiers import parse_kato, parse_or_none
from appealbus.schemas.suggestion import did_you_mean

log = structlog.get_logger(__name__)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The client's.")]
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_SPAN = re.compile(r"(\d{1,5})([smhd])|0", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MOST = 1000
"""Most territories or kinds of one client: they are compared with every appeal it requests."""


@dataclass(frozen=True, slots=True)
class NewToken:
    kind: str
    id: str
    digest: bytes
    token: str | None = field(default=None, repr=False)


def name_of(name: str, option: str = "NAME") -> str:
    if not _NAME.fullmatch(name):
        wanted = "write Latin letters, digits, _ and -, with a letter first, 64 at most"
        raise typer.BadParameter(wanted, param_hint=option)
    return name


def role_of(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise typer.BadParameter(f"no such role; {did_you_mean(name, Role)}", param_hint="--role") from None


def places_of(places: Sequence[str]) -> tuple[str, ...]:
    katos = tuple(dict.fromkeys(parse_or_none(parse_kato, place) or "" for place in places))
    if "" in katos or len(katos) > _MOST:
        wanted = "write the nine digits of a territory in КАТО; zeros at the end mean all below it"
        raise typer.BadParameter(wanted, param_hint="--place")
    return katos


def kinds_of(kinds: Sequence[str]) -> tuple[str, ...]:
    known = [kind.value for kind in AppealKind]
    for kind in kinds:
        if kind not in known:
            raise typer.BadParameter(f"no such kind of appeal; {did_you_mean(kind, known)}", param_hint="--kind")
    return tuple(dict.fromkeys(kinds))


def span_of(text: str) -> timedelta:
    """Parse a time span such as `24h`, a year at most."""
    match = _SPAN.fullmatch(text)
    span = timedelta() if match is None or match[2] is None else timedelta(**{_UNITS[match[2]]: int(match[1])})
    if match is None or span > timedelta(days=366):
        raise typer.BadParameter("write a span such as 24h, 30m, 7d or 0, a year at most", param_hint="--keep-old")
    return span


def credential_of(certificate: Path | None) -> NewToken:
    """Return the certificate in a file as a credential, or a new token."""
    if certificate is None:
        token, mark, digest = credentials.new_token()
        return NewToken("token", mark, digest, token)
    try:
        with certificate.open("rb") as file:
            der = credentials.certificate_in(file.read(credentials.LARGEST + 1))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise typer.BadParameter(f"the file cannot be used: {why}", param_hint="--certificate") from None
    return NewToken("certificate", *credentials.fingerprint(der))


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
