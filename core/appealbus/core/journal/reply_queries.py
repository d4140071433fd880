"""What the journal is asked about kept replies."""

from sqlalchemy import Connection, select

from appealbus.core.domain.replies import ReplyRow
from appealbus.core.journal.tables import reply

_ROW = [column for column in reply.columns if column.name != "until"]


def replies(connection: Connection, appeal_id: int) -> list[ReplyRow]:
    """Return the replies that are kept for an appeal, the newest first."""
    query = select(*_ROW).where(reply.c.appeal_id == appeal_id).order_by(reply.c.id.desc())
    return [ReplyRow(**row._mapping) for row in connection.execute(query)]
