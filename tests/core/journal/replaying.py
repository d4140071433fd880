"""Messages that have left quarantine as an appeal that a test has already."""

from appealbus.core.journal import quarantine
from appealbus.core.journal.journal import Journal


async def replayed(journal: Journal, quarantine_id: int, number: str) -> bool:
    """Note that one has; return whether it was in there."""
    noted = quarantine.Replayed(quarantine_id, number, journal.now(), journal.actor)
    return await journal._write.submit(quarantine.replayed, noted)
