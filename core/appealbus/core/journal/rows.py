"""What goes into the journal and comes out of it."""

from dataclasses import dataclass
from datetime import date, datetime

from appealbus.core.domain.sender import Sender, SenderOf
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.change import Change


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


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change to take. Its channel and message id tell it apart."""

    change: Change
    received_at: datetime
    accepted_by: str
    sender: Sender | None = None
    """Who sends it; None: one that may touch what came by its channel."""
    position: str = ""
    """Where it stood, for people."""
    actor: str = ""
    """Who makes it, for the log, with the reason that it says; empty: its channel."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change as it is listed."""

    id: int
    channel: str
    message_id: str
    received_at: datetime
    dated_at: datetime
    kind: str
    """Empty: of none that is known."""
    number: str | None
    """That it names."""
    of_message: str | None
    """The id of its appeal's message, where it names that."""
    appeal_id: int | None
    """None: it waits for its appeal."""
    refused: str | None = None
    """The code for which it waits in vain: its sender may not touch its appeal, and it is in quarantine."""
    document: bytes = b""
    """The whole; empty in lists of what waits."""


@dataclass(frozen=True, slots=True)
class ChangeTaken:
    """A change that is on disk."""

    receipt: Receipt
    """With the number of the appeal; of one that is not known the number that the change names, or none."""
    appeal_id: int | None
    """None: it waits for its appeal, or its sender may not touch that."""
    new: bool
    refused: str | None = None
    """The code for which it may not; it is told what it would be told if there were no such appeal."""
    quarantine_id: int = 0
    """Under which it is kept, if it was refused just now."""
