"""Messages that have left quarantine as an appeal that a test has already."""

from appealbus.core.journal.journal import Journal
from appealbus.core.journal.writes import record_calls


async def replayed(journal: Journal, quarantine_id: int, number: str) -> bool:
    """Note that one has; return whether it was in there."""
    noted = record_calls.Replayed(quarantine_id, number, journal.now(), journal.actor)
    return await journal._write.submit(record_calls.replayed, noted)
