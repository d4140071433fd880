"""Messages that were not taken: what they are, and taking them after all."""

from appealbus.core.bus.intake.quarantine import copies
from appealbus.core.bus.intake.quarantine_replay import Retaking, Tried, retake
from appealbus.core.journal.quarantine import (
    Closing,
    QuarantineRow,
    of_quarantine,
    quarantine_groups,
    quarantine_left,
    quarantine_row,
    quarantined,
)

__all__ = ["Closing", "QuarantineRow", "Retaking", "Tried"]
__all__ += ["copies", "of_quarantine", "quarantine_groups", "quarantine_left", "quarantine_row", "quarantined"]
__all__ += ["retake"]
