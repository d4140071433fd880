"""What a person has done to many appeals or deliveries at once, and what became of each."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import orjson


class Operation(StrEnum):
    """What can be done."""

    RETRY = "retry"
    """Open questions are asked again at once."""
    REFRESH = "refresh"
    """All questions are, those that found something, too."""
    ASSESS = "assess"
    """Dossiers are assessed again as they stand: no question is due for it."""
    HOLD = "hold"
    RELEASE = "release"
    RESEND = "resend"
    """Versions are delivered again; the rows of this one are deliveries."""
    HISTORY = "history"
    """Versions of before are delivered to a receiver that came later; the rows are positions of the log."""


class Verdict(StrEnum):
    """What became of one row."""

    DONE = "done"
    IN_WORK = "in_work"
    """Refused: a worker has the appeal right now."""
    HELD = "held"
    """Refused: the appeal is held already."""
    NOT_HELD = "not_held"
    """Refused: it is not held."""
    GONE = "gone"
    """There is no such appeal or delivery any more."""
    NEWER = "newer_delivered"
    """The receiver has got a newer version, or is about to: this one would overtake it backwards."""
    NOTHING = "nothing_to_do"
    """It is so already, or nobody asks anything for it any more."""

    @property
    def refused(self) -> bool:
        """Whether it was to be done, and is not."""
        return self in (Verdict.IN_WORK, Verdict.HELD, Verdict.NOT_HELD)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done."""

    operation: Operation
    everything: bool = False
    """Of a retry: whether also what was refused or not found is asked."""
    receiver: str = ""
    """Of a history: who gets it."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What is to be done, and to which rows: those that were selected at one moment."""

    order: Order
    ids: "array[int]" = field(repr=False)
    """In their order: of appeals, or of deliveries, or positions of the log."""
    selected_by: Mapping[str, Any] = field(default_factory=dict)
    """How they were selected, for the log: nothing personal."""

    @property
    def hash(self) -> str:
        """What a person confirms: the same for the same rows and the same order, and for nothing else."""
        order = self.order
        to = [order.receiver] if order.receiver else []
        head = orjson.dumps([order.operation, order.everything, *to])
        return sha256(head + b"\n" + self.ids.tobytes()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is."""

    hash: str
    operation: Operation
    total: int
    verdicts: Mapping[str, int]
    """How many rows have had each verdict so far."""
    id: int = 0
    left_out: tuple[tuple[str, Verdict], ...] = ()
    """What was not done in the last step: number or id, and why."""

    @property
    def seen(self) -> int:
        """How many rows have had their verdict."""
        return sum(self.verdicts.values())

    @property
    def finished(self) -> bool:
        """Whether all have."""
        return self.seen >= self.total

    @property
    def refused(self) -> int:
        """How many were refused."""
        return sum(count for verdict, count in self.verdicts.items() if Verdict(verdict).refused)


@dataclass(frozen=True, slots=True)
class OperationRow:
    """An operation that has begun, and how far it is."""

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
    """How many rows have had each verdict so far."""
    selected_by: Mapping[str, Any]
    """How they were selected, as the log has it."""
    moved_at: datetime
    """When its last part was done."""
    stopped_by: str = ""
    """Who has stopped it; empty where nobody has."""
    ended_at: datetime | None = None
    """None: it is not finished."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """A row of an operation that was not done: the id of an appeal or a delivery, or a position of the log."""

    id: int
    verdict: Verdict
    place: int
    """Where the list goes on behind it."""
