"""Messages that are no appeals: changes, and what could not be taken or is taken alone."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from appealbus.core.journal.tables.base import Id, Moment, metadata, partial_index

change = Table(
    "change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("appeal_id", Id, ForeignKey("appeal.id")),
    Column("number", Text),
    Column("of_message", Text),
    Column("of_channel", Text),
    Column("kind", Text, nullable=False),
    Column("dated_at", Moment, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("sender", Text),
    Column("refused", Text),
    Column("says", Text),
    Column("reserved", Id),
    UniqueConstraint("message_id", "channel"),
    sqlite_autoincrement=True,
)
"""Messages about known appeals. Without `appeal_id` one waits for its appeal, named by `number`, its message or both.

The appeal must have come by `of_channel`; None: by any. `sender` is who sent one that waits, with its scopes.
One that its sender may not make waits in vain, and is in quarantine as well: `refused` is the code.
`says` is what decides who may make it, None from an earlier release; `reserved` the id that it has in quarantine, if it
gets there: given as it comes, so that no id tells when.
"""
Index("ix_change_sent", change.c.channel, change.c.kind)
_waits_for_appeal = change.c.appeal_id.is_(None)
partial_index("ix_change_appeal", change.c.appeal_id, where=~_waits_for_appeal)
partial_index("ix_change_number", change.c.number, where=_waits_for_appeal)
partial_index("ix_change_message", change.c.of_message, where=_waits_for_appeal)
partial_index("ix_change_waiting", change.c.received_at, where=_waits_for_appeal)
