"""Certificates used by source wires, with their known ends, for people and alerts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from appealbus.core.clocks import day_of
from appealbus.core.lazy_text import LazyText, told

SOON = timedelta(days=30)
"""Warning time before the end: an authority takes days to issue a new one, a state's longer."""


PURPOSES = (told("signs our questions"), told("signs its answers"), told("issues certificates"))
"""Known purposes, so that catalogues include them."""


@dataclass(frozen=True, slots=True)
class CertificateState:
    """One certificate, as its file says.

    Attributes:
        name: of its file, or what else tells it from the wire's others; without personal data.
        purpose: what it is for, in words: `signs our questions`.
        subject: the common name of whom it belongs to, which may be a person's: it is shown by `check` alone, and goes
            into no journal, metric or log.
        not_before: from when on it counts.
        not_after: until when.

    """

    name: str
    purpose: str
    subject: str
    not_before: datetime
    not_after: datetime

    def trouble(self, now: datetime) -> LazyText | None:
        """Return why it does not count, or soon will not; None where all is well."""
        names = {"name": self.name, "purpose": told(self.purpose)}
        if now < self.not_before:
            return told(
                "certificate {name} ({purpose}) counts only from {since} UTC on",
                **names,
                since=f"{self.not_before:%Y-%m-%d %H:%M}",
            )
        if self.is_over(now):
            return told("certificate {name} ({purpose}) ended on {day}: renew it", **names, day=day_of(self.not_after))
        if self.not_after - now < SOON:
            return told(
                "certificate {name} ({purpose}) ends on {day}: have it renewed", **names, day=day_of(self.not_after)
            )
        return None

    def is_over(self, now: datetime) -> bool:
        """Return whether it counts no longer."""
        return now > self.not_after
