"""What a look at the bus finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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
    """One thing that is not as it should be, or worth knowing."""

    severity: Severity
    about: str
    """What it is about: `workers`, `source egkn`, `receiver registry`."""
    detail: str
    """What is wrong, in a sentence without personal data."""
    todo: str
    """What to do about it."""

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
