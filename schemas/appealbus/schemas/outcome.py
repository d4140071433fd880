"""How a lookup ended."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from appealbus.schemas.base import Word
from appealbus.schemas.record import Record

R_co = TypeVar("R_co", bound=Record, covariant=True)


class OutcomeKind(Word):
    """The nine ways a lookup ends; exactly one of them."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    NOT_APPLICABLE = "not_applicable"
    """Its inputs are absent or malformed."""
    REFUSED = "refused"
    """The source says that we have no right, or no consent."""
    UNAVAILABLE = "unavailable"
    TIMED_OUT = "timed_out"
    INVALID = "invalid"
    """The reply was broken."""
    AWAITING = "awaiting"
    """Consent or an asynchronous answer is on its way."""
    SKIPPED = "skipped"
    """A lookup that it takes an input from did not end in found."""

    @property
    def final(self) -> bool:
        """Whether asking again cannot change it."""
        return self in _FINAL


_FINAL = frozenset({OutcomeKind.FOUND, OutcomeKind.NOT_FOUND, OutcomeKind.NOT_APPLICABLE, OutcomeKind.REFUSED})


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R_co]):
    """How a lookup ended, with the record where it ended in found.

    Attributes:
        kind: one of the nine.
        record: the source's answer, for `found` alone.
        code: a stable word for programs, dotted: `http.502`, `shep.fault`, `gbdfl.00001`.
        reason: one sentence for people. Never a value that came from a person or a register.
        retry_after: seconds before asking again makes sense, where the source said so.
        not_before: the moment before which asking again makes no sense, where that is known.
    """

    kind: OutcomeKind
    record: R_co | None = None
    code: str = ""
    reason: str = ""
    retry_after: float | None = None
    not_before: datetime | None = None

    def __post_init__(self) -> None:
        if (self.kind is OutcomeKind.FOUND) != (self.record is not None):
            raise ValueError("an outcome has a record exactly when it is found")
        if self.record is not None and not isinstance(self.record, Record):
            raise TypeError("the record of an outcome must be a Record")
        if self.retry_after is not None and not 0 <= self.retry_after < math.inf:
            raise ValueError("retry_after must be a number of seconds, nought or more")
        if self.not_before is not None and self.not_before.tzinfo is None:
            raise ValueError("not_before must be a moment with its time zone")
