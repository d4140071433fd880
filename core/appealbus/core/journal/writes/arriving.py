"""An appeal that is about to be written down, with all that does not depend on its number.

On PostgreSQL one worker gives numbers at a time, and the others wait: what is made here is made before that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Self

from appealbus.core.clocks import day_of
from appealbus.core.domain.document import Document, Unnumbered, appeal_document
from appealbus.core.domain.public_id import new_tag
from appealbus.core.journal import columns, series
from appealbus.core.journal.duplicates import digest
from appealbus.core.journal.key import JournalKey, Marked
from appealbus.core.journal.naming import named_by_appeal
from appealbus.core.journal.rows import NewAppeal
from appealbus.core.journal.sketch import Sketch
from appealbus.core.journal.writes.urgency import urgency_of
from appealbus.schemas.notes import numbered


@dataclass(frozen=True, slots=True)
class Arriving:
    """An appeal to write down."""

    new: NewAppeal
    foreign: str | None
    """The number that it came with. One of the bus's own series is none: only the bus gives these."""
    series: str
    """The series that its number comes from: a new one each year of the country, and after each restore."""
    text: Unnumbered
    marked: Sequence[Marked]
    """Marks of whom and what it names."""
    row: Mapping[str, Any]
    """Its columns, without what its number and the moment of its writing give."""
    owner: str | None
    """To whom it is leased at once."""
    seconds: float
    """For how long."""
    sketch: Sketch | None = None
    """Of its text; None where nobody compares texts."""

    @classmethod
    def of(
        cls,
        new: NewAppeal,
        prefix: str,
        epoch: int,
        key: JournalKey,
        *,
        owner: str | None,
        seconds: float,
        sketch: Sketch | None = None,
    ) -> Self:
        """Make all that can be made of an appeal before it has a number.

        Args:
            new: the appeal.
            prefix: what the numbers begin with that the bus gives.
            epoch: the journal's.
            key: makes the marks of whom it names.
            owner: to whom it is leased at once, if to anybody.
            seconds: for how long.
            sketch: of its text.

        """
        number = new.appeal.number
        foreign = None if number is None or series.is_own(number, prefix) else number
        return cls(
            new,
            foreign,
            series.of(prefix, day_of(new.accepted_at).year, epoch),
            Unnumbered.of(new.appeal if number == foreign else numbered(new.appeal, "", own=True)),
            key.marked(named_by_appeal(new.appeal)),
            _row(new, owner),
            owner,
            seconds,
            sketch,
        )

    @property
    def said(self) -> bytes:
        """The digest of all that the sender gave."""
        said: bytes = self.row["digest"]
        return said

    @property
    def key(self) -> tuple[str, str]:
        """What tells messages apart."""
        return self.new.appeal.message_id, self.new.appeal.channel

    def document(self, number: str) -> Document:
        """Return its document with the number that it has got."""
        if self.foreign in (None, number):
            return self.text.numbered(number)
        return appeal_document(numbered(self.new.appeal, number))  # another has the one that it came with


def _row(new: NewAppeal, owner: str | None) -> Mapping[str, Any]:
    return {
        "channel": new.appeal.channel,
        "message_id": new.appeal.message_id,
        "digest": new.said or digest(new.appeal),
        "accepted_at": new.accepted_at.astimezone(UTC),
        "accepted_by": new.accepted_by,
        "urgency": urgency_of(new.appeal.due_on or new.due_on),
        "state": "ready" if owner is None else "in_work",
        "due_at": None,
        "lease_owner": owner,
        "version": 0,
        "completeness": None,
        "changed_at": new.accepted_at,
        "changes": 0,
        "closed": None,
        "lacks": None,
        "tag": new_tag(),
        **columns.of_appeal(new.appeal),
    }
