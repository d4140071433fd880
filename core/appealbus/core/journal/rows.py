"""What goes into the journal and comes out of it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from appealbus.core.domain.listing import AppealRow
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


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A dossier version that a receiver has not confirmed yet."""

    delivery_id: int
    appeal_id: int
    receiver: str
    number: str
    version: int
    completeness: str
    attempts: int
    dossier: bytes
    region: str
    strikes: int
    """How often the delivery raised over it alone."""
    begun_by: str | None = None
    """The worker whose hand-over of it was noted and has not ended: unless that is alive, it died meanwhile."""
    deaths: int = 0
    """How many died, one after the other, while they handed it over alone; the hand-over noted now counts already."""
    epoch: int = 1
    """Of the journal when the version was made."""
    created_at: datetime | None = None
    """When the version was made."""


class DeliveryState(StrEnum):
    """How a version stands with one receiver."""

    WAITING = "waiting"
    """It goes out when it is due."""
    ALONE = "alone"
    """The receiver will not take it; it waits for a decision."""
    SKIPPED = "skipped"
    """Somebody gave it up."""
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One version and one receiver, in a list."""

    id: int
    receiver: str
    number: str
    version: int
    state: DeliveryState
    reason: str | None
    """A code of ours, or what the person wrote who gave it up."""
    attempts: int
    since: datetime
    """When it began to be so; of what waits, when the version was made."""
    next_attempt_at: datetime | None
    """Of what waits."""


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """How a receiver stands with what is to be delivered to it.

    Attributes:
        name: as in the configuration that it stood in.
        waiting: versions on their way to it.
        oldest: of these the one that was made first, with why it failed last.
        refused: versions that it will not take, and that wait for a decision.
        first_refused: of these the first one.
        confirmed_at: when it confirmed a version last.

    """

    name: str
    waiting: int = 0
    oldest: DeliveryRow | None = None
    refused: int = 0
    first_refused: DeliveryRow | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryOfAppeal:
    """A delivery in the list of its receiver.

    Attributes:
        delivery: how it stands.
        appeal: whose version it is.
        newer: the newest later version that the receiver has confirmed; None: there is none.

    """

    delivery: DeliveryRow
    appeal: AppealRow
    newer: int | None = None
