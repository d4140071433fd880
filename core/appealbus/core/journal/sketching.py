"""The part of the journal that draws sketches of appeals that have none."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from appealbus.core.journal.sketch import Sketch
from appealbus.core.journal.tables import appeal, document, sketch
from appealbus.core.journal.writes import sketches
from appealbus.core.journal.writing import Writing
from appealbus.core.packing import unpack
from appealbus.schemas.stored import APPEAL

_BATCH = 200
"""Appeals of one transaction."""
_WINDOW = 5000
"""Ids that are looked through at once for some that have no sketch."""
_content = (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Up to which appeal all have sketches, and how many have got theirs now."""

    upto: int
    drawn: int


class Sketching(Writing):
    """Draws sketches."""

    async def sketch_missing(self, after: int) -> Drawn | None:
        """Give sketches to the next appeals behind an id that have none; None where none is behind it.

        One that cannot be read gets an empty one. On disk when it returns.
        """
        found = await self._read(lambda connection: _missing(connection, after))
        if found is None:
            return None
        rows, upto = found
        drawn = await asyncio.to_thread(self._drawn, rows) if rows else []
        if drawn:
            await self._write.submit(sketches.fill, drawn)
        return Drawn(upto, len(drawn))

    def _drawn(self, rows: Sequence[tuple[int, bytes, bytes]]) -> list[sketches.Filling]:
        return [sketches.Filling(appeal_id, content, self._of(body)) for appeal_id, content, body in rows]

    def _of(self, body: bytes) -> Sketch:
        try:
            return self.key.sketcher.of(APPEAL.read(unpack(body)).text)
        except Exception:  # damage takes any form, and is told by whoever reads the appeal itself
            return ()


def _missing(connection: Connection, after: int) -> tuple[list[tuple[int, bytes, bytes]], int] | None:
    """Return appeals of the next ids that have no sketch, and up to which all were seen; None: there are none."""
    last = connection.scalar(select(func.max(appeal.c.id))) or 0
    if after >= last:
        return None
    upto = min(after + _WINDOW, last)
    has = select(sketch.c.appeal_id).where(sketch.c.appeal_id == appeal.c.id).exists()
    query = select(appeal.c.id, appeal.c.content, document.c.body).join(document, _content)
    query = query.where(appeal.c.id > after, appeal.c.id <= upto, ~has).order_by(appeal.c.id).limit(_BATCH)
    rows = [(row.id, row.content, row.body) for row in connection.execute(query)]
    return rows, rows[-1][0] if len(rows) == _BATCH else upto
