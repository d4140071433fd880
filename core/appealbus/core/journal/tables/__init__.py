"""The journal's tables: one schema for SQLite and PostgreSQL."""

from appealbus.core.journal.tables.appeals import HELD, IDLE, IN_WORK, LACKS, PARKED, READY, SUSPECT, appeal, subject
from appealbus.core.journal.tables.base import Id, Moment, metadata, to_moment, to_number
from appealbus.core.journal.tables.dossiers import ALONE, SUPERSEDES, WAITS, document, dossier, outbox
from appealbus.core.journal.tables.log import epoch, log_entry, log_unplaced
from appealbus.core.journal.tables.messages import change, quarantine, suspect_message
from appealbus.core.journal.tables.questions import access, awaited, known_lookup, lookup, reply, used_answer
from appealbus.core.journal.tables.workers import (
    counter,
    lease,
    source_limit,
    source_share,
    source_state,
    standing,
    worker,
)

__all__ = [
    "ALONE",
    "HELD",
    "IDLE",
    "IN_WORK",
    "LACKS",
    "PARKED",
    "READY",
    "SUPERSEDES",
    "SUSPECT",
    "WAITS",
    "Id",
    "Moment",
    "access",
    "appeal",
    "awaited",
    "change",
    "counter",
    "document",
    "dossier",
    "epoch",
    "known_lookup",
    "lease",
    "log_entry",
    "log_unplaced",
    "lookup",
    "metadata",
    "outbox",
    "quarantine",
    "reply",
    "source_limit",
    "source_share",
    "source_state",
    "standing",
    "subject",
    "suspect_message",
    "to_moment",
    "to_number",
    "used_answer",
    "worker",
]
