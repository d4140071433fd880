"""What needs a person, and the figures of the whole bus."""

from appealbus.core.domain.spans import Pace
from appealbus.core.health.facts import OVERDUE_FOR, Facts
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.journal.figures import counts, newest_with_warnings, next_due, pace
from appealbus.core.journal.state import how_it_stands
from appealbus.core.rights.findings import Health, health_of, seen_finding

__all__ = ["OVERDUE_FOR", "Facts", "Finding", "Health", "Pace", "Severity"]
__all__ += ["counts", "health_of", "how_it_stands", "newest_with_warnings", "next_due", "pace", "seen_finding"]
