"""The answers that a lookup can give, one constructor each."""

from datetime import datetime
from typing import TypeVar

from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record

R = TypeVar("R", bound=Record)


def found(record: R) -> Outcome[R]:
    """Return the outcome of a question that the source answered with a record."""
    return Outcome(OutcomeKind.FOUND, record)


def not_found(code: str = "", reason: str = "the source knows no such record") -> Outcome[Record]:
    """Return the outcome of a question that the source answered with: no such record."""
    return Outcome(OutcomeKind.NOT_FOUND, code=code, reason=reason)


def not_applicable(reason: str, code: str = "inputs.absent") -> Outcome[Record]:
    """Return the outcome of a question that cannot be put, since inputs are absent or malformed."""
    return Outcome(OutcomeKind.NOT_APPLICABLE, code=code, reason=reason)


def refused(code: str, reason: str) -> Outcome[Record]:
    """Return the outcome of a question that the source will not answer to us."""
    return Outcome(OutcomeKind.REFUSED, code=code, reason=reason)


def unavailable(
    code: str, reason: str, retry_after: float | None = None, *, not_before: datetime | None = None
) -> Outcome[Record]:
    """Return the outcome of a question that the source could not take now.

    Args:
        code: for programs.
        reason: for people.
        retry_after: seconds for which the source wants to be left alone.
        not_before: when the question is put again, with its time zone: exactly then, where that is known.

    """
    return Outcome(OutcomeKind.UNAVAILABLE, None, code, reason, retry_after, not_before)


def timed_out(code: str, reason: str) -> Outcome[Record]:
    """Return the outcome of a question that was not answered in time."""
    return Outcome(OutcomeKind.TIMED_OUT, code=code, reason=reason)


def invalid(code: str, reason: str) -> Outcome[Record]:
    """Return the outcome of a question whose reply is broken."""
    return Outcome(OutcomeKind.INVALID, code=code, reason=reason)


def awaiting(code: str, reason: str, retry_after: float | None = None) -> Outcome[Record]:
    """Return the outcome of a question whose answer waits for consent or comes by another way."""
    return Outcome(OutcomeKind.AWAITING, code=code, reason=reason, retry_after=retry_after)


def skipped(reason: str, code: str = "input.missing") -> Outcome[Record]:
    """Return the outcome of a question whose input's lookup did not end in found."""
    return Outcome(OutcomeKind.SKIPPED, code=code, reason=reason)
