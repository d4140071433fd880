"""What goes into the journal and comes out of it."""

from dataclasses import dataclass
from datetime import date, datetime

from appealbus.core.domain.sender import Sender, SenderOf
from appealbus.schemas.appeal import Appeal, Receipt


@dataclass(frozen=True, slots=True)
class NewAppeal:
    """An appeal to accept. Its channel and message id tell it apart; the journal gives the number if it has none."""

    appeal: Appeal
    accepted_at: datetime
    accepted_by: str
    due_on: date | None = None
    """Until when it has to be answered, where it does not say that itself."""
    sender_of: SenderOf = Sender.read
    """Says of changes that have waited for it who sent them, and what they may now."""
    said: bytes | None = None
    """The digest of what its sender gave, where fields of it are others since."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An appeal that is on disk."""

    appeal_id: int
    receipt: Receipt
    new: bool
    content: bytes = b""
    """The digest of its document."""
    size: int = 0
    """Bytes of that."""
    leased: bool = True
    """False where changes have waited for it: then it is ready, and nobody's."""
