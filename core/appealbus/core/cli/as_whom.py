"""`--as`: the view of a role or a client of the HTTP API."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import typer

from appealbus.core.cli.audit_reads import look
from appealbus.core.cli.context import Cli
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.domain.client import Role
from appealbus.core.domain.listing import AppealRow
from appealbus.core.errors import JournalError
from appealbus.core.journal import clients as journal_clients
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.rights.masked_version import is_damage
from appealbus.core.rights.policy import read_policy
from appealbus.core.rights.viewer import Action, Viewer
from appealbus.core.rights.views import Views
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
