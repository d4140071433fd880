"""Sketches of older texts, which were accepted before anybody compared texts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from appealbus.core.journal.appeals import forms
from appealbus.core.journal.appeals.forms import missing_sketches
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.sketch import Sketch, Sketcher
from appealbus.core.packing import unpack
from appealbus.schemas.stored import APPEAL


@dataclass(frozen=True, slots=True)
class Drawn:
    """The id up to which all appeals have sketches, and how many got theirs now."""

    upto: int
    drawn: int


async def sketch_missing(journal: Journal, after: int) -> Drawn | None:
    """Give sketches to the next appeals behind an id that have none; None where none is behind it.

    One that cannot be read gets an empty one. On disk when it returns.
    """
    found = await journal.ask(missing_sketches, after)
    if found is None:
        return None
    rows, upto = found
    drawn = await asyncio.to_thread(_drawn, journal.key.sketcher, rows) if rows else []
    if drawn:
        await journal.do(forms.Fill(drawn))
    return Drawn(upto, len(drawn))


def _drawn(sketcher: Sketcher, rows: Sequence[tuple[int, bytes, bytes]]) -> list[forms.Filling]:
    return [forms.Filling(appeal_id, content, _of(sketcher, body)) for appeal_id, content, body in rows]


def _of(sketcher: Sketcher, body: bytes) -> Sketch:
    try:
        return sketcher.of(APPEAL.read(unpack(body)).text)
    except Exception:  # damage takes any form, and is told by whoever reads the appeal itself
        return ()
