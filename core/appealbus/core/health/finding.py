"""Findings of health checks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appealbus.core.lazy_text import LazyText, Translator, all_to


class Severity(StrEnum):
    """Severities, worst first."""

    CRITICAL = "critical"
    """Work has stopped, or data will be lost."""
    WARNING = "warning"
    INFO = "info"
    """Worth knowing: intended, or resolves itself. Health stays good."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem or a note.

    Attributes:
        what: the subject: `workers`, `source egkn`, `receiver registry`.
        says: parts of the problem's sentence, without personal data.
        does: the remedy.
    """

    severity: Severity
    what: LazyText
    says: Sequence[LazyText]
    does: LazyText

    @property
    def about(self) -> str:
        return str(self.what)

    @property
    def detail(self) -> str:
        return "; ".join(map(str, self.says))

    @property
    def todo(self) -> str:
        return str(self.does)

    def to(self, reader: Translator) -> tuple[str, str, str]:
        return self.what.to(reader), all_to(reader, self.says), self.does.to(reader)

    @property
    def plain(self) -> dict[str, str]:
        """English texts, for JSON."""
        return {"severity": self.severity.value, "about": self.about, "detail": self.detail, "todo": self.todo}

    @property
    def told(self) -> tuple[str, str]:
        return self.detail, self.todo

    def __str__(self) -> str:
        return f"{self.about}: {self.detail}; {self.todo}"


_ORDER = {severity: place for place, severity in enumerate(Severity)}


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings by severity, stably."""
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


def all_is_well(findings: Iterable[Finding]) -> bool:
    """Whether nobody has to do anything."""
    return all(finding.severity is Severity.INFO for finding in findings)
