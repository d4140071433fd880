"""The policy, as `appealbus policy` prints it, and the clients."""

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from appealbus.core.management import people
from appealbus.core.management.people import OF_PEOPLE, Client, Credential
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.sessions import SESSION
from appealbus.plugins.console.views.account.queries import check, frame, sees_deeds, view

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Who:
    """A client without its secrets."""

    client: Client
    last: datetime | None
    """Minute of the last request."""
    sessions: int
    """Number of valid sessions."""
    until: datetime | None
    """Latest expiry of the client's tokens and certificates."""


@view.get("/account/policy")
async def policy(page: Page) -> Response:
    check(page, sees_deeds(page))
    api = page.console.api
    clients = await page.journal.ask(people.all_clients)
    uses = await page.journal.ask(people.last_uses)
    after = page.query.get("before", "")
    some = [each for each in clients if each[0].name > after][: _PAGE + 1]
    return frame(
        page,
        "account/policy.html",
        policy=api.policy.told(list(api.loaded.settings.deliveries)),
        clients=[_who(page, client, its, uses.get(client.name)) for client, its in some[:_PAGE]],
        pages=page.pages(some[_PAGE - 1][0].name if len(some) > _PAGE else None, "before"),
    )


def counting(page: Page, its: list[Credential], kind: str) -> list[Credential]:
    now = page.journal.now()
    return [each for each in its if each.kind == kind and each.revoked_at is None and each.expires_at > now]


def _who(page: Page, client: Client, its: list[Credential], last: datetime | None) -> Who:
    ends = [each.expires_at for each in its if each.kind not in OF_PEOPLE and each.revoked_at is None]
    sessions = 0 if client.revoked_at else len(counting(page, its, SESSION))
    return Who(client, last, sessions, max(ends, default=None))
