"""Days of a bus in seconds: each has a night with its agencies away, a morning with letters, an evening."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from appealbus.core.cli.exits import EXIT_AWAY
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import figures
from appealbus.core.journal.journal import Journal
from appealbus.schemas import Appeal
from tests.services.clock import Clock
from tests.system.installation import SERVICES, Installation
from tests.system.program import Finished, Program, appealbus

NIGHT, MORNING, EVENING = 3.0, 10.0, 21.5
"""Hours. Of a day's quota nothing is kept for first versions any more in the evening."""
_READ_AGAIN = 1.0
"""Seconds until all processes have seen a step of the clock."""
_STARTS = 4
AWAY = {name: {"http_502": 1.0} for name in SERVICES}


def environment(clock: Clock) -> Mapping[str, str]:
    """Return what a process needs to live in these days.

    A database has another user, who may not share memory with the tests'; times of files cost each look at one much.
    """
    once_a_second = {"FAKETIME_CACHE_DURATION": "0"}
    return {**clock.environment, **once_a_second, "FAKETIME_DISABLE_SHM": "1", "NO_FAKE_STAT": "1"}


def put(clock: Clock, moment: datetime) -> timedelta:
    """Set a clock to a moment, never back, which databases do not bear; return how far that is from the right time."""
    ahead = moment - datetime.now(UTC)
    clock.step(f"{ahead.total_seconds():+.3f}")
    return ahead


@dataclass(slots=True)
class Days:
    """An installation that goes from day to day, and who reads its log meanwhile.

    Attributes:
        log: what the reader has got, in its order.
        calls: that came to the source with a quota, for each day.
        told: what health said last: at night, and in evenings by whether appeals waited.

    """

    here: Installation
    clock: Clock
    first: datetime
    limited: str
    """The source with a quota."""
    log: list[dict[str, Any]] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    told: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    _cursor: str = "1.0"
    _ahead: timedelta = timedelta()
    _before: int = 0
    _coming: set[str] = field(default_factory=set)

    @property
    def environment(self) -> Mapping[str, str]:
        """Of all processes that live in these days."""
        return environment(self.clock)

    @property
    def now(self) -> datetime:
        """The moment, by the clock of these days."""
        return datetime.now(UTC) + self._ahead

    @property
    def today(self) -> datetime:
        """When the day begins that is today."""
        return self.now.astimezone(KAZAKHSTAN).replace(hour=0, minute=0, second=0, microsecond=0)

    def go_to(self, day: int, hour: float) -> None:
        """Go to an hour of a day, while no bus runs."""
        self._ahead = put(self.clock, self.first + timedelta(days=day, hours=hour))
        time.sleep(_READ_AGAIN)

    def command(self, *arguments: str) -> Finished:
        """Run a command to its end."""
        return appealbus(self.here.folder, *arguments, env=self.environment)

    @contextmanager
    def bus(self) -> Iterator[Program]:
        """Let the bus run, and stop it."""
        with self.here.start("run", env=self.environment) as bus:
            bus.until(lambda: "bus.started" in bus.err, "the bus runs")
            yield bus
            assert bus.stop().code == 0

    def night(self, letters: Sequence[Appeal]) -> None:
        """Have letters come while all agencies are away, until health tells of it."""
        self.here.agencies.misbehave(**AWAY)
        self._come(letters)
        with self.bus() as bus:
            bus.until(lambda: self._says("its breaker is open"), "health tells that agencies are away")
            self.told["night"].append(self.health())
            bus.until(self._all_is_done, "each letter has been worked")
        self.here.agencies.misbehave()

    def morning(self, letters: Sequence[Appeal], meanwhile: Callable[[Program], None] | None = None) -> None:
        """Have letters come and work as much as there is work now."""
        self._come(letters)
        if meanwhile is None:
            self._work()
            return
        with self.bus() as bus:
            meanwhile(bus)
            bus.until(self._all_is_done, "each letter has been worked")

    def evening(self, letters: Sequence[Appeal]) -> int:
        """Have the day's letters come again, and use what is left of the quota; return how many wait for a call."""
        self._come(letters)
        with self.bus() as bus:
            bus.until(self._all_is_done, "what is left of the quota is used")
            waiting = sum(row.state is not AppealState.IDLE for row in self.here.rows())
            if waiting:
                bus.until(lambda: self._says("its quota of the day is used up"), "health tells of the backlog")
            bus.until(lambda: "workers" not in self._about(), "health sees the bus that has just started")
            self.told["waiting" if waiting else "quiet"].append(self.health())
            self.read_log()
        seen = sum(self.here.agencies.answers(self.limited).values())
        self.calls.append(seen - self._before)
        self._before = seen
        return waiting

    def _work(self) -> None:
        """Let the bus run until nothing is left to do; like whoever starts it, again where its database was away."""
        codes = [EXIT_AWAY]
        while codes[-1] == EXIT_AWAY and len(codes) < _STARTS:
            with self.here.start("run", "--until-idle", env=self.environment) as bus:
                codes.append(bus.ended().code)
        assert codes[-1] == 0, codes

    def health(self) -> dict[str, Any]:
        """Return what health says."""
        with self.here.start("health", "--json", env=self.environment) as program:
            told: dict[str, Any] = program.ended().json()
        return told

    def read_log(self) -> None:
        """Go on reading the log where the last page ended."""
        done = self.command("tail", "--after", self._cursor, "--json")
        *entries, end = map(json.loads, done.out.splitlines())
        self.log += entries
        self._cursor = end["next"]

    def _says(self, what: str) -> bool:
        return any(what in finding["detail"] for finding in self.health()["findings"])

    def _about(self) -> set[str]:
        return {finding["about"] for finding in self.health()["findings"]}

    def _come(self, letters: Sequence[Appeal]) -> None:
        self._coming = set(self.here.write(each.model_copy(update={"received_at": self.today}) for each in letters))
        if not letters:
            self.here.appeals.write_text("")  # an empty line is a message

    def _all_is_done(self) -> bool:
        """Whether all that came has a receipt and nothing is left to do now."""
        if not self._coming <= {receipt["message_id"] for receipt in self.here.acknowledged()}:
            return False

        async def busy(journal: Journal) -> bool:
            counts, due = await journal.ask(figures.counts), await journal.ask(figures.next_due)
            works = counts.ready or counts.in_work or counts.suspect or any(counts.outbox.values())
            return bool(works) or (due is not None and due <= self.now)

        return not self.here.read(busy)
