"""The part of the journal that tells who did what, and who looked at what."""

from appealbus.core.journal.asking import Asking, asks
from appealbus.core.journal.reads import audit_log as deed_reads
from appealbus.core.journal.reads import clients


class Accounting(Asking):
    """Tells of people, the newest first. Lists are paged by key: pass what a page calls `next` as `before`."""

    deeds = asks(deed_reads.deeds)
    looks_at = asks(deed_reads.looks_at)
    asked = asks(deed_reads.asked)
    credentials_of = asks(clients.credentials_of)
    last_uses = asks(clients.last_uses)
