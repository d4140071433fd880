"""State of a source: settings, reports of workers, and orders of people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from appealbus.core.domain.counts import ParkedFor
from appealbus.core.domain.pauses import Pause, Period, SourceNews
from appealbus.core.domain.source_state import BreakerState, CertificateState, SourceState
from appealbus.core.journal import pauses as journal_pauses
from appealbus.core.journal import waiting as journal_waiting
from appealbus.core.journal import workers
from appealbus.core.operations.outages import Asked
from appealbus.core.rights.viewer import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("sources", "Sources", place=40, path="/sources", needs=Action.WHY)


@dataclass(frozen=True)
class Sight:
    """One source at one moment.

    Attributes:
        name: of the source.
        asked: its settings; None: it is no longer configured.
        state: last report of the workers; None: there is none yet.
        pause: the current pause.
        parked: queries waiting for it; None: there are none.
        news: recent history of all sources.
        now: by the journal's clock.
    """

    name: str
    asked: Asked | None
    state: SourceState | None
    pause: Pause | None
    parked: ParkedFor | None
    news: SourceNews
    now: datetime

    @cached_property
    def closed_until(self) -> datetime | None:
        return None if self.asked is None else self.asked.closed_until(self.now)

    @cached_property
    def quotas(self) -> list[tuple[Period, int, int]]:
        return [] if self.asked is None else self.asked.quotas(self.news.used, self.now)

    @cached_property
    def standing(self) -> str:
        """The worst applicable state in a word; first come the states in which no call is made."""
        if self.pause is not None:
            return "paused"
        if self.state is not None and self.state.breaker == BreakerState.OPEN:
            return "open"
        if self.closed_until is not None:
            return "closed"
        if any(left <= 0 for _, left, _ in self.quotas):
            return "spent"
        if self.state is None:
            return "unknown"
        return "half_open" if self.state.breaker == BreakerState.HALF_OPEN else "answers"

    @property
    def failing_certificates(self) -> list[CertificateState]:
        return (
            []
            if self.state is None
            else [certificate for certificate in self.state.certificates if certificate.trouble(self.now)]
        )

    @property
    def drift(self) -> int:
        """Number of reply paths that deviate from the declaration."""
        state = self.state
        return 0 if state is None else len(state.unread) + len(state.unreadable) + len(state.differences)


_WORST = ("open", "paused", "spent", "half_open", "closed", "unknown", "answers")


async def all_sights(page: Page) -> list[Sight]:
    """Return all sources; those that need a person first."""
    journal = page.journal
    known, news = await page.console.sources(), await journal.ask(journal_pauses.news)
    states, parked = await journal.ask(workers.source_states), await journal.ask(journal_waiting.parked_for)
    return sights_of(known, states, parked, news, journal.now())


def sights_of(
    known: Mapping[str, Asked],
    told: Iterable[SourceState],
    waiting: Iterable[ParkedFor],
    news: SourceNews,
    now: datetime,
) -> list[Sight]:
    """Return all known sources, configured or not; those that need a person first."""
    states, parked = {each.source: each for each in told}, {each.source: each for each in waiting}
    pauses = {name: each for name, each in news.pauses.items() if each.until > now}
    found = [
        Sight(name, known.get(name), states.get(name), pauses.get(name), parked.get(name), news, now)
        for name in known.keys() | states.keys() | parked.keys() | pauses.keys()
    ]
    return sorted(found, key=lambda each: (_WORST.index(each.standing), each.name))


async def sight_of(page: Page) -> Sight:
    """Return the source in the path; raise Refused if it does not exist."""
    name = page.request.path_params["name"]
    found = next((sight for sight in await all_sights(page) if sight.name == name), None)
    if found is None:
        raise Refused(404, page.words.say("There is no such source."))
    return found
