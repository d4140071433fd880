"""Operations on many appeals or deliveries, with a verdict for each row."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import orjson


class Operation(StrEnum):
    RETRY = "retry"
    """Ask open questions again at once."""
    REFRESH = "refresh"
    """Ask all questions again, also successful ones."""
    ASSESS = "assess"
    """Assess dossiers again without asking questions."""
    HOLD = "hold"
    RELEASE = "release"
    RESEND = "resend"
    """Deliver versions again; the rows are deliveries."""
    HISTORY = "history"
    """Deliver earlier versions to a new receiver; the rows are log positions."""


class ItemResult(StrEnum):
    DONE = "done"
    IN_WORK = "in_work"
    """Refused: a worker has the appeal right now."""
    HELD = "held"
    NOT_HELD = "not_held"
    GONE = "gone"
    """The appeal or delivery no longer exists."""
    NEWER = "newer_delivered"
    """The receiver has a newer version, or soon will; this one would arrive out of order."""
    NOTHING = "nothing_to_do"
    """Already done, or the appeal has ended."""

    @property
    def refused(self) -> bool:
        """Whether a required action was refused."""
        return self in (ItemResult.IN_WORK, ItemResult.HELD, ItemResult.NOT_HELD)


@dataclass(frozen=True, slots=True)
class Order:
    operation: Operation
    everything: bool = False
    """For a retry: also repeat questions that were refused or not found."""
    receiver: str = ""
    """For a history: the recipient."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """An operation with its rows, fixed at one moment."""

    order: Order
    ids: "array[int]" = field(repr=False)
    """Appeals, deliveries or log positions, in order."""
    selected_by: Mapping[str, Any] = field(default_factory=dict)
    """The selection for the log, without personal data."""

    @property
    def hash(self) -> str:
        """The confirmation hash, unique to the rows and the operation."""
        order = self.order
        to = [order.receiver] if order.receiver else []
        head = orjson.dumps([order.operation, order.everything, *to])
        return sha256(head + b"\n" + self.ids.tobytes()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Progress:
    hash: str
    operation: Operation
    total: int
    verdicts: Mapping[str, int]
    """Rows so far, by verdict."""
    id: int = 0
    left_out: tuple[tuple[str, ItemResult], ...] = ()
    """Skipped rows of the last step: number or id, and the verdict."""

    @property
    def seen(self) -> int:
        return sum(self.verdicts.values())

    @property
    def finished(self) -> bool:
        return self.seen >= self.total

    @property
    def refused(self) -> int:
        return sum(count for verdict, count in self.verdicts.items() if ItemResult(verdict).refused)


@dataclass(frozen=True, slots=True)
class OperationRow:
    hash: str
    operation: Operation
    at: datetime
    by: str
    reason: str
    total: int
    seen: int
    id: int
    order: Order
    verdicts: Mapping[str, int]
    selected_by: Mapping[str, Any]
    moved_at: datetime
    """End of its last part."""
    stopped_by: str = ""
    """Empty if not stopped."""
    ended_at: datetime | None = None
    """None: unfinished."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """A skipped row: id of an appeal or delivery, or log position."""

    id: int
    verdict: ItemResult
    place: int
    """Start of the next page."""
