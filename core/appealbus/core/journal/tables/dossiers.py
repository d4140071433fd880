"""Versions of dossiers, the documents that they are made of, and on their way to receivers."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text, UniqueConstraint

from appealbus.core.journal.tables.base import Id, Moment, metadata, partial_index

document = Table(
    "document",
    metadata,
    Column("appeal_id", Id, ForeignKey("appeal.id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""What versions are made of, each kept once under the SHA-256 of its bytes: an appeal's forms, its records."""

dossier = Table(
    "dossier",
    metadata,
    Column("appeal_id", Id, ForeignKey("appeal.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("completeness", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("region", Text, nullable=False, server_default=""),
    Column("epoch", Integer, nullable=False, server_default="1"),
    Column("parts", LargeBinary),
    Column("size", Integer, nullable=False, server_default="0"),
)
"""Versions. `document` is the skeleton, and `parts` the digests of the documents that stand in it, one after the other,
with which it has `size` bytes. None: an older program wrote it, and it is whole.
"""
SUPERSEDES = dossier.c.version > 1
partial_index("ix_dossier_superseding", dossier.c.created_at, where=SUPERSEDES)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("appeal_id", Id, ForeignKey("appeal.id"), nullable=False),
    Column("receiver", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("last_error", Text),
    Column("strikes", Integer, nullable=False, server_default="0"),
    Column("begun_by", Text),
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("alone_since", Moment),
    Column("skipped_at", Moment),
    UniqueConstraint("appeal_id", "receiver", "version"),
)
"""Versions on their way. One that a receiver will never take waits alone (`alone_since`) until somebody decides."""

WAITS = outbox.c.sent_at.is_(None) & outbox.c.alone_since.is_(None)
"""It goes out as soon as it is due."""
ALONE = outbox.c.alone_since.is_not(None) & outbox.c.skipped_at.is_(None)
"""It waits for somebody's decision."""
partial_index("ix_outbox_unsent", outbox.c.receiver, outbox.c.next_attempt_at, outbox.c.id, where=WAITS)
partial_index("ix_outbox_alone", outbox.c.receiver, outbox.c.id, where=ALONE)
LACKED = outbox.c.sent_at.is_(None) & outbox.c.skipped_at.is_(None)
"""Its receiver has not confirmed it, and nobody has given it up."""
# With the appeal: what a receiver lacks is listed by how long it waits, and counted, without a look at the rows.
partial_index("ix_outbox_lacked", outbox.c.receiver, outbox.c.id, outbox.c.appeal_id, where=LACKED)
SENT = outbox.c.sent_at.is_not(None)
"""Its receiver has confirmed it."""
partial_index("ix_outbox_sent", outbox.c.receiver, outbox.c.sent_at, outbox.c.id, where=SENT)
