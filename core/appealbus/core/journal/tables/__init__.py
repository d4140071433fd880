"""The journal's tables: one schema for SQLite and PostgreSQL."""

from appealbus.core.journal.tables.appeals import (
    CARRIED,
    HELD,
    IDLE,
    IN_WORK,
    LACKS,
    MARKS,
    MISDATED,
    OPEN,
    PARKED,
    READY,
    SIGNALLED,
    SUSPECT,
    UNASSESSED,
    WAITED_FOR,
    WAITS_FOR,
    appeal,
    lacking,
    subject,
)
from appealbus.core.journal.tables.base import Id, Moment, metadata, to_moment, to_number, unindexed
from appealbus.core.journal.tables.dossiers import ALONE, LACKED, SENT, SUPERSEDES, WAITS, document, dossier, outbox
from appealbus.core.journal.tables.questions import TROUBLE, lookup
from appealbus.core.journal.tables.workers import counter, standing
