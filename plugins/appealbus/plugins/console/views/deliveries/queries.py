"""A receiver as a page shows it: how it stands, and why what is at its head does not go."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from appealbus.core.domain.listing import AppealRow
from appealbus.core.health.messages import LATE
from appealbus.core.journal.deliveries.deliveries import DeliveryRow
from appealbus.core.journal.deliveries.delivering import Shown
from appealbus.core.journal.deliveries.receivers import DeliveryOfAppeal, ReceiverState
from appealbus.core.rights.actions import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("deliveries", "Deliveries", place=50, path="/deliveries", needs=Action.OPERATE)


def receiver_path(receiver: str) -> str:
    """Return where the page of a receiver is."""
    return f"/deliveries/{quote(receiver, safe='')}"


_WORST = ("gone", "late", "refuses", "waits", "delivered", "past")


@dataclass(frozen=True, slots=True)
class Sight:
    """One receiver at one moment.

    Attributes:
        state: as the journal has it.
        configured: whether the configuration still has it.
        now: by the journal's clock.

    """

    state: ReceiverState
    configured: bool
    now: datetime

    @property
    def name(self) -> str:
        """Of the receiver."""
        return self.state.name

    @property
    def lag(self) -> timedelta | None:
        """How long the oldest version that waits has done so; None: nothing waits."""
        oldest = self.state.oldest
        return None if oldest is None or oldest.since is None else max(timedelta(0), self.now - oldest.since)

    @property
    def standing(self) -> str:
        """How it stands in a word, the worst that is true."""
        if not self.configured:
            return "gone" if self.state.waiting else "past"
        if self.lag is not None and self.lag > LATE:
            return "late"
        if self.state.refused:
            return "refuses"
        return "waits" if self.state.waiting else "delivered"

    @property
    def heads(self) -> list[DeliveryRow]:
        """What stands first: the oldest version that waits, where it has failed, and the first that was refused.

        Where the receiver lags, what fails comes first: it is why.
        """
        failed = [each for each in (self.state.oldest,) if each is not None and each.attempts]
        refused = [each for each in (self.state.first_refused,) if each is not None]
        return failed + refused if self.standing == "late" else refused + failed


async def all_sights(page: Page) -> list[Sight]:
    """Return all receivers, those first that need a person."""
    configured, now = page.console.api.loaded.settings.deliveries, page.journal.now()
    found = [Sight(each, each.name in configured, now) for each in await page.journal.receivers(configured)]
    return sorted(found, key=lambda each: (_WORST.index(each.standing), -(each.lag or timedelta(0)), each.name))


async def sight_of(page: Page) -> Sight:
    """Return the receiver that the path names; raise Refused where there is none."""
    name = page.request.path_params["name"]
    found = next((each for each in await all_sights(page) if each.name == name), None)
    if found is None:
        raise Refused(404, page.words.say("There is no such receiver."))
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """A delivery as the person sees it."""

    delivery: DeliveryRow
    appeal: AppealRow
    """Masked."""
    public_id: str
    newer: int | None
    """The newest later version that the receiver has."""
    shown: str
    """What a form carries, so that what was shown is done and nothing else."""


async def seen(page: Page, found: DeliveryOfAppeal | None) -> Seen | None:
    """Return a delivery as the person sees it; None where its appeal is none of theirs, or there is none."""
    if found is None or not page.viewer.sees(found.appeal):
        return None
    return Seen(
        found.delivery,
        await page.views.row(found.appeal),
        found.appeal.public_id,
        found.newer,
        str(Shown.of(found.delivery)),
    )
