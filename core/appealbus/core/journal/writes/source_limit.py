"""What the journal notes of a source for all workers together: its breaker, and the tokens that nobody holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from appealbus.core.domain.limits import Probe, Report, Share


@dataclass(slots=True)
class SourceLimit:
    """A row of `source_limit`."""

    source: str
    tokens: float
    filled_at: datetime
    failures: int = 0
    era: int = 1
    open_until: datetime | None = None
    probe_owner: str | None = None
    probe_until: datetime | None = None
    back_at: datetime | None = None

    def row(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {name: getattr(self, name) for name in self.__slots__}

    def judge(self, worker: str, report: Report, now: datetime) -> None:
        """Let a worker's news change the breaker, and let it probe if it asks and nobody does."""
        news = report.news
        if news.era == self.era:
            if self.open_until is None:
                self.failures = news.failures if news.succeeded else self.failures + news.failures
                if self.failures >= report.breaker_failures:
                    self._become(now + timedelta(seconds=report.breaker_open))
            elif self.probe_owner == worker:
                if news.failures:
                    self._become(now + timedelta(seconds=report.breaker_open))
                elif news.succeeded:
                    self._become(None)
                    self.back_at = now
                elif news.dropped:
                    self.probe_owner = self.probe_until = None
        due = self.open_until is not None and self.open_until <= now
        if news.asks and due and self.probe(worker, now) is not Probe.OTHER:
            self.probe_owner, self.probe_until = worker, now + timedelta(seconds=report.lease)

    def probe(self, worker: str, now: datetime) -> Probe:
        """Return who probes, as the worker sees it. One that died probing does so until its lease ends."""
        if self.probe_owner is None or self.probe_until is None or self.probe_until <= now:
            return Probe.NOBODY
        return Probe.MINE if self.probe_owner == worker else Probe.OTHER

    def _become(self, open_until: datetime | None) -> None:
        """Open the breaker, or close it."""
        self.era += 1
        self.failures = 0
        self.open_until = open_until
        self.probe_owner = self.probe_until = None

    def pour(self, report: Report, share: Share, free: int, left: int, now: datetime) -> float:
        """Fill the `free` parts that nobody held till now, and return the tokens that go with what the worker gains.

        Each token is at one place: in a part that a worker holds, or in one of the `left` that nobody holds from now
        on. So no window has more than its tokens.
        """
        if report.parts is None:
            return 0.0
        held, returned = (0, 0.0) if share.is_new else (report.parts.held, report.returned)
        elapsed = max(0.0, (now - self.filled_at).total_seconds())
        tokens = min(float(free), self.tokens + elapsed * report.rate * free / report.parts.limit) + returned
        given = min(tokens, float(max(0, share.usable - held)))
        if free != left or report.returned or given:
            self.tokens, self.filled_at = min(float(left), tokens - given), now
        return given
