"""What a look at the bus finds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appealbus.core.lazy_text import LazyText, Translator, all_to


class Severity(StrEnum):
    """How bad a finding is, the worst first."""

    CRITICAL = "critical"
    """Something stands still, or will be lost: now."""
    WARNING = "warning"
    """Somebody has to do something."""
    INFO = "info"
    """Worth knowing, and meant so, or it mends itself: all is well all the same."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, or worth knowing.

    Attributes:
        severity: how bad it is.
        what: what it is about: `workers`, `source egkn`, `receiver registry`.
        says: what is wrong, in parts of a sentence without personal data.
        does: what to do about it.

    """

    severity: Severity
    what: LazyText
    says: Sequence[LazyText]
    does: LazyText

    @property
    def about(self) -> str:
        """What it is about, in English."""
        return str(self.what)

    @property
    def detail(self) -> str:
        """What is wrong, in English."""
        return "; ".join(map(str, self.says))

    @property
    def todo(self) -> str:
        """What to do about it, in English."""
        return str(self.does)

    def to(self, reader: Translator) -> tuple[str, str, str]:
        """Return all three in the language of who reads."""
        return self.what.to(reader), all_to(reader, self.says), self.does.to(reader)

    @property
    def plain(self) -> dict[str, str]:
        """All of it in English, for JSON."""
        return {"severity": self.severity.value, "about": self.about, "detail": self.detail, "todo": self.todo}

    @property
    def told(self) -> tuple[str, str]:
        """What is wrong, and what to do."""
        return self.detail, self.todo

    def __str__(self) -> str:
        return f"{self.about}: {self.detail}; {self.todo}"


_ORDER = {severity: place for place, severity in enumerate(Severity)}


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the worst first, and those that are as bad in the order in which they came."""
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


def all_is_well(findings: Iterable[Finding]) -> bool:
    """Say whether nobody has to do anything."""
    return all(finding.severity is Severity.INFO for finding in findings)
