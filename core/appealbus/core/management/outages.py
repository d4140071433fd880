"""Forecasts due dates for a source that stays away; changes nothing and asks nobody."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from appealbus.core.clocks import day_of
from appealbus.core.config.loading import Loaded
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.pauses import DueDay, Needs, Outage, Period, Quota, QuotaUse
from appealbus.core.domain.selection import NOWHERE, ListPosition
from appealbus.core.errors import ConfigError
from appealbus.core.guards.pace import Pace
from appealbus.core.guards.settings import Calendar, GuardSettings
from appealbus.core.journal import pauses, workers
from appealbus.core.journal import waiting as journal_waiting
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host
from appealbus.core.loading.parts import build

__all__ = ["SourceSetup", "asked", "missing", "outage"]


@dataclass(frozen=True, slots=True)
class SourceSetup:
    """How a source is asked, by the configuration. `kinds` None: unknown; `calls` are without fan-out."""

    name: str
    guard: GuardSettings
    kinds: tuple[str, ...] | None = None
    lookups: frozenset[str] = frozenset()
    calls: int = 1

    @property
    def needs(self) -> Needs:
        return Needs(self.name, self.kinds)

    def closed_until(self, now: datetime) -> datetime | None:
        return Calendar(self.guard.closed).closed_until(now)

    def quotas(self, used: Sequence[QuotaUse], now: datetime) -> list[tuple[Period, int, int]]:
        most = self.guard.quotas()
        left = Quota(most).left([use for use in used if use.source == self.name], now)
        return [(period, left[period], n) for period, n in most.items()]


def asked(loaded: Loaded, host: Host) -> dict[str, SourceSetup]:
    """Return the configured sources by name. If a part of the configuration is broken, kinds are unknown."""
    sources = loaded.settings.sources
    try:
        contracts = build(loaded, host).contracts.known_to()
    except ConfigError:
        return {name: SourceSetup(name, source.guard) for name, source in sources.items()}
    by_source = {}
    for name, source in sources.items():
        by_kind = {
            kind: frozenset(lookup for lookup, source in contract.sources.items() if source == name)
            for kind, contract in contracts.items()
        }
        kinds = tuple(kind.value for kind, lookups in by_kind.items() if kind and lookups)
        most = max((len(lookups) for lookups in by_kind.values()), default=0)
        by_source[name] = SourceSetup(name, source.guard, kinds, frozenset().union(*by_kind.values()), max(1, most))
    return by_source


async def outage(journal: Journal, source: SourceSetup, until: datetime) -> Outage:
    """Return the due dates missed if a source is available from `until` on only.

    Appeals are then asked by urgency, as fast as rate, parallel calls, windows and quotas allow.
    """
    now = journal.now()
    waiting = await journal.ask(journal_waiting.by_day, source.needs)
    used = [use for use in (await journal.ask(pauses.news)).used if use.source == source.name]
    took = {state.source: state.p50 for state in await journal.ask(workers.source_states)}.get(source.name)
    today = day_of(now)
    pace = Pace(source.guard, source.calls, took, used, now)
    (then, over_at), (else_, _) = (_in_time(waiting.days, pace.by_day(max(at, now))) for at in (until, now))
    days = [
        DueDay(day, count, count - then[day], count - else_[day]) for day, count in waiting.days.items() if day >= today
    ]
    overdue = sum(count for day, count in waiting.days.items() if day < today)
    return Outage(source.name, until, days, overdue, waiting.more, over_at)


async def missing(
    journal: Journal, source: SourceSetup, outage: Outage, after: ListPosition = NOWHERE, limit: int = 50
) -> list[AppealRow]:
    """Return a page of appeals that miss their days, by due date, then last asked first."""
    return await journal.ask(journal_waiting.missing, source.needs, outage.missed_days, after, limit)


def _in_time(days: Mapping[date, int], room: Iterator[tuple[date, float]]) -> tuple[dict[date, int], date | None]:
    """Return appeals asked in time per due day, and the day of the last one of all."""
    before, total = dict[date, int](), 0
    for day in sorted(days):
        before[day], total = total, total + days[day]
    in_time, ahead, reached = dict[date, int](), deque(sorted(days)), 0.0
    for day, number in chain(room, [(date.max, 0.0)]):
        while ahead and ahead[0] < day:
            over = ahead.popleft()
            in_time[over] = int(min(max(reached - before[over], 0), days[over]))
        reached += number
        if reached >= total:
            return in_time | {due: days[due] for due in ahead}, day
    return in_time, None
