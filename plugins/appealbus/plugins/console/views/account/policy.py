"""Who sees what: the policy as `appealbus policy` prints it, and who is a client."""

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from appealbus.core.domain.client import OF_PEOPLE, Client, Credential
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.sessions import SESSION
from appealbus.plugins.console.views.account.queries import check, frame, sees_deeds, view

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Who:
    """A client as the page shows it: never what it could be impersonated with."""

    client: Client
    last: datetime | None
    """In which minute it came last."""
    sessions: int
    """That count now."""
    until: datetime | None
    """Until when what it has besides counts: its newest token or certificate."""


@view.get("/account/policy")
async def policy(page: Page) -> Response:
    """Show who sees what, and who is a client; a page of those goes by name."""
    check(page, sees_deeds(page))
    api = page.console.api
    clients = await page.journal.clients()
    uses = await page.journal.last_uses()
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
    """Return those of a kind that count now."""
    now = page.journal.now()
    return [each for each in its if each.kind == kind and each.revoked_at is None and each.expires_at > now]


def _who(page: Page, client: Client, its: list[Credential], last: datetime | None) -> Who:
    ends = [each.expires_at for each in its if each.kind not in OF_PEOPLE and each.revoked_at is None]
    sessions = 0 if client.revoked_at else len(counting(page, its, SESSION))
    return Who(client, last, sessions, max(ends, default=None))
