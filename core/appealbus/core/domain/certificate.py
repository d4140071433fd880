"""A certificate that a source's wire uses, for people and for alerts: it ends on a day that is known."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SOON = timedelta(days=30)
"""How long before its end a certificate is told of: an authority takes days for a new one, and a state's longer."""


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

    def trouble(self, now: datetime) -> str | None:
        """Return in words why it does not count, or soon will not; None where all is well."""
        if now < self.not_before:
            return f"certificate {self.name} ({self.purpose}) counts only from {self.not_before:%Y-%m-%d %H:%M} UTC on"
        if self.is_over(now):
            return f"certificate {self.name} ({self.purpose}) ended on {self.not_after:%Y-%m-%d}: renew it"
        if self.not_after - now < SOON:
            return f"certificate {self.name} ({self.purpose}) ends on {self.not_after:%Y-%m-%d}: have it renewed"
        return None

    def is_over(self, now: datetime) -> bool:
        """Return whether it counts no longer."""
        return now > self.not_after
