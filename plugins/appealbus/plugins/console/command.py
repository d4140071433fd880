"""`appealbus console link`: a one-time sign-in link."""

import asyncio
import re
from datetime import timedelta
from typing import Annotated

import structlog
import typer

from appealbus.core.commands import EXIT_PROBLEMS, Cli, cli_of, name_of, person, role_of
from appealbus.core.management import Journal, people
from appealbus.core.management.log import by_person
from appealbus.core.management.people import Client, Credential, Role

log = structlog.get_logger(__name__)

_URL = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]{1,200}/?", re.ASCII)
_LIVES = timedelta(minutes=10)
"""Lifetime of a link."""
_ROLES = [each for each in Role if each is not Role.CHANNEL]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="The console, which `appealbus serve` shows under /console.", no_args_is_help=True)
    group.callback()(_group)
    group.command("link")(link)
    app.add_typer(group, name="console")


def _group() -> None:
    """The console, which `appealbus serve` shows under /console."""


def link(
    context: typer.Context,
    *,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help=f"{', '.join(_ROLES)}.")],
    actor: Annotated[
        str | None,
        typer.Option("--actor", metavar="NAME", help="Who it is for, as the log will say; else who you are."),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="Where people reach the server; else where it listens."),
    ] = None,
) -> None:
    """Print a link by which a person signs in to the console: once, within ten minutes.

    The person is from then on a client of that name and role: `appealbus client revoke NAME` has them out at once.
    """
    cli = cli_of(context)
    its = role_of(role)
    if its is Role.CHANNEL:
        raise typer.BadParameter("a channel is a system, and sees no console", param_hint="--role")
    if server is not None and not _URL.fullmatch(server):
        raise typer.BadParameter("write it as https://bus.example.kz", param_hint="--server")
    name = name_of(actor if actor is not None else person().partition("/")[0], "--actor")
    token = asyncio.run(_made(cli, name, its))
    log.warning("console.link_made", client=name, actor=person())
    cli.err.print(f"{name} may sign in as {its}, once and within ten minutes:")
    cli.write(f"{(server or _server(cli)).rstrip('/')}/console/enter?link={token}".encode())


async def _made(cli: Cli, name: str, role: Role) -> str:
    async with cli.journal(write=True) as journal:
        return await make_link(cli, journal, name, role)


async def make_link(cli: Cli, journal: Journal, name: str, role: Role) -> str:
    """Return a new link's secret; creates the client if needed."""
    now = journal.now()
    token, mark, digest = people.new_token()
    credential = Credential(mark, "link", now, now + _LIVES)
    known = {client.name.lower(): client for client, _ in await journal.ask(people.all_clients)}.get(name.lower())
    if known is None:
        new = Client(name, role, "", (), (), None, now, by_person(person()))
        await journal.do(people.NewClient(new, credential, digest))
        return token
    if known.revoked_at is not None:
        cli.fail(f"{known.name} is revoked, for good; choose another name with --actor.", EXIT_PROBLEMS)
    if known.role is not role or known.name != name:
        cli.fail(
            f"{known.name} is a client with the role {known.role}; choose another name with --actor.", EXIT_PROBLEMS
        )
    await journal.do(people.NewCredential(name, credential, digest, None))
    return token


def _server(cli: Cli) -> str:
    from appealbus.plugins.api.settings import ApiSettings

    settings = cli.loaded.validate(ApiSettings, "plugins", "api")
    return f"{'https' if settings.tls_certificate else 'http'}://{settings.address}"
