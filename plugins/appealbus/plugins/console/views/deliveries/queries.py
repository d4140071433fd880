"""State of a receiver, and why its first delivery is stuck."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from appealbus.core import AppealRow
from appealbus.core.management import deliveries
from appealbus.core.management.deliveries import LATE, DeliveryOfAppeal, DeliveryRow, ReceiverState, ShownVersion
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("deliveries", "Deliveries", place=50, path="/deliveries", needs=Action.OPERATE)


def receiver_path(receiver: str) -> str:
    return f"/deliveries/{quote(receiver, safe='')}"


_WORST = ("gone", "late", "refuses", "waits", "delivered", "past")


@dataclass(frozen=True, slots=True)
class ReceiverView:
    """One receiver at one moment.

    Attributes:
        state: from the journal.
        configured: whether it is still in the configuration.
        now: by the journal's clock.
    """

    state: ReceiverState
    configured: bool
    now: datetime

    @property
    def name(self) -> str:
        return self.state.name

    @property
    def lag(self) -> timedelta | None:
        """Waiting time of the oldest waiting version; None if none waits."""
        oldest = self.state.oldest
        return None if oldest is None or oldest.since is None else max(timedelta(0), self.now - oldest.since)

    @property
    def standing(self) -> str:
        """The worst applicable state, in a word."""
        if not self.configured:
            return "gone" if self.state.waiting else "past"
        if self.lag is not None and self.lag > LATE:
            return "late"
        if self.state.refused:
            return "refuses"
        return "waits" if self.state.waiting else "delivered"

    @property
    def heads(self) -> list[DeliveryRow]:
        """The oldest waiting version that has failed, and the first refused one; if the receiver lags, in this
        order."""
        failed = [each for each in (self.state.oldest,) if each is not None and each.attempts]
        refused = [each for each in (self.state.first_refused,) if each is not None]
        return failed + refused if self.standing == "late" else refused + failed


async def all_sights(page: Page) -> list[ReceiverView]:
    """Return all receivers; those that need a person first."""
    configured, now = page.console.api.loaded.settings.deliveries, page.journal.now()
    found = [
        ReceiverView(receiver, receiver.name in configured, now)
        for receiver in await page.journal.ask(deliveries.receivers, configured)
    ]
    return sorted(found, key=lambda each: (_WORST.index(each.standing), -(each.lag or timedelta(0)), each.name))


async def sight_of(page: Page) -> ReceiverView:
    """Return the receiver in the path; raise Refused if it does not exist."""
    name = page.request.path_params["name"]
    found = next((sight for sight in await all_sights(page) if sight.name == name), None)
    if found is None:
        raise Refused(404, page.words.say("There is no such receiver."))
    return found


@dataclass(frozen=True, slots=True)
class DeliveryView:
    delivery: DeliveryRow
    appeal: AppealRow
    public_id: str
    newer: int | None
    """The newest later version that the receiver has."""
    shown: str
    """Fingerprint for the form, so that an order applies only to the delivery shown."""


async def seen(page: Page, found: DeliveryOfAppeal | None) -> DeliveryView | None:
    """Return a delivery, masked for the person; None if there is none or its appeal is hidden."""
    if found is None or not page.viewer.sees(found.appeal):
        return None
    return DeliveryView(
        found.delivery,
        await page.views.row(found.appeal),
        found.appeal.public_id,
        found.newer,
        str(ShownVersion.of(found.delivery)),
    )
